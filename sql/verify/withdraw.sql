-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Verify clearing:withdraw
-- Each line fails by a division by zero.
select 1 / (count(*) = 1)::int
  from pg_catalog.pg_constraint
 where conname = 'link_change_what_check'
   and pg_catalog.pg_get_constraintdef(oid) like '%122%';
select 1 / count(*) from clearing.schema_info
 where version >= 5 and needs_node between 5 and version;
