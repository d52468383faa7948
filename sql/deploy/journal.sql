-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Deploy clearing:journal
-- Partitions are made by clearing.maintain(); storage options stand there.
begin;

set local role clearing_owner;

create table clearing.journal (
  seq       bigint not null primary key check (seq >= 0),
  epoch     int not null check (epoch >= 0),
  created   bigint not null check (created >= 0),
  prev_hash bytea not null check (octet_length(prev_hash) = 32),
  hash      bytea not null check (octet_length(hash) = 32),
  payload   bytea not null check (octet_length(payload) <= 1048576)
) partition by range (seq);
alter table clearing.journal alter payload set storage external;
comment on table clearing.journal is
  'append-only, hash-chained blocks of facts: the only source of truth. All '
  'other tables but memo and writer can be made from it';
comment on column clearing.journal.seq is 'dense, from 0; the position';
comment on column clearing.journal.epoch is
  'which takeover the writing node stood on; never falls';
comment on column clearing.journal.created is
  'microseconds since 1970; never falls';
comment on column clearing.journal.prev_hash is
  'hash of block seq - 1; 32 zero bytes in block 0';
-- (rule JOURNAL-2)
comment on column clearing.journal.hash is
  'sha256(''clearing journal v1\000'' || int8send(seq) || int8send(epoch) || '
  'int8send(created) || prev_hash || payload)';
comment on column clearing.journal.payload is
  'protobuf clearing.journal.v1.Block; kept as stored for ever';

-- (rule JOURNAL-24)
create table clearing.memo (
  seq   bigint not null check (seq >= 0),
  index int not null check (index >= 0),
  text  text collate "C" null check (octet_length(text) between 1 and 140),
  salt  bytea null check (octet_length(salt) = 16),
  primary key (seq, index),
  constraint memo_blanked_whole check ((text is null) = (salt is null))
);
comment on table clearing.memo is
  'texts of entries, beside the chain and in the same commit as their block. '
  'The chain holds sha256(salt, text) alone, so that the owner can blank a '
  'text on request: update clearing.memo set text = null, salt = null where '
  'seq = ... and index = ...';
comment on column clearing.memo.seq is 'of the block';
comment on column clearing.memo.index is 'of the entry in the block, from 0';
comment on column clearing.memo.text is 'null: blanked';
comment on column clearing.memo.salt is
  'random; blanked with the text, so that the hash gives nothing away';

commit;
