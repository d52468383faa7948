-- SPDX-License-Identifier: AGPL-3.0-or-later
-- (rule LEDGER-17): accounts and actors that rows name exist. (No foreign
-- keys: deploy/accounts.sql says why.)
select 'account' as what, account as id, source
  from (select debit_account as account, 'transfer' as source
          from clearing.transfer
         union
        select credit_account, 'transfer' from clearing.transfer
         union
        select debit_account, 'hold' from clearing.hold
         union
        select credit_account, 'hold' from clearing.hold
         union
        select account, 'account_change' from clearing.account_change
         union
        select account, 'account_month' from clearing.account_month) named
 where not exists (select from clearing.account a where a.id = named.account)
 union all
select 'actor', actor, source
  from (select actor, 'transfer' as source from clearing.transfer
         union
        select actor, 'hold' from clearing.hold
         union
        select ended_actor, 'hold' from clearing.hold
         where ended_actor is not null
         union
        select actor, 'account_change' from clearing.account_change
         where actor is not null) named
 where not exists (select from clearing.actor a where a.id = named.actor);
