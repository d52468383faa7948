-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Deploy clearing:grants
-- Least rights: what is not given here is refused, and tests/sql tries it.
begin;

set local role clearing_owner;

grant usage on schema clearing
   to clearing_app, clearing_auditor, clearing_backup;

-- (rule JOURNAL-1): on the parent alone; no UPDATE, DELETE or TRUNCATE, and
-- nothing on segments. (A fence by row locks would have needed UPDATE.)
grant select, insert on clearing.journal to clearing_app;
grant select, insert on clearing.memo to clearing_app;

grant select on clearing.schema_info to clearing_app;
grant select, update on clearing.writer to clearing_app;
grant execute on function clearing.maintain() to clearing_app;

-- The projection: truncate to rebuild it, never delete.
grant select, insert, update, truncate
   on clearing.projection, clearing.genesis, clearing.actor, clearing.account,
      clearing.account_change, clearing.account_month, clearing.month_start,
      clearing.transfer, clearing.hold, clearing.command
   to clearing_app;

-- Partitions to come are for them too: pg_dump reads each by itself.
grant select on all tables in schema clearing
   to clearing_auditor, clearing_backup;
alter default privileges for role clearing_owner in schema clearing
  grant select on tables to clearing_auditor, clearing_backup;

commit;
