-- SPDX-License-Identifier: AGPL-3.0-or-later
-- A closed month holds each account that moved in it, as it stood at its
-- end: the sums of all transfers before the next month's first number.
with span as (
  select month, first_number,
         lead(first_number) over (order by month) as next_first
    from clearing.month_start
), side as (
  select debit_account as account, number, amount as debit,
         0::bigint as credit from clearing.transfer
   union all
  select credit_account, number, 0, amount from clearing.transfer
), moved as (
  select s.account, m.month, max(s.number) as last_number,
         sum(s.debit) as debit, sum(s.credit) as credit
    from side s
    join span m on s.number >= m.first_number and s.number < m.next_first
   group by s.account, m.month
), closed as (
  select account, month, last_number,
         sum(debit) over w as debits, sum(credit) over w as credits
    from moved
  window w as (partition by account order by month)
)
select coalesce(c.account, a.account) as account,
       coalesce(c.month, a.month) as month, a.last_number,
       c.last_number as newest, a.debits_posted, c.debits,
       a.credits_posted, c.credits
  from closed c
  full join clearing.account_month a
    on a.account = c.account and a.month = c.month
 where c.account is null or a.account is null
    or a.last_number <> c.last_number or a.debits_posted <> c.debits
    or a.credits_posted <> c.credits;
