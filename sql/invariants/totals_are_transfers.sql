-- SPDX-License-Identifier: AGPL-3.0-or-later
-- The growing totals of each account are the sums of its transfers, and its
-- last_number is the newest of them.
with side as (
  select debit_account as account, amount as debit, 0::bigint as credit, number
    from clearing.transfer
   union all
  select credit_account, 0, amount, number from clearing.transfer
), total as (
  select account, sum(debit) as debits, sum(credit) as credits,
         max(number) as last_number
    from side group by account
)
select coalesce(a.id, t.account) as account, a.debits_posted, t.debits,
       a.credits_posted, t.credits, a.last_number, t.last_number as newest
  from clearing.account a
  full join total t on t.account = a.id
 where a.id is null
    or a.debits_posted <> coalesce(t.debits, 0)
    or a.credits_posted <> coalesce(t.credits, 0)
    or a.last_number <> coalesce(t.last_number, 0);
