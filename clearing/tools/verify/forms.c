/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/verify/forms.h"

const struct table_form transfer_form = {
	.name = "transfer",
	.sql = "select number, id, seq, index, debit_account, credit_account,"
	       " amount, kind, reference, hold_id, actor, posted_at,"
	       " debit_previous, credit_previous"
	       " from clearing.transfer order by number",
	.key_count = 1,
	.column_count = 14,
	.columns = { "number", "id", "seq", "index", "debit_account",
		     "credit_account", "amount", "kind", "reference", "hold_id",
		     "actor", "posted_at", "debit_previous",
		     "credit_previous" },
};

const struct table_form hold_form = {
	.name = "hold",
	.sql = "select number, id, debit_account, credit_account, amount,"
	       " state, posted_amount, expires_at, kind, reference, actor,"
	       " placed_seq, placed_index, ended_seq, ended_actor"
	       " from clearing.hold order by number",
	.key_count = 1,
	.column_count = 15,
	.columns = { "number", "id", "debit_account", "credit_account",
		     "amount", "state", "posted_amount", "expires_at", "kind",
		     "reference", "actor", "placed_seq", "placed_index",
		     "ended_seq", "ended_actor" },
};

const struct table_form account_form = {
	.name = "account",
	.sql = "select id, address, display_name, state, gateway_allowed,"
	       " credit_limit, balance_ceiling, debits_posted, credits_posted,"
	       " debits_pending, credits_pending, holds_open, last_number"
	       " from clearing.account order by id",
	.key_count = 1,
	.column_count = 13,
	.columns = { "id", "address", "display_name", "state",
		     "gateway_allowed", "credit_limit", "balance_ceiling",
		     "debits_posted", "credits_posted", "debits_pending",
		     "credits_pending", "holds_open", "last_number" },
};

const struct table_form actor_form = {
	.name = "actor",
	.sql = "select id, uri from clearing.actor order by id",
	.key_count = 1,
	.column_count = 2,
	.columns = { "id", "uri" },
};

const struct table_form change_form = {
	.name = "account_change",
	.sql = "select seq, index, account, what, old_credit_limit,"
	       " new_credit_limit, old_balance_ceiling, new_balance_ceiling,"
	       " actor, reason, changed_at"
	       " from clearing.account_change order by seq, index",
	.key_count = 2,
	.column_count = 11,
	.columns = { "seq", "index", "account", "what", "old_credit_limit",
		     "new_credit_limit", "old_balance_ceiling",
		     "new_balance_ceiling", "actor", "reason", "changed_at" },
};

const struct table_form command_form = {
	.name = "command",
	.sql = "select seq, (kind = 11)::int as void, index, kind, id"
	       " from clearing.command order by seq, void, index",
	.key_count = 3,
	.column_count = 5,
	.columns = { "seq", "void", "index", "kind", "id" },
};

const struct table_form account_month_form = {
	.name = "account_month",
	.sql = "select month, account, last_number, debits_posted,"
	       " credits_posted"
	       " from clearing.account_month order by month, account",
	.key_count = 2,
	.column_count = 5,
	.columns = { "month", "account", "last_number", "debits_posted",
		     "credits_posted" },
};

const struct table_form month_start_form = {
	.name = "month_start",
	.sql = "select month, first_number from clearing.month_start"
	       " order by month",
	.key_count = 1,
	.column_count = 2,
	.columns = { "month", "first_number" },
};

const struct table_form genesis_form = {
	.name = "genesis",
	.sql = "select one::int, federation, city, unit, decimals, node_key"
	       " from clearing.genesis",
	.key_count = 1,
	.column_count = 6,
	.columns = { "one", "federation", "city", "unit", "decimals",
		     "node_key" },
};

