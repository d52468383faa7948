-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Revert clearing:entries
begin;

drop table clearing.command;
drop table clearing.hold;
drop table clearing.transfer;

commit;
