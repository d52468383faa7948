-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Deploy clearing:links
-- Projection: links with other cities, their logs, and payments over them.
begin;

set local role clearing_owner;

create table clearing.link (
  number           int not null primary key check (number >= 1),
  city             text collate "C" not null unique
    check (octet_length(city) between 1 and 32),
  account          int not null unique check (account > 0),
  out_seq          bigint not null check (out_seq >= 0),
  out_head         bytea not null check (octet_length(out_head) = 32),
  out_promised     bigint not null check (out_promised >= 0),
  out_settled      bigint not null check (out_settled >= 0),
  out_released     bigint not null check (out_released >= 0),
  out_journal_seq  bigint not null check (out_journal_seq >= 0),
  in_seq           bigint not null check (in_seq >= 0),
  in_head          bytea not null check (octet_length(in_head) = 32),
  in_promised      bigint not null check (in_promised >= 0),
  in_settled       bigint not null check (in_settled >= 0),
  in_released      bigint not null check (in_released >= 0),
  in_journal_seq   bigint not null check (in_journal_seq >= 0),
  acknowledged     bigint not null check (acknowledged between 0 and out_seq),
  header_ack       bigint not null check (header_ack >= 0),
  journal_seq_seen bigint not null,
  life             bigint not null,
  life_nonce       bytea not null check (octet_length(life_nonce) = 8),
  reconciled       bigint not null,
  reconciled_nonce bytea not null check (octet_length(reconciled_nonce) = 8),
  peer_life        bigint not null,
  peer_life_nonce  bytea not null check (octet_length(peer_life_nonce) = 8),
  line             bigint not null check (line between 0 and 9007199254740991),
  peer_line        bigint not null
    check (peer_line between 0 and 9007199254740991),
  frozen_here      boolean not null,
  frozen_there     boolean not null,
  paused           boolean not null,
  rewrite          boolean not null
);
comment on table clearing.link is
  'the relation with a neighbouring city: two one-writer logs (out: own, in: '
  'the neighbour''s as taken), their totals, and a line in each direction. '
  'The neighbour owes out_settled - in_settled';
comment on column clearing.link.account is 'of the position, link/CITY';
comment on column clearing.link.acknowledged is
  'the neighbour has the own log up to here';
comment on column clearing.link.header_ack is
  'the same as its newest header says';
comment on column clearing.link.journal_seq_seen is
  'newest journal position that the neighbour''s headers told';
comment on column clearing.link.life is
  'incarnation of the newest life of this city on the link';
comment on column clearing.link.reconciled is
  'incarnation of the newest own life that was reconciled';
comment on column clearing.link.line is 'what the neighbour may owe';
comment on column clearing.link.peer_line is 'what this city may owe';
comment on column clearing.link.rewrite is
  'line and freeze are to be written into the own log again';

create table clearing.link_life (
  link        int not null check (link >= 1),
  own         boolean not null,
  incarnation bigint not null,
  nonce       bytea not null check (octet_length(nonce) = 8),
  seq         bigint not null check (seq >= 0),
  primary key (link, own, incarnation, nonce)
);
comment on table clearing.link_life is
  'lives of this city (own) and of the neighbour that were ever begun or '
  'admitted; a restart each';

create table clearing.link_batch (
  link          int not null check (link >= 1),
  own           boolean not null,
  first_seq     bigint not null check (first_seq >= 1),
  last_seq      bigint not null,
  withdrawn_seq bigint not null default 0 check (withdrawn_seq >= 0),
  head          bytea not null check (octet_length(head) = 32),
  promised      bigint not null check (promised >= 0),
  settled       bigint not null check (settled >= 0),
  released      bigint not null check (released >= 0),
  seq           bigint not null check (seq >= 0),
  batch         bytea not null,
  primary key (link, own, first_seq, seq),
  -- Limits of the protocol: entries and bytes of a batch.
  constraint link_batch_entries check
    (last_seq between first_seq and first_seq + 1023),
  constraint link_batch_size check (octet_length(batch) between 1 and 262144),
  -- (rule PEER-19): of the own log alone
  constraint link_batch_withdrawn check
    (withdrawn_seq = 0 or (own and withdrawn_seq > seq))
);
alter table clearing.link_batch alter batch set storage external;
comment on table clearing.link_batch is
  'every batch of both logs as carried, with its signature, for ever '
  '(rule PEER-9)';
