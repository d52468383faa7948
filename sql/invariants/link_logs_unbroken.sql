-- SPDX-License-Identifier: AGPL-3.0-or-later
-- (rules PEER-5, PEER-9): each log is there from its first entry to where the
-- link says that it ends; each batch has the head that its header gives, and
-- names the head before it.
with batches as (
  select link, own, first_seq, last_seq, head, promised, settled, released,
         seq,
         case when get_byte(batch, 1) < 128
              then substring(batch from 3 for get_byte(batch, 1))
              else substring(batch from 4 for get_byte(batch, 1) - 128
                                              + get_byte(batch, 2) * 128)
         end as header,
         lag(last_seq, 1, 0::bigint) over w as last_before,
         lag(head) over w as head_before,
         lag(promised, 1, 0::bigint) over w as promised_before,
         lag(settled, 1, 0::bigint) over w as settled_before,
         lag(released, 1, 0::bigint) over w as released_before,
         lag(seq, 1, 0::bigint) over w as seq_before
    from clearing.link_batch
   where withdrawn_seq = 0
  window w as (partition by link, own order by first_seq)
), ends as (
  select number, true as own, out_seq as last_seq, out_head as head,
         out_promised as promised, out_settled as settled,
         out_released as released, out_journal_seq as seq
    from clearing.link
   union all
  select number, false, in_seq, in_head, in_promised, in_settled,
         in_released, in_journal_seq
    from clearing.link
)
select 'does not continue the log' as fault, link, own, first_seq
  from batches
 where first_seq <> last_before + 1 or seq < seq_before
    or promised < promised_before or settled < settled_before
    or released < released_before
 union all
select 'head is not that of the header', link, own, first_seq
  from batches
 where head <> sha256('clearing/head/1\000'::bytea || header)
 union all
select 'header does not name the batch before', link, own, first_seq
  from batches
 where position(head_before in header) = 0
 union all
select 'link does not end with its log', e.number, e.own, e.last_seq
  from ends e
  left join lateral (
    select b.last_seq, b.head, b.promised, b.settled, b.released, b.seq
      from batches b where b.link = e.number and b.own = e.own
     order by b.first_seq desc limit 1) b on true
 where e.last_seq <> coalesce(b.last_seq, 0)
    or (b.last_seq is not null
        and (e.head, e.promised, e.settled, e.released, e.seq)
            <> (b.head, b.promised, b.settled, b.released, b.seq))
 union all
select 'of no link', b.link, b.own, b.first_seq
  from clearing.link_batch b
 where not exists (select from clearing.link l where l.number = b.link);
