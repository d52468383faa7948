-- SPDX-License-Identifier: AGPL-3.0-or-later
-- (rule JOURNAL-10): who says that it writes took over with a block.
select w.node, w.epoch, j.epoch as journal
  from clearing.writer w,
       (select coalesce(max(epoch), 0) as epoch from clearing.journal) j
 where w.epoch > j.epoch;