comment on column clearing.link_batch.withdrawn_seq is
  '0, or the block that withdrew this batch of the own log, which the '
  'neighbour never had';
comment on column clearing.link_batch.promised is
  'totals of the log up to and with this batch';
comment on column clearing.link_batch.seq is 'of the block that has it';

create table clearing.payment (
  number      bigint not null primary key check (number >= 1),
  id          uuid not null,
  parent      uuid null,
  hold_id     uuid null,
  role        smallint not null check (role between 1 and 3),
  in_state    smallint not null check (in_state between 0 and 5),
  out_state   smallint not null check (out_state between 0 and 5),
  in_answered boolean not null,
  booked      boolean not null,
  duplicate   boolean not null,
  accepted    boolean not null,
  open        boolean not null,
  attempt     smallint not null check (attempt >= 0),
  in_link     int not null check (in_link >= 0),
  out_link    int not null check (out_link >= 0),
  in_seq      bigint not null check (in_seq >= 0),
  out_seq     bigint not null check (out_seq >= 0),
  answer_seq  bigint not null check (answer_seq >= 0),
  amount      bigint not null check (amount between 1 and 9007199254740991),
  decide_by   timestamptz not null,
  started_at  timestamptz not null,
  ended_at    timestamptz null,
  account     int not null check (account >= 0),
  actor       int not null check (actor >= 0),
  reason      int not null check (reason >= 0),
  at_city     text collate "C" not null,
  payer       text collate "C" not null,
  payee       text collate "C" not null,
  path        text collate "C" not null,
  reference   bytea not null,
  key         bytea not null,
  terms       bytea not null,
  proof       bytea not null,
  -- (rule PEER-29): an origin has no way in, a decider no way out
  constraint payment_legs_by_role check
    ((role <> 1 or in_link = 0) and (role <> 3 or out_link = 0)),
  constraint payment_way_in check
    (in_state in (0, 1, 2, 4, 5) and (in_link = 0) = (in_seq = 0)
     and (in_link = 0) = (in_state = 0)),
  -- An origin that withdrew its promise has no way out, and is voided.
  constraint payment_way_out check
    (out_state in (0, 3, 4, 5) and (out_link = 0) = (out_seq = 0)
     and (out_link = 0 or out_state <> 0)
     and (out_link <> 0 or out_state = 0 or (role = 1 and out_state = 5))),
  -- (rule PEER-31)
  constraint payment_answered check
    (in_answered = (in_state in (4, 5))
     and (not in_answered or answer_seq > 0)),
  constraint payment_key_size check (octet_length(key) in (0, 32)),
  constraint payment_terms_size check
    (octet_length(terms) between 1 and 832 and octet_length(proof) <= 1200
     and octet_length(reference) <= 128)
);
create index payment_id on clearing.payment (id);
create index payment_parent on clearing.payment (parent)
  where parent is not null;
create index payment_open on clearing.payment (answer_seq, number) where open;
create index payment_account on clearing.payment (account, number)
  where role <> 3;
create index payment_payee on clearing.payment (payee, number) where role = 3;
create index payment_reference on clearing.payment (reference)
  where octet_length(reference) = 16;
comment on table clearing.payment is
  'payments between cities as this one knows them, a row an attempt';
comment on column clearing.payment.parent is
  'the command that began it, where it began here; attempts share it';
comment on column clearing.payment.role is '1 origin, 2 middle, 3 decider';
comment on column clearing.payment.in_state is
  'of the promise that came in: 0 none, 1 waiting, 2 held, 4 posted, 5 voided';
comment on column clearing.payment.out_state is
  'of the promise that went out: 0 none, 3 pending, 4 posted, 5 voided';
comment on column clearing.payment.in_answered is
  'the own log says how the promise that came in ended';
comment on column clearing.payment.booked is 'credit has moved for good';
comment on column clearing.payment.open is 'something can still change it';
comment on column clearing.payment.answer_seq is
  'of the own Settle or Release; at the origin the neighbour''s; 0: none';
comment on column clearing.payment.account is
  'payer at the origin; 0 elsewhere, but the payee of a held one';
