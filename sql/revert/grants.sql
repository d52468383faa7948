-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Revert clearing:grants
begin;

set local role clearing_owner;

alter default privileges for role clearing_owner in schema clearing
  revoke select on tables from clearing_auditor, clearing_backup;
revoke all on all tables in schema clearing
  from clearing_app, clearing_auditor, clearing_backup;
revoke all on all functions in schema clearing from clearing_app;
revoke all on schema clearing
  from clearing_app, clearing_auditor, clearing_backup;

commit;
