-- SPDX-License-Identifier: AGPL-3.0-or-later
-- (rule JOURNAL-24): a memo stands beside a block that is there.
select m.seq, m.index
  from clearing.memo m
 where not exists (select from clearing.journal j where j.seq = m.seq);