comment on column clearing.payment.reason is
  'why it was refused: numbers of rule PEER-27';
comment on column clearing.payment.path is 'cities, a space between two';
comment on column clearing.payment.terms is 'PaymentTerms as carried';
comment on column clearing.payment.proof is
  'of the decider''s answer, where it came from further away';

create table clearing.payment_request (
  id         uuid not null primary key,
  payer      text collate "C" not null check (octet_length(payer) >= 1),
  payee      text collate "C" not null check (octet_length(payee) >= 1),
  amount     bigint not null check (amount between 1 and 9007199254740991),
  purpose    text collate "C" not null check (octet_length(purpose) <= 140),
  reference  bytea not null check (octet_length(reference) <= 128),
  expires_at timestamptz not null,
  ended      smallint null check (ended between 2 and 4),
  actor      int not null check (actor > 0),
  seq        bigint not null check (seq >= 0),
  index      int not null check (index >= 0),
  ended_seq  bigint null,
  unique (seq, index),
  constraint payment_request_ended check
    ((ended is null) = (ended_seq is null) and ended_seq >= seq)
);
create index payment_request_payer on clearing.payment_request (payer);
create index payment_request_payee on clearing.payment_request (payee);
comment on table clearing.payment_request is
  'what payees ask of payers; either may be in another city. One is paid '
  'when a payment with its id as reference is posted';

comment on column clearing.payment_request.ended is
  'null, or what somebody made of it: 2 paid, 3 declined, 4 expired';
comment on column clearing.payment_request.seq is 'of the block';
comment on column clearing.payment_request.index is
  'of the event in the block, from 0';

create table clearing.link_change (
  seq        bigint not null check (seq >= 0),
  index      int not null check (index >= 0),
  link       int null check (link >= 1),
  what       smallint not null
             check (what in (100, 109, 110, 111, 113, 114)),
  command    smallint null check (command between 4 and 6),
  line       bigint null check (line between 0 and 9007199254740991),
  actor      int null check (actor > 0),
  reason     text collate "C" not null check (octet_length(reason) <= 140),
  changed_at timestamptz not null,
  primary key (seq, index),
  constraint link_change_names_its_link check
    ((what in (113, 114)) = (link is null)),
  constraint link_change_by_command check
    ((what = 111) = (command is not null)
     and coalesce(command = 4, false) = (line is not null)),
  -- (rule LEDGER-17): the node opens links and takes rosters by itself.
  constraint link_change_has_actor check
    ((what in (100, 114)) = (actor is null)
     and (what in (100, 114)) = (reason = ''))
);
comment on table clearing.link_change is
  'who changed what about links, when, why: the audit trail';
comment on column clearing.link_change.what is
  'event number: 100 opened, 109 paused, 110 resumed, 111 commanded, '
  '113 rejoined, 114 roster adopted';
comment on column clearing.link_change.command is
  '111: 4 line changed, 5 frozen, 6 unfrozen';

create table clearing.federation (
  one            boolean not null primary key default true check (one),
  next_payment   bigint not null check (next_payment >= 1),
  roster_version bigint not null check (roster_version >= 0),
  roster_hash    bytea not null check (octet_length(roster_hash) = 32)
);
comment on table clearing.federation is
  'one row: the number of the next payment, and the newest roster adopted';

-- Commands on links and payment requests have ids, too.
alter table clearing.command drop constraint command_kind_check;
alter table clearing.command add constraint command_kind_check
  check (kind between 1 and 199);
comment on column clearing.command.kind is
  'event number: 3 opened, 4 limits set, 5 frozen, 6 unfrozen, 7 closed, '
  '11 hold voided, 109 link paused, 110 link resumed, 111 link commanded, '
  '115 payment requested';

grant select, insert, update, truncate
   on clearing.link, clearing.link_life, clearing.link_batch,
      clearing.payment, clearing.payment_request, clearing.link_change,
      clearing.federation
   to clearing_app;
grant select
   on clearing.link, clearing.link_life, clearing.link_batch,
      clearing.payment, clearing.payment_request, clearing.link_change,
      clearing.federation
   to clearing_auditor, clearing_backup;

update clearing.schema_info set version = 2, needs_node = 2;

commit;
