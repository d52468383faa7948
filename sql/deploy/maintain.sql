-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Deploy clearing:maintain
begin;

set local role clearing_owner;

-- A new partition is made as a table of its own and attached: that takes
-- SHARE UPDATE EXCLUSIVE on the parent, so the node goes on writing; "create
-- table ... partition of" would stop it. Two callers at once: the second
-- waits for the first's lock on the parent and then finds nothing to do.
create function clearing.make_partition(parent text, place bigint, size bigint,
                                        options text)
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $body$
declare
  child constant text := parent || '_' || place;
begin
  if to_regclass(format('clearing.%I', child)) is not null then
    return false;
  end if;
  execute format('create table clearing.%I (like clearing.%I including '
                 'comments including constraints including defaults '
                 'including storage) %s', child, parent, options);
  execute format('alter table clearing.%I attach partition clearing.%I '
                 'for values from (%s) to (%s)', parent, child,
                 place * size, (place + 1) * size);
  return true;
end
$body$;
comment on function clearing.make_partition(text, bigint, bigint, text) is
  'one partition number place of size, if it is not there; for maintain()';

-- (rule JOURNAL-22)
create function clearing.maintain()
returns int
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $body$
declare
  blocks  constant bigint := 1048576; -- 2^20 a journal segment
  numbers constant bigint := 8388608; -- 2^23 a transfer partition
  ahead   constant bigint := 2;
  newest  bigint;
  made    int := 0;
  place   bigint;
begin
  lock table only clearing.journal in share update exclusive mode;
  lock table only clearing.transfer in share update exclusive mode;
  select coalesce(max(seq), 0) / blocks into newest from clearing.journal;
  -- From the head's neighbour on: what lies below may be archived and gone.
  for place in select generate_series(greatest(newest - 1, 0),
                                      newest + ahead) loop
    -- Blocks up to 8 kB stay in the row.
    if clearing.make_partition('journal', place, blocks,
                               'with (toast_tuple_target = 8160)') then
      made := made + 1;
    end if;
  end loop;
  select greatest(next_number, (select coalesce(max(number), 0)
                                  from clearing.transfer)) / numbers
    into newest from clearing.projection;
  for place in select generate_series(greatest(newest - 1, 0),
                                      newest + ahead) loop
    if clearing.make_partition('transfer', place, numbers, '') then
      made := made + 1;
    end if;
  end loop;
  return made;
end
$body$;
comment on function clearing.maintain() is
  'makes the partitions of journal and transfer so that two are ahead of the '
  'newest block and number; returns how many it made. The node calls it now '
  'and then; it has no other right to change the schema';

revoke all on function clearing.make_partition(text, bigint, bigint, text)
  from public;
revoke all on function clearing.maintain() from public;

do 'begin perform clearing.maintain(); end';

commit;
