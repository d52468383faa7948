-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Revert clearing:estate
begin;

-- Such a database cannot say what ended with a city that is GONE: with one
-- the constraints below refuse.
update clearing.schema_info set version = 2, needs_node = 2;
alter table clearing.link_change drop constraint link_change_has_actor;
alter table clearing.link_change add constraint link_change_has_actor check
  ((what in (100, 114)) = (actor is null)
   and (what in (100, 114)) = (reason = ''));
alter table clearing.link_change drop constraint link_change_what_check;
alter table clearing.link_change add constraint link_change_what_check
  check (what in (100, 109, 110, 111, 113, 114));
comment on column clearing.link_change.what is
  'event number: 100 opened, 109 paused, 110 resumed, 111 commanded, '
  '113 rejoined, 114 roster adopted';
alter table clearing.payment drop constraint payment_answered;
alter table clearing.payment add constraint payment_answered check
  (in_answered = (in_state in (4, 5))
   and (not in_answered or answer_seq > 0));
alter table clearing.payment drop constraint payment_way_out;
alter table clearing.payment add constraint payment_way_out check
  (out_state in (0, 3, 4, 5) and (out_link = 0) = (out_seq = 0)
   and (out_link = 0 or out_state <> 0)
   and (out_link <> 0 or out_state = 0 or (role = 1 and out_state = 5)));
comment on column clearing.payment.in_answered is
  'the own log says how the promise that came in ended';
comment on column clearing.payment.answer_seq is
  'of the own Settle or Release; at the origin the neighbour''s; 0: none';
alter table clearing.link drop estate;
alter table clearing.link drop gone;

commit;
