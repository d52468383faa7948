-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Revert clearing:schema
-- No cascade: what is not ours, or not reverted, stops this.
begin;

drop table clearing.schema_info;
drop schema clearing;

commit;
