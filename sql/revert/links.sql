-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Revert clearing:links
begin;

update clearing.schema_info set version = 1, needs_node = 1;
-- Such a database has forgotten what links were: its tables are made anew.
delete from clearing.command where kind > 99;
alter table clearing.command drop constraint command_kind_check;
alter table clearing.command add constraint command_kind_check
  check (kind between 1 and 99);
drop table clearing.federation;
drop table clearing.link_change;
drop table clearing.payment_request;
drop table clearing.payment;
drop table clearing.link_batch;
drop table clearing.link_life;
drop table clearing.link;

commit;
