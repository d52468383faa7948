-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Verify clearing:rejoin
select rejoin from clearing.federation where false;
-- Each line fails by a division by zero.
select 1 / (count(*) = 3)::int
  from pg_catalog.pg_constraint
 where conname in ('link_change_what_check', 'link_change_names_its_link',
                   'link_change_has_actor')
   and pg_catalog.pg_get_constraintdef(oid) like '%121%';
select 1 / count(*) from clearing.schema_info
 where version >= 4 and needs_node between 4 and version;
