-- SPDX-License-Identifier: AGPL-3.0-or-later
-- A neighbour's account is what the two logs say, apart from payments that
-- are booked here while a log does not say so yet: answers that this city
-- owes, and answers it took from the neighbour before they came back to it;
-- and apart from what posted when a neighbour's log had ended (rule PEER-44).
with books as (
  select l.number, l.city, l.in_settled - l.out_settled - l.estate
         - coalesce((select sum(p.amount) from clearing.payment p
                      where p.in_link = l.number and p.booked
                        and not p.in_answered), 0)
         + coalesce((select sum(p.amount) from clearing.payment p
                      where p.out_link = l.number and p.booked
                        and p.out_state <> 4), 0) as by_logs,
         a.credits_posted - a.debits_posted as by_account,
         a.address
    from clearing.link l
    left join clearing.account a on a.id = l.account
)
select number, city, by_logs, by_account, address
  from books
 where by_account is distinct from by_logs
    or address is distinct from 'link/' || city;
