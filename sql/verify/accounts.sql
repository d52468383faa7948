-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Verify clearing:accounts
select one, seq, hash, epoch, next_number, time_us
  from clearing.projection where false;
select 1 / count(*) from clearing.projection;
select one, federation, city, unit, decimals, node_key
  from clearing.genesis where false;
select id, uri from clearing.actor where false;
select id, address, display_name, state, gateway_allowed, credit_limit,
       balance_ceiling, debits_posted, credits_posted, debits_pending,
       credits_pending, holds_open, last_number
  from clearing.account where false;
select seq, index, account, what, old_credit_limit, new_credit_limit,
       old_balance_ceiling, new_balance_ceiling, actor, reason, changed_at
  from clearing.account_change where false;
select account, month, last_number, debits_posted, credits_posted
  from clearing.account_month where false;
select month, first_number from clearing.month_start where false;
