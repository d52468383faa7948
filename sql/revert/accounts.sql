-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Revert clearing:accounts
begin;

drop table clearing.month_start;
drop table clearing.account_month;
drop table clearing.account_change;
drop table clearing.account;
drop table clearing.actor;
drop table clearing.genesis;
drop table clearing.projection;

commit;
