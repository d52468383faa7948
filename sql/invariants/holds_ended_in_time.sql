-- SPDX-License-Identifier: AGPL-3.0-or-later
-- (rule LEDGER-15): a hold was posted or voided before it expired, or not at
-- all. (The block of an expiry may have been opened before that moment, so
-- its time says nothing.)
select h.id, h.state, h.expires_at, j.seq, j.created
  from clearing.hold h
  join clearing.journal j on j.seq = h.ended_seq
 where h.state in (2, 3)
   and timestamptz '1970-01-01 00:00:00Z'
       + j.created * interval '1 microsecond' >= h.expires_at;
