-- SPDX-License-Identifier: AGPL-3.0-or-later
-- (rule LEDGER-13): what an account has pending is what its open holds
-- reserve, and holds_open counts them.
with side as (
  select debit_account as account, amount as debit, 0::bigint as credit
    from clearing.hold where state = 1
   union all
  select credit_account, 0, amount from clearing.hold where state = 1
), total as (
  select account, sum(debit) as debits, sum(credit) as credits,
         count(*) as holds
    from side group by account
)
select coalesce(a.id, t.account) as account, a.debits_pending, t.debits,
       a.credits_pending, t.credits, a.holds_open, t.holds
  from clearing.account a
  full join total t on t.account = a.id
 where a.id is null
    or a.debits_pending <> coalesce(t.debits, 0)
    or a.credits_pending <> coalesce(t.credits, 0)
    or a.holds_open <> coalesce(t.holds, 0);
