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
