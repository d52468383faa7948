-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Verify clearing:schema
select 1 / pg_catalog.has_schema_privilege('clearing_owner', 'clearing',
                                           'create')::int;
select 1 / count(*) from clearing.schema_info
 where version >= 1 and needs_node between 1 and version;
