-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Deploy clearing:withdraw
-- Projection: who had a wedged link's entries withdrawn, and why (rule PEER-23).
begin;

set local role clearing_owner;

alter table clearing.link_change drop constraint link_change_what_check;
alter table clearing.link_change add constraint link_change_what_check
  check (what in (100, 109, 110, 111, 113, 114, 117, 121, 122));
comment on column clearing.link_change.what is
  'event number: 100 opened, 109 paused, 110 resumed, 111 commanded, '
  '113 rejoined, 114 roster adopted, 117 the neighbour is GONE, '
  '121 rejoin ended, 122 withdrawal ordered';

update clearing.schema_info set version = 5, needs_node = 5;

commit;
