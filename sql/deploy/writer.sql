-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Deploy clearing:writer
begin;

set local role clearing_owner;

create table clearing.writer (
  one          boolean not null primary key default true check (one),
  epoch        int not null check (epoch >= 0),
  node         text collate "C" not null,
  beat         bigint not null check (beat >= 0),
  heartbeat_at timestamptz null
) with (fillfactor = 50);
comment on table clearing.writer is
  'one row: which node says that it writes the journal. A courtesy between '
  'nodes, so that two do not fence each other for ever; the fence is the '
  'journal''s hash chain';
comment on column clearing.writer.one is 'keeps the table at one row';
comment on column clearing.writer.epoch is 'of that node''s takeover block';
comment on column clearing.writer.node is
  'host and process, for people; empty: no node was here yet';
comment on column clearing.writer.beat is
  'moves each second while the node lives';
comment on column clearing.writer.heartbeat_at is
  'time of the last beat; null: the node said goodbye';

insert into clearing.writer (epoch, node, beat) values (0, '', 0);

commit;
