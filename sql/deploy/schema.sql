-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Deploy clearing:schema
-- Needs the roles of roles.sql; runs as a role that may create schemas here
-- and is a member of clearing_owner.
begin;

create schema clearing authorization clearing_owner;
comment on schema clearing is
  'one city''s mutual credit: the journal and what follows from it';

set local role clearing_owner;

create table clearing.schema_info (
  version    int not null check (version > 0),
  needs_node int not null check (needs_node > 0),
  one        boolean not null primary key default true check (one)
);
comment on table clearing.schema_info is
  'one row: which schema this is. A node refuses one that it does not know';
comment on column clearing.schema_info.version is
  'grows with each change that a node must know of';
comment on column clearing.schema_info.needs_node is
  'lowest schema version that a node must have been built for';
comment on column clearing.schema_info.one is 'keeps the table at one row';

insert into clearing.schema_info (version, needs_node) values (1, 1);

commit;
