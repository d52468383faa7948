-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Deploy clearing:accounts
-- Projection tables follow from the journal alone: no defaults that ask a
-- clock or a sequence. No foreign keys either: the tables move together in
-- one transaction (rule JOURNAL-16), are emptied by truncate for a rebuild,
-- and invariants/ holds the queries that a foreign key would ask at each row.
begin;

set local role clearing_owner;

create table clearing.projection (
  one         boolean not null primary key default true check (one),
  seq         bigint not null check (seq >= -1),
  hash        bytea not null check (octet_length(hash) = 32),
  epoch       int not null check (epoch >= 0),
  next_number bigint not null check (next_number >= 1),
  time_us     bigint not null check (time_us >= 0)
) with (fillfactor = 50);
comment on table clearing.projection is
  'one row: how far the tables have come. It moves in the same transaction '
  'as they do';
comment on column clearing.projection.one is 'keeps the table at one row';
comment on column clearing.projection.seq is
  'newest block in the tables; -1: none';
comment on column clearing.projection.hash is
  'that block''s hash; 32 zero bytes: none';
comment on column clearing.projection.epoch is
  'of the node that may move the tables; raised by a takeover';
comment on column clearing.projection.next_number is
  'number that the next entry will get';
comment on column clearing.projection.time_us is
  'created of block seq, microseconds since 1970';

insert into clearing.projection (seq, hash, epoch, next_number, time_us)
values (-1, decode(repeat('00', 32), 'hex'), 0, 1, 0);

create table clearing.genesis (
  one        boolean not null primary key default true check (one),
  federation text collate "C" not null
             check (octet_length(federation) between 1 and 32),
  city       text collate "C" not null
             check (octet_length(city) between 1 and 32),
  unit       text collate "C" not null
             check (octet_length(unit) between 1 and 32),
  decimals   int not null check (decimals between 0 and 8),
  node_key   bytea not null check (octet_length(node_key) = 32)
);
comment on table clearing.genesis is 'one row: what block 0 says';
comment on column clearing.genesis.one is 'keeps the table at one row';
comment on column clearing.genesis.unit is 'of account, for all amounts';
comment on column clearing.genesis.decimals is
  'how many digits of an amount stand behind the point';
comment on column clearing.genesis.node_key is 'Ed25519, public';

create table clearing.actor (
  id  int not null primary key check (id > 0),
  uri text collate "C" not null unique
      check (octet_length(uri) between 1 and 255)
);
comment on table clearing.actor is
  'who has ever changed something: certificate URIs in the order they came';

create table clearing.account (
  id              int not null primary key check (id > 0),
  address         text collate "C" not null unique
                  check (octet_length(address) between 1 and 65),
  display_name    text collate "C" not null
                  check (octet_length(display_name) <= 80),
  state           smallint not null check (state between 1 and 3),
  gateway_allowed boolean not null,
  credit_limit    bigint not null
                  check (credit_limit between 0 and 9007199254740991),
  balance_ceiling bigint not null
                  check (balance_ceiling between 0 and 9007199254740991),
  debits_posted   bigint not null check (debits_posted >= 0),
  credits_posted  bigint not null check (credits_posted >= 0),
  debits_pending  bigint not null check (debits_pending >= 0),
  credits_pending bigint not null check (credits_pending >= 0),
  holds_open      int not null check (holds_open >= 0),
  last_number     bigint not null check (last_number >= 0),
  -- (rules LEDGER-1, LEDGER-14): what is pending can be posted
  constraint account_debits_fit
    check (debits_posted + debits_pending <= 9007199254740991),
  constraint account_credits_fit
    check (credits_posted + credits_pending <= 9007199254740991),
  constraint account_pending_by_holds check
    ((holds_open = 0) = (debits_pending = 0 and credits_pending = 0)),
  -- (rule LEDGER-16)
  constraint account_closed_at_zero check
    (state <> 3 or (debits_posted = credits_posted and holds_open = 0))
) with (fillfactor = 60);
comment on table clearing.account is
  'accounts as they stand after the projected block. A balance is '
  'credits_posted - debits_posted; "within limits" is proved by replay, not '
  'here, since a limit may be set below the balance';
