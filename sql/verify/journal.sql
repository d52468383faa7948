-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Verify clearing:journal
select seq, epoch, created, prev_hash, hash, payload
  from clearing.journal where false;
select seq, index, text, salt from clearing.memo where false;
