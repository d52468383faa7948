-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Numbers, blocks and places rise together (rule JOURNAL-14).
select number, seq, index, previous_seq, previous_index
  from (select number, seq, index, lag(seq) over w as previous_seq,
               lag(index) over w as previous_index
          from (select number, seq, index from clearing.transfer
                 union all
                select number, placed_seq, placed_index
                  from clearing.hold) entry
        window w as (order by number)) ordered
 where (seq, index) <= (previous_seq, previous_index);
