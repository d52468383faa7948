-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Deploy clearing:estate
-- Projection: links with cities that never come back (rule PEER-44).
begin;

set local role clearing_owner;

alter table clearing.link add gone boolean not null default false;
alter table clearing.link alter gone drop default;
alter table clearing.link add estate bigint not null default 0;
alter table clearing.link alter estate drop default;
alter table clearing.link add constraint link_estate_of_gone
  check (gone or estate = 0);
comment on column clearing.link.gone is
  'the roster says that the neighbour never comes back: both logs have ended';
comment on column clearing.link.estate is
  'what the neighbour owes beyond the logs, net: a claim on its estate';

-- A leg with a city that is GONE ends without an entry in a log; the way out
-- may be known by its decider's proof alone.
alter table clearing.payment drop constraint payment_way_out;
alter table clearing.payment add constraint payment_way_out check
  (out_state in (0, 3, 4, 5) and (out_link <> 0 or out_seq = 0)
   and (out_seq <> 0 or out_link = 0 or out_state = 4)
   and (out_link = 0 or out_state <> 0)
   and (out_link <> 0 or out_state = 0 or (role = 1 and out_state = 5)));
alter table clearing.payment drop constraint payment_answered;
alter table clearing.payment add constraint payment_answered check
  (in_answered = (in_state in (4, 5)));
comment on column clearing.payment.in_answered is
  'the own log says how the promise that came in ended, or the books do where '
  'the log has ended with its reader';
comment on column clearing.payment.answer_seq is
  'of the own Settle or Release; at the origin the neighbour''s; 0: none, or '
  'it ended with a city that is GONE';

alter table clearing.link_change drop constraint link_change_what_check;
alter table clearing.link_change add constraint link_change_what_check
  check (what in (100, 109, 110, 111, 113, 114, 117));
alter table clearing.link_change drop constraint link_change_has_actor;
-- (rule LEDGER-17): the node opens and ends links and takes rosters by itself.
alter table clearing.link_change add constraint link_change_has_actor check
  ((what in (100, 114, 117)) = (actor is null)
   and (what in (100, 114, 117)) = (reason = ''));
comment on column clearing.link_change.what is
  'event number: 100 opened, 109 paused, 110 resumed, 111 commanded, '
  '113 rejoined, 114 roster adopted, 117 the neighbour is GONE';

update clearing.schema_info set version = 3, needs_node = 3;

commit;
