-- SPDX-License-Identifier: AGPL-3.0-or-later
-- (rule LEDGER-15): a hold expired in a block that was not before its time,
-- and was posted or voided in one that was.
select h.id, h.state, h.expires_at, j.seq, j.created
  from clearing.hold h
  join clearing.journal j on j.seq = h.ended_seq
 where (h.state = 4) <> (timestamptz '1970-01-01 00:00:00Z'
         + j.created * interval '1 microsecond' >= h.expires_at);
