-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Revert clearing:rejoin
begin;

-- A database that says when a rejoin ended cannot go back: the constraints
-- below refuse it.
update clearing.schema_info set version = 3, needs_node = 3;
alter table clearing.link_change drop constraint link_change_has_actor;
alter table clearing.link_change add constraint link_change_has_actor check
  ((what in (100, 114, 117)) = (actor is null)
   and (what in (100, 114, 117)) = (reason = ''));
alter table clearing.link_change
  drop constraint link_change_names_its_link;
alter table clearing.link_change add constraint link_change_names_its_link
  check ((what in (113, 114)) = (link is null));
alter table clearing.link_change drop constraint link_change_what_check;
alter table clearing.link_change add constraint link_change_what_check
  check (what in (100, 109, 110, 111, 113, 114, 117));
comment on column clearing.link_change.what is
  'event number: 100 opened, 109 paused, 110 resumed, 111 commanded, '
  '113 rejoined, 114 roster adopted, 117 the neighbour is GONE';
alter table clearing.federation drop rejoin;

commit;
