-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Revert clearing:odd-terms
begin;

-- A database that keeps a promise of nothing cannot go back: the constraint
-- below refuses it.
update clearing.schema_info set version = 5, needs_node = 5;
comment on column clearing.payment.amount is null;
alter table clearing.payment drop constraint payment_amount_check;
alter table clearing.payment add constraint payment_amount_check
  check (amount between 1 and 9007199254740991);

commit;
