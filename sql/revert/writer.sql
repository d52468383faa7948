-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Revert clearing:writer
begin;

drop table clearing.writer;

commit;
