-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Transfers from a month's first number to the next one's are of that month
-- (UTC), and the numbers rise with the months.
with span as (
  select month, first_number,
         lead(month) over (order by month) as next_month,
         lead(first_number) over (order by month) as next_first
    from clearing.month_start
)
select s.month, t.number, t.posted_at
  from clearing.transfer t
  left join span s on t.number >= s.first_number
                  and (s.next_first is null or t.number < s.next_first)
 where s.month is null
    or s.month <> date_trunc('month', t.posted_at at time zone 'UTC')::date
 union all
select month, first_number, null
  from span
 where next_first < first_number;
