-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Deploy clearing:rejoin
-- Projection: a city that rebuilds its books after a restore (rule PEER-22).
begin;

set local role clearing_owner;

alter table clearing.federation add rejoin smallint not null default 0
  check (rejoin between 0 and 2);
alter table clearing.federation alter rejoin drop default;
comment on column clearing.federation.rejoin is
  '1 the books are being rebuilt from the neighbours'' logs, closed to local '
  'commands; 2 likewise, but open; 0 neither';

alter table clearing.link_change drop constraint link_change_what_check;
alter table clearing.link_change add constraint link_change_what_check
  check (what in (100, 109, 110, 111, 113, 114, 117, 121));
alter table clearing.link_change
  drop constraint link_change_names_its_link;
alter table clearing.link_change add constraint link_change_names_its_link
  check ((what in (113, 114, 121)) = (link is null));
alter table clearing.link_change drop constraint link_change_has_actor;
-- (rule LEDGER-17): the node opens and ends links, takes rosters and ends a
-- rejoin by itself.
alter table clearing.link_change add constraint link_change_has_actor check
  ((what in (100, 114, 117, 121)) = (actor is null)
   and (what in (100, 114, 117, 121)) = (reason = ''));
comment on column clearing.link_change.what is
  'event number: 100 opened, 109 paused, 110 resumed, 111 commanded, '
  '113 rejoined, 114 roster adopted, 117 the neighbour is GONE, '
  '121 rejoin ended';

update clearing.schema_info set version = 4, needs_node = 4;

commit;
