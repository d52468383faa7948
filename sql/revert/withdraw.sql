-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Revert clearing:withdraw
begin;

-- A database that says who ordered a withdrawal cannot go back: the constraint
-- below refuses it.
update clearing.schema_info set version = 4, needs_node = 4;
alter table clearing.link_change drop constraint link_change_what_check;
alter table clearing.link_change add constraint link_change_what_check
  check (what in (100, 109, 110, 111, 113, 114, 117, 121));
comment on column clearing.link_change.what is
  'event number: 100 opened, 109 paused, 110 resumed, 111 commanded, '
  '113 rejoined, 114 roster adopted, 117 the neighbour is GONE, '
  '121 rejoin ended';

commit;
