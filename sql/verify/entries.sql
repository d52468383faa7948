-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Verify clearing:entries
select number, id, seq, index, debit_account, credit_account, amount, kind,
       reference, hold_id, actor, posted_at, debit_previous, credit_previous
  from clearing.transfer where false;
select number, id, debit_account, credit_account, amount, state,
       posted_amount, expires_at, kind, reference, actor, placed_seq,
       placed_index, ended_seq, ended_actor
  from clearing.hold where false;
select id, kind, seq, index from clearing.command where false;
