-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Deploy clearing:entries
begin;

set local role clearing_owner;

create table clearing.transfer (
  number          bigint not null primary key check (number >= 1),
  id              uuid not null,
  seq             bigint not null check (seq >= 0),
  index           int not null check (index >= 0),
  debit_account   int not null check (debit_account > 0),
  credit_account  int not null check (credit_account > 0),
  amount          bigint not null check (amount between 1 and 9007199254740991),
  kind            smallint not null check (kind between 1 and 99),
  reference       uuid null,
  hold_id         uuid null,
  actor           int not null check (actor > 0),
  posted_at       timestamptz not null,
  debit_previous  bigint not null,
  credit_previous bigint not null,
  constraint transfer_two_accounts check (debit_account <> credit_account),
  constraint transfer_points_back check
    (debit_previous >= 0 and debit_previous < number
     and credit_previous >= 0 and credit_previous < number)
) partition by range (number);
-- Ids rise with time: a small index of ranges finds one for ever. B-trees
-- on open partitions cost a third to a half of the projector's rate.
create index transfer_id on clearing.transfer
  using brin (id) with (pages_per_range = 32, autosummarize = on);
comment on table clearing.transfer is
  'posted credit: one debit and one credit of the same amount, never changed. '
  'Entries of the kinds TRANSFER and POST; their numbers have gaps where '
  'holds were placed or voided';
comment on column clearing.transfer.number is
  'of the entry: dense over all entries of the journal, from 1';
comment on column clearing.transfer.id is 'UUIDv7 of the command';
comment on column clearing.transfer.seq is 'of the block';
comment on column clearing.transfer.index is 'of the entry in the block, from 0';
comment on column clearing.transfer.debit_account is 'pays';
comment on column clearing.transfer.credit_account is 'is paid';
comment on column clearing.transfer.amount is 'minor units';
comment on column clearing.transfer.kind is
  '1 payment, 2 contribution, 3 levy, 4 correction, 5 opening balance, '
  '6 write-off, 7 credit draw, 8 link';
comment on column clearing.transfer.reference is 'the caller''s own; or null';
comment on column clearing.transfer.hold_id is 'the hold it posts; or null';
comment on column clearing.transfer.posted_at is 'created of its block';
comment on column clearing.transfer.debit_previous is
  'number of the transfer before this one of the debit account; 0: none. '
  'Statements walk these instead of an index';
comment on column clearing.transfer.credit_previous is
  'the same for the credit account';

create table clearing.hold (
  number         bigint not null primary key check (number >= 1),
  id             uuid not null unique,
  debit_account  int not null check (debit_account > 0),
  credit_account int not null check (credit_account > 0),
  amount         bigint not null check (amount between 1 and 9007199254740991),
  state          smallint not null check (state between 1 and 4),
  posted_amount  bigint not null default 0,
  expires_at     timestamptz not null,
  kind           smallint not null check (kind between 1 and 99),
  reference      uuid null,
  actor          int not null check (actor > 0),
  placed_seq     bigint not null check (placed_seq >= 0),
  placed_index   int not null check (placed_index >= 0),
  ended_seq      bigint null,
  ended_actor    int null check (ended_actor > 0),
  constraint hold_two_accounts check (debit_account <> credit_account),
  -- (rule LEDGER-13): it ends once, and posts no more than it reserved
  constraint hold_ended_by_state check
    ((state = 1) = (ended_seq is null) and ended_seq >= placed_seq),
  constraint hold_posted_by_state check
    (posted_amount between 0 and amount
     and (state = 2) = (posted_amount > 0)),
  constraint hold_actor_by_state check
    ((state in (2, 3)) = (ended_actor is not null))
);
create index hold_open on clearing.hold (number) where state = 1;
create index hold_debit on clearing.hold (debit_account, number);
create index hold_credit on clearing.hold (credit_account, number);
comment on table clearing.hold is
  'promises of credit: placed, then posted, voided or expired, once';
comment on column clearing.hold.number is 'of the entry that placed it';
comment on column clearing.hold.id is
  'UUIDv7 of the command that placed it: the hold''s own id';
comment on column clearing.hold.state is
  '1 open, 2 posted, 3 voided, 4 expired';
comment on column clearing.hold.posted_amount is
  'minor units; the rest of amount was released. 0 unless posted';
comment on column clearing.hold.expires_at is
  'from then on it is expired, even before the journal says so';
comment on column clearing.hold.kind is 'as transfer.kind';
comment on column clearing.hold.actor is 'who placed it';
comment on column clearing.hold.placed_seq is 'block that placed it';
comment on column clearing.hold.placed_index is 'entry in that block, from 0';
comment on column clearing.hold.ended_seq is 'block that ended it';
comment on column clearing.hold.ended_actor is
  'who posted or voided it; null while open, and when it expired';

create table clearing.command (
  id    uuid not null primary key,
  kind  smallint not null check (kind between 1 and 99),
  seq   bigint not null check (seq >= 0),
  index int not null check (index >= 0)
);
comment on table clearing.command is
  'commands that are neither a transfer nor a hold placed: changes of '
  'accounts, and voids. With transfer and hold it makes every id one can '
  'look up, for ever';
comment on column clearing.command.kind is
  'event number: 3 opened, 4 limits set, 5 frozen, 6 unfrozen, 7 closed, '
  '11 hold voided';
comment on column clearing.command.seq is 'of the block';
comment on column clearing.command.index is
  'in the block, from 0: of the event, or for 11 of the entry';

commit;