/* Texts as the hash of a line each: payer, payee, path, and the reference. */
const struct table_form payment_form = {
	.name = "payment",
	.sql = "select number, id, parent, hold_id, role, in_state, out_state,"
	       " in_answered, booked, duplicate, accepted, open, attempt,"
	       " in_link, out_link, in_seq, out_seq, answer_seq, amount,"
	       " decide_by, started_at, ended_at, account, actor, reason,"
	       " at_city, key, sha256(convert_to(payer || chr(10) || payee ||"
	       " chr(10) || path || chr(10), 'UTF8') || reference) as texts,"
	       " sha256(terms) as terms, sha256(proof) as proof"
	       " from clearing.payment order by number",
	.key_count = 1,
	.column_count = 30,
	.columns = { "number",	   "id",	 "parent",    "hold_id",
		     "role",	   "in_state",	 "out_state", "in_answered",
		     "booked",	   "duplicate",	 "accepted",  "open",
		     "attempt",	   "in_link",	 "out_link",  "in_seq",
		     "out_seq",	   "answer_seq", "amount",    "decide_by",
		     "started_at", "ended_at",	 "account",   "actor",
		     "reason",	   "at_city",	 "key",	      "texts",
		     "terms",	   "proof" },
};

const struct table_form link_form = {
	.name = "link",
	.sql = "select number, city, account, out_seq, out_head, out_promised,"
	       " out_settled, out_released, out_journal_seq, in_seq, in_head,"
	       " in_promised, in_settled, in_released, in_journal_seq,"
	       " acknowledged, header_ack, journal_seq_seen, life, life_nonce,"
	       " reconciled, reconciled_nonce, peer_life, peer_life_nonce,"
	       " line, peer_line, frozen_here, frozen_there, paused, rewrite,"
	       " gone, estate from clearing.link order by number",
	.key_count = 1,
	.column_count = 32,
	.columns = { "number",
		     "city",
		     "account",
		     "out_seq",
		     "out_head",
		     "out_promised",
		     "out_settled",
		     "out_released",
		     "out_journal_seq",
		     "in_seq",
		     "in_head",
		     "in_promised",
		     "in_settled",
		     "in_released",
		     "in_journal_seq",
		     "acknowledged",
		     "header_ack",
		     "journal_seq_seen",
		     "life",
		     "life_nonce",
		     "reconciled",
		     "reconciled_nonce",
		     "peer_life",
		     "peer_life_nonce",
		     "line",
		     "peer_line",
		     "frozen_here",
		     "frozen_there",
		     "paused",
		     "rewrite",
		     "gone",
		     "estate" },
};

const struct table_form link_life_form = {
	.name = "link_life",
	.sql = "select seq, link, own, incarnation, nonce"
	       " from clearing.link_life order by seq, link, own, incarnation",
	.key_count = 4,
	.column_count = 5,
	.columns = { "seq", "link", "own", "incarnation", "nonce" },
};

const struct table_form link_batch_form = {
	.name = "link_batch",
	.sql = "select seq, link, own, first_seq, last_seq, withdrawn_seq,"
	       " head, promised, settled, released, sha256(batch) as batch"
	       " from clearing.link_batch order by seq, link, own, first_seq",
	.key_count = 4,
	.column_count = 11,
	.columns = { "seq", "link", "own", "first_seq", "last_seq",
		     "withdrawn_seq", "head", "promised", "settled", "released",
		     "batch" },
};

const struct table_form link_change_form = {
	.name = "link_change",
	.sql = "select seq, index, link, what, command, line, actor, reason,"
	       " changed_at from clearing.link_change order by seq, index",
	.key_count = 2,
	.column_count = 9,
	.columns = { "seq", "index", "link", "what", "command", "line", "actor",
		     "reason", "changed_at" },
};

const struct table_form payment_request_form = {
	.name = "payment_request",
	.sql = "select seq, index, id, actor, amount, expires_at, ended,"
	       " ended_seq, sha256(convert_to(payer || chr(10) || payee ||"
	       " chr(10) || purpose || chr(10), 'UTF8') || reference) as texts"
	       " from clearing.payment_request order by seq, index",
	.key_count = 2,
	.column_count = 9,
	.columns = { "seq", "index", "id", "actor", "amount", "expires_at",
		     "ended", "ended_seq", "texts" },
};

const struct table_form federation_form = {
	.name = "federation",
	.sql = "select one::int, next_payment, roster_version, roster_hash,"
	       " rejoin from clearing.federation",
	.key_count = 1,
	.column_count = 5,
	.columns = { "one", "next_payment", "roster_version", "roster_hash",
		     "rejoin" },
};