comment on column clearing.account.id is 'dense, from 1; 1 and 2 are the city''s';
comment on column clearing.account.address is
  'coop or coop/purpose, without @city; never used again after closing';
comment on column clearing.account.state is '1 open, 2 frozen, 3 closed';
comment on column clearing.account.gateway_allowed is
  'may a gateway move its credit?';
comment on column clearing.account.credit_limit is
  'minor units: how far below zero';
comment on column clearing.account.balance_ceiling is
  'minor units: how far above zero';
comment on column clearing.account.debits_posted is
  'minor units, growing: all that was paid';
comment on column clearing.account.credits_posted is
  'minor units, growing: all that was received';
comment on column clearing.account.debits_pending is
  'minor units: reserved by open holds that it pays';
comment on column clearing.account.credits_pending is
  'minor units: reserved by open holds that it is paid by';
comment on column clearing.account.holds_open is
  'open holds on either side of it';
comment on column clearing.account.last_number is
  'newest posted transfer it is part of, where its statement begins; 0: none';

create table clearing.account_change (
  seq                 bigint not null check (seq >= 0),
  index               int not null check (index >= 0),
  account             int not null check (account > 0),
  what                smallint not null check (what between 3 and 7),
  old_credit_limit    bigint null
                      check (old_credit_limit between 0 and 9007199254740991),
  new_credit_limit    bigint null
                      check (new_credit_limit between 0 and 9007199254740991),
  old_balance_ceiling bigint null check
                      (old_balance_ceiling between 0 and 9007199254740991),
  new_balance_ceiling bigint null check
                      (new_balance_ceiling between 0 and 9007199254740991),
  actor               int null check (actor > 0),
  reason              text collate "C" not null
                      check (octet_length(reason) <= 140),
  changed_at          timestamptz not null,
  primary key (seq, index),
  constraint account_change_limits_go_together check
    ((new_credit_limit is null) = (new_balance_ceiling is null)
     and (old_credit_limit is null) = (old_balance_ceiling is null)),
  constraint account_change_limits_where_they_change check
    ((what in (3, 4)) = (new_credit_limit is not null)
     and (what = 4) = (old_credit_limit is not null)),
  -- (rule LEDGER-17)
  constraint account_change_has_reason check (what = 3 or reason <> '')
);
create index account_change_account on clearing.account_change (account);
comment on table clearing.account_change is
  'the audit trail: who opened, limited, froze, unfroze or closed which '
  'account, when and why';
comment on column clearing.account_change.seq is 'of the block';
comment on column clearing.account_change.index is
  'of the event in the block, from 0';
comment on column clearing.account_change.what is
  '3 opened, 4 limits set, 5 frozen, 6 unfrozen, 7 closed';
comment on column clearing.account_change.actor is
  'null: genesis, which opens the city''s own accounts';
comment on column clearing.account_change.reason is 'empty for 3 only';

create table clearing.account_month (
  account        int not null check (account > 0),
  month          date not null check (extract(day from month) = 1),
  last_number    bigint not null check (last_number > 0),
  debits_posted  bigint not null
                 check (debits_posted between 0 and 9007199254740991),
  credits_posted bigint not null
                 check (credits_posted between 0 and 9007199254740991),
  primary key (account, month)
);
comment on table clearing.account_month is
  'accounts at the end of each month in which they moved, so that no '
  'statement adds up the past; written with the first block of a later month';
comment on column clearing.account_month.month is 'its first day, UTC';
comment on column clearing.account_month.last_number is
  'newest posted transfer then: the way into that month';

create table clearing.month_start (
  month        date not null primary key check (extract(day from month) = 1),
  first_number bigint not null check (first_number >= 1)
);
comment on table clearing.month_start is
  'where each month begins in the numbers of entries';
comment on column clearing.month_start.month is
  'its first day, UTC; a month without a block has no row';
comment on column clearing.month_start.first_number is
  'number of its first entry, or of the next one where it has none';

commit;
