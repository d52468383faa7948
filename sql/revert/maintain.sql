-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Revert clearing:maintain
-- The partitions stay: they go with their parents.
begin;

drop function clearing.maintain();
drop function clearing.make_partition(text, bigint, bigint, text);

commit;
