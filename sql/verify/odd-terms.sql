-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Verify clearing:odd-terms
-- Each line fails by a division by zero.
select 1 / count(*)
  from pg_catalog.pg_constraint
 where conname = 'payment_amount_check'
   and conrelid = 'clearing.payment'::regclass
   and pg_catalog.pg_get_constraintdef(oid) like '%amount >= 0%';
select 1 / count(*) from clearing.schema_info
 where version = 6 and needs_node = 6;
