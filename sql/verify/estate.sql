-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Verify clearing:estate
select gone, estate from clearing.link where false;
-- Each line fails by a division by zero.
select 1 / (count(*) = 2)::int
  from pg_catalog.pg_constraint
 where conname in ('link_change_what_check', 'link_change_has_actor')
   and pg_catalog.pg_get_constraintdef(oid) like '%117%';
select 1 / (count(*) = 3)::int
  from pg_catalog.pg_constraint
 where conname in ('link_estate_of_gone', 'payment_way_out',
                   'payment_answered')
   and pg_catalog.pg_get_constraintdef(oid) not like '%answer_seq%';
select 1 / count(*) from clearing.schema_info
 where version >= 3 and needs_node between 3 and version;
