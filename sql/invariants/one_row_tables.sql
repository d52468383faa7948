-- SPDX-License-Identifier: AGPL-3.0-or-later
-- The tables of one row have it; genesis once block 0 is in the tables.
select what, rows
  from (select 'schema_info' as what, count(*) as rows
          from clearing.schema_info
         union all
        select 'writer', count(*) from clearing.writer
         union all
        select 'projection', count(*) from clearing.projection
         union all
        select 'genesis', count(*)
               + (select count(*) from clearing.projection where seq < 0)
          from clearing.genesis) counted
 where rows <> 1;
