-- SPDX-License-Identifier: AGPL-3.0-or-later
-- (rules JOURNAL-16, JOURNAL-19): the tables stand at a block of this very
-- journal, with its hash and time; before the first one, at nothing.
select p.seq, encode(p.hash, 'hex') as hash, encode(j.hash, 'hex') as journal,
       p.time_us, j.created
  from clearing.projection p
  left join clearing.journal j on j.seq = p.seq
 where (p.seq = -1
        and (p.hash <> decode(repeat('00', 32), 'hex') or p.next_number <> 1
             or p.time_us <> 0))
    or (p.seq >= 0
        and (j.seq is null or j.hash <> p.hash or j.created <> p.time_us
             or j.epoch > p.epoch));
