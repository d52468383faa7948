-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Entries are numbered densely from 1: transfers, holds and voids together
-- are as many as were numbered, and no number is used twice.
select 'count' as what, p.next_number - 1 as numbered,
       (select count(*) from clearing.transfer)
       + (select count(*) from clearing.hold)
       + (select count(*) from clearing.hold where state = 3) as found
  from clearing.projection p
 where p.next_number - 1 <>
       (select count(*) from clearing.transfer)
       + (select count(*) from clearing.hold)
       + (select count(*) from clearing.hold where state = 3)
 union all
select 'twice', t.number, h.number
  from clearing.transfer t
  join clearing.hold h on h.number = t.number
 union all
select 'beyond', p.next_number, greatest(t.number, h.number)
  from clearing.projection p,
       (select coalesce(max(number), 0) as number from clearing.transfer) t,
       (select coalesce(max(number), 0) as number from clearing.hold) h
 where greatest(t.number, h.number) >= p.next_number;
