-- SPDX-License-Identifier: AGPL-3.0-or-later
-- (rules PEER-29, PEER-31): a promise belongs to one payment, an answer to one
-- promise, an id is accepted once; what a middle city owes is what it was
-- told, and what is over is no longer open.
select 'promise taken twice' as fault, in_link as link, in_seq as seq
  from clearing.payment
 where in_link > 0
 group by in_link, in_seq
having count(*) > 1
 union all
select 'promise sent twice', out_link, out_seq
  from clearing.payment
 where out_seq > 0
 group by out_link, out_seq
having count(*) > 1
 union all
select 'answered twice', in_link, answer_seq
  from clearing.payment
 where in_answered and answer_seq > 0
 group by in_link, answer_seq
having count(*) > 1
 union all
select 'accepted twice', count(*), max(number)
  from clearing.payment
 where accepted
 group by id
having count(*) > 1
 union all
select 'answered otherwise than told', in_link, number
  from clearing.payment
 where role = 2 and in_answered
   and (in_state, out_state) in ((4, 5), (5, 4))
 union all
select 'answered without an entry', p.in_link, p.number
  from clearing.payment p
  left join clearing.link l on l.number = p.in_link
 where p.in_answered and p.answer_seq = 0 and l.gone is not true
 union all
select 'sent without an entry', p.out_link, p.number
  from clearing.payment p
  join clearing.link l on l.number = p.out_link
 where p.out_seq = 0 and not l.gone
 union all
select 'entry beyond its log', p.in_link, p.number
  from clearing.payment p
  join clearing.link l on l.number = p.in_link
 where p.in_seq > l.in_seq or (p.in_answered and p.answer_seq > l.out_seq)
 union all
select 'entry beyond its log', p.out_link, p.number
  from clearing.payment p
  join clearing.link l on l.number = p.out_link
 where p.out_seq > l.out_seq
 union all
select 'open, and over', out_link, number
  from clearing.payment
 where role = 1 and open <> (out_state not in (4, 5))
 union all
select 'over, and open', p.in_link, p.number
  from clearing.payment p
  left join clearing.link l on l.number = p.in_link
 where p.role > 1 and not p.open
   and (l.number is null or not p.in_answered
        or p.answer_seq > l.acknowledged or p.out_state = 3)
 union all
select 'held, without a hold', in_link, number
  from clearing.payment p
 where p.hold_id is not null
   and not exists (select from clearing.hold h
                    where h.id = p.hold_id and h.amount = p.amount);
