-- SPDX-License-Identifier: AGPL-3.0-or-later
-- (rule LEDGER-17): a transfer's block is there, is projected, and gave it
-- its time.
select t.seq, min(t.number) as first_number, min(t.posted_at) as posted_at,
       j.created
  from clearing.transfer t
  left join clearing.journal j on j.seq = t.seq
 cross join clearing.projection p
 where j.seq is null
    or t.seq > p.seq
    or t.posted_at <> timestamptz '1970-01-01 00:00:00Z'
                      + j.created * interval '1 microsecond'
 group by t.seq, j.created;
