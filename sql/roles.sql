-- SPDX-License-Identifier: AGPL-3.0-or-later
-- The four group roles, once a cluster: run as a superuser before sqitch, as
-- often as you like. They belong to all databases of the cluster, so no
-- change of the sqitch project makes or drops them. People and nodes log in
-- with roles of their own that are members of one of these.
do $roles$
declare
  wanted text;
begin
  foreach wanted in array array['clearing_owner', 'clearing_app',
                                'clearing_auditor', 'clearing_backup']
  loop
    if not exists (select from pg_catalog.pg_roles where rolname = wanted) then
      begin
        execute format('create role %I nologin', wanted);
      exception when duplicate_object or unique_violation then
        null; -- another database's set-up made it in this very moment
      end;
    end if;
  end loop;
end
$roles$;

comment on role clearing_owner is
  'owns the schema clearing; blanks memos; used by sqitch and by nobody else';
comment on role clearing_app is
  'the node: appends to the journal, keeps the projection';
comment on role clearing_auditor is 'reads everything, changes nothing';
comment on role clearing_backup is 'pg_dump: reads everything';
