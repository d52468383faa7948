-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Verify clearing:links
select number, city, account, out_seq, out_head, out_promised, out_settled,
       out_released, out_journal_seq, in_seq, in_head, in_promised,
       in_settled, in_released, in_journal_seq, acknowledged, header_ack,
       journal_seq_seen, life, life_nonce, reconciled, reconciled_nonce,
       peer_life, peer_life_nonce, line, peer_line, frozen_here,
       frozen_there, paused, rewrite
  from clearing.link where false;
select link, own, incarnation, nonce, seq from clearing.link_life where false;
select link, own, first_seq, last_seq, withdrawn_seq, head, promised, settled,
       released, seq, batch
  from clearing.link_batch where false;
select number, id, parent, hold_id, role, in_state, out_state, in_answered,
       booked, duplicate, accepted, open, attempt, in_link, out_link, in_seq,
       out_seq, answer_seq, amount, decide_by, started_at, ended_at, account,
       actor, reason, at_city, payer, payee, path, reference, key, terms,
       proof
  from clearing.payment where false;
select id, payer, payee, amount, purpose, reference, expires_at, ended,
       actor, seq, index, ended_seq
  from clearing.payment_request where false;
select seq, index, link, what, command, line, actor, reason, changed_at
  from clearing.link_change where false;
select one, next_payment, roster_version, roster_hash
  from clearing.federation where false;
-- Each line fails by a division by zero.
select 1 / (count(*) = 0)::int
  from unnest(array['link', 'link_life', 'link_batch', 'payment',
                    'payment_request', 'link_change', 'federation'])
       as t (name),
       unnest(array['select', 'insert', 'update', 'truncate']) as p (wanted)
 where not has_table_privilege('clearing_app', 'clearing.' || t.name,
                               p.wanted);
select 1 / (count(*) = 0)::int
  from pg_catalog.pg_class c
 where c.relnamespace = 'clearing'::pg_catalog.regnamespace
   and c.relkind in ('r', 'p')
   and has_table_privilege('clearing_app', c.oid,
                           'delete, references, trigger');
select 1 / count(*)
  from pg_catalog.pg_constraint
 where conname = 'command_kind_check'
   and pg_catalog.pg_get_constraintdef(oid) like '%199%';
select 1 / count(*) from clearing.schema_info
 where version >= 2 and needs_node between 2 and version;
