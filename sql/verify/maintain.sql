-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Verify clearing:maintain
-- There, the owner's, security definer, and with its search_path pinned.
select 1 / count(*)
  from pg_catalog.pg_proc p
 where p.oid = 'clearing.maintain()'::pg_catalog.regprocedure
   and p.prosecdef
   and p.proowner = 'clearing_owner'::pg_catalog.regrole
   and p.proconfig = array['search_path=pg_catalog, pg_temp'];
-- Two segments and two partitions ahead, at the least.
select 1 / (count(*) >= 6)::int
  from pg_catalog.pg_inherits i
 where i.inhparent in ('clearing.journal'::pg_catalog.regclass,
                       'clearing.transfer'::pg_catalog.regclass);
