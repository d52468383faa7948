-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Each change and command belongs to a projected block; a change has its
-- block's time.
select 'account_change' as what, c.seq, c.index
  from clearing.account_change c
  left join clearing.journal j on j.seq = c.seq
 cross join clearing.projection p
 where j.seq is null or c.seq > p.seq
    or c.changed_at <> timestamptz '1970-01-01 00:00:00Z'
                       + j.created * interval '1 microsecond'
 union all
select 'link_change', c.seq, c.index
  from clearing.link_change c
  left join clearing.journal j on j.seq = c.seq
 cross join clearing.projection p
 where j.seq is null or c.seq > p.seq
    or c.changed_at <> timestamptz '1970-01-01 00:00:00Z'
                       + j.created * interval '1 microsecond'
 union all
select 'link_batch', b.seq, b.link
  from clearing.link_batch b
 cross join clearing.projection p
 where b.seq > p.seq or b.withdrawn_seq > p.seq
 union all
select 'payment_request', r.seq, r.index
  from clearing.payment_request r
 cross join clearing.projection p
 where r.seq > p.seq or r.ended_seq > p.seq
 union all
select 'command', c.seq, c.index
  from clearing.command c
  left join clearing.journal j on j.seq = c.seq
 cross join clearing.projection p
 where j.seq is null or c.seq > p.seq
 union all
select 'hold', h.placed_seq, h.placed_index
  from clearing.hold h
  left join clearing.journal j on j.seq = h.placed_seq
 cross join clearing.projection p
 where j.seq is null or h.placed_seq > p.seq or h.ended_seq > p.seq;
