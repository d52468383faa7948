-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Verify clearing:grants
-- Each line fails by a division by zero.
select 1 / (has_table_privilege('clearing_app', 'clearing.journal', 'insert')
        and has_table_privilege('clearing_app', 'clearing.journal', 'select')
            )::int;
select 1 / (not has_table_privilege('clearing_app', 'clearing.journal',
                                    'update, delete, truncate, trigger')
            )::int;
select 1 / (not has_table_privilege('clearing_app', 'clearing.memo',
                                    'update, delete, truncate')
            )::int;
select 1 / (not has_schema_privilege('clearing_app', 'clearing', 'create')
            )::int;
select 1 / (has_function_privilege('clearing_app', 'clearing.maintain()',
                                   'execute'))::int;
select 1 / (not has_function_privilege('clearing_auditor',
                                       'clearing.maintain()', 'execute')
            )::int;
select 1 / (has_table_privilege('clearing_app', 'clearing.writer', 'select')
        and has_table_privilege('clearing_app', 'clearing.writer', 'update')
        and not has_table_privilege('clearing_app', 'clearing.writer',
                                    'insert, delete, truncate')
            )::int;
select 1 / (not has_function_privilege(
              'clearing_app',
              'clearing.make_partition(text, bigint, bigint, text)',
              'execute'))::int;
-- The app: all it needs of the projection, and delete or more of nothing.
select 1 / (count(*) = 0)::int
  from unnest(array['projection', 'genesis', 'actor', 'account',
                    'account_change', 'account_month', 'month_start',
                    'transfer', 'hold', 'command']) as t (name),
       unnest(array['select', 'insert', 'update', 'truncate']) as p (wanted)
 where not has_table_privilege('clearing_app', 'clearing.' || t.name,
                               p.wanted);
select 1 / (count(*) = 0)::int
  from pg_catalog.pg_class c
 where c.relnamespace = 'clearing'::pg_catalog.regnamespace
   and c.relkind in ('r', 'p')
   and has_table_privilege('clearing_app', c.oid,
                           'delete, references, trigger');
-- Auditor and backup: select on every table and partition, nothing else.
select 1 / (count(*) = 0)::int
  from pg_catalog.pg_class c,
       unnest(array['clearing_auditor', 'clearing_backup']) reader
 where c.relnamespace = 'clearing'::pg_catalog.regnamespace
   and c.relkind in ('r', 'p')
   and (not has_table_privilege(reader, c.oid, 'select')
        or has_table_privilege(reader, c.oid,
                               'insert, update, delete, truncate'));
-- The app: nothing on any partition.
select 1 / (count(*) = 0)::int
  from pg_catalog.pg_inherits i
 where i.inhparent in ('clearing.journal'::pg_catalog.regclass,
                       'clearing.transfer'::pg_catalog.regclass)
   and has_table_privilege('clearing_app', i.inhrelid,
                           'select, insert, update, delete, truncate');
