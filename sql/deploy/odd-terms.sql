-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Deploy clearing:odd-terms
-- Projection: promises that are refused for their amount are kept, too.
begin;

set local role clearing_owner;

-- (rule PEER-27): a neighbour may promise nothing at all. It is answered by
-- reason 4, so the promise and its answer are facts of both logs.
alter table clearing.payment drop constraint payment_amount_check;
alter table clearing.payment add constraint payment_amount_check
  check (amount between 0 and 9007199254740991);
comment on column clearing.payment.amount is
  '0 only where a neighbour promised nothing, which is refused';

update clearing.schema_info set version = 6, needs_node = 6;

commit;
