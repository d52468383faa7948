/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Writing a batch: one transaction, which begins by moving the row of
 * clearing.projection and so stops a second projector (rule JOURNAL-16).
 */
#include <string.h>

#include "store/projector_private.h"

enum statement {
	MOVE_PROJECTION,
	CLOSE_MONTH,
	START_MONTH,
	INSERT_GENESIS,
	INSERT_ACTORS,
	INSERT_ACCOUNTS,
	INSERT_CHANGES,
	INSERT_TRANSFERS,
	END_HOLDS,
	EXPIRE_HOLDS,
	INSERT_HOLDS,
	UPDATE_TOTALS,
	UPDATE_SETTINGS,
	INSERT_COMMANDS,
	STATEMENT_COUNT,
};

static const struct {
	const char *name;
	const char *sql;
} statements[STATEMENT_COUNT] = {
	[MOVE_PROJECTION] = {
		"projection",
		"update clearing.projection set seq = $1::bigint,"
		" hash = $2::bytea, next_number = $3::bigint,"
		" time_us = $4::bigint"
		" where seq = $5::bigint and hash = $6::bytea"
		" and epoch = $7::int",
	},
	/* JOURNAL.md, section 4.2 */
	[CLOSE_MONTH] = {
		"close month",
		"insert into clearing.account_month"
		" (account, month, last_number, debits_posted, credits_posted)"
		" select a.id, m.month, a.last_number, a.debits_posted,"
		" a.credits_posted from clearing.account a,"
		" clearing.month_start m where m.month = $1::date"
		" and a.last_number >= m.first_number",
	},
	[START_MONTH] = {
		"start month",
		"insert into clearing.month_start (month, first_number)"
		" values ($1::date, $2::bigint)",
	},
	[INSERT_GENESIS] = {
		"genesis",
		"insert into clearing.genesis"
		" (federation, city, unit, decimals, node_key)"
		" values ($1::text, $2::text, $3::text, $4::int, $5::bytea)",
	},
	[INSERT_ACTORS] = {
		"actors",
		"insert into clearing.actor (id, uri)"
		" select * from unnest($1::int[], $2::text[])",
	},
	[INSERT_ACCOUNTS] = {
		"accounts",
		"insert into clearing.account (id, address, display_name,"
		" gateway_allowed, credit_limit, balance_ceiling, state,"
		" debits_posted, credits_posted, debits_pending,"
		" credits_pending, holds_open, last_number)"
		" select u.*, 1, 0, 0, 0, 0, 0, 0 from unnest($1::int[],"
		" $2::text[], $3::text[], $4::bool[], $5::bigint[],"
		" $6::bigint[]) u",
	},
	[INSERT_CHANGES] = {
		"changes",
		"insert into clearing.account_change (seq, index, account,"
		" what, old_credit_limit, new_credit_limit,"
		" old_balance_ceiling, new_balance_ceiling, actor, reason,"
		" changed_at) select * from unnest($1::bigint[], $2::int[],"
		" $3::int[], $4::smallint[], $5::bigint[], $6::bigint[],"
		" $7::bigint[], $8::bigint[], $9::int[], $10::text[],"
		" $11::timestamptz[])",
	},
	[INSERT_TRANSFERS] = {
		"transfers",
		"insert into clearing.transfer (number, id, seq, index,"
		" debit_account, credit_account, amount, kind, reference,"
		" hold_id, actor, posted_at, debit_previous, credit_previous)"
		" select * from unnest($1::bigint[], $2::uuid[],"
		" $3::bigint[], $4::int[], $5::int[], $6::int[],"
		" $7::bigint[], $8::smallint[], $9::uuid[], $10::uuid[],"
		" $11::int[], $12::timestamptz[], $13::bigint[],"
		" $14::bigint[])",
	},
	[END_HOLDS] = {
		"end holds",
		"update clearing.hold h set state = u.state,"
		" posted_amount = u.posted_amount, ended_seq = u.ended_seq,"
		" ended_actor = u.ended_actor from unnest($1::uuid[],"
		" $2::smallint[], $3::bigint[], $4::bigint[], $5::int[])"
		" u (id, state, posted_amount, ended_seq, ended_actor)"
		" where h.id = u.id",
	},
	[EXPIRE_HOLDS] = {
		"expire holds",
		"with ended as (update clearing.hold h set state = 4,"
		" ended_seq = u.seq from unnest($1::uuid[], $2::bigint[])"
		" u (id, seq) where h.id = u.id"
		" returning h.debit_account, h.credit_account, h.amount),"
		" side as (select debit_account as account, amount as debit,"
		" 0::bigint as credit from ended union all"
		" select credit_account, 0, amount from ended),"
		" net as (select account, sum(debit)::bigint as debit,"
		" sum(credit)::bigint as credit, count(*)::int as holds"
		" from side group by account)"
		" update clearing.account a"
		" set debits_pending = a.debits_pending - net.debit,"
		" credits_pending = a.credits_pending - net.credit,"
		" holds_open = a.holds_open - net.holds"
		" from net where a.id = net.account",
	},
	[INSERT_HOLDS] = {
		"holds",
		"insert into clearing.hold (number, id, debit_account,"
		" credit_account, amount, state, posted_amount, expires_at,"
		" kind, reference, actor, placed_seq, placed_index, ended_seq,"
		" ended_actor) select * from unnest($1::bigint[], $2::uuid[],"
		" $3::int[], $4::int[], $5::bigint[], $6::smallint[],"
		" $7::bigint[], $8::timestamptz[], $9::smallint[],"
		" $10::uuid[], $11::int[], $12::bigint[], $13::int[],"
		" $14::bigint[], $15::int[])",
	},
	[UPDATE_TOTALS] = {
		"totals",
		"update clearing.account a"
		" set debits_posted = a.debits_posted + u.debits_posted,"
		" credits_posted = a.credits_posted + u.credits_posted,"
		" debits_pending = a.debits_pending + u.debits_pending,"
		" credits_pending = a.credits_pending + u.credits_pending,"
		" holds_open = a.holds_open + u.holds_open,"
		" last_number = greatest(a.last_number, u.last_number)"
		" from unnest($1::int[], $2::bigint[], $3::bigint[],"
		" $4::bigint[], $5::bigint[], $6::int[], $7::bigint[])"
		" u (id, debits_posted, credits_posted, debits_pending,"
		" credits_pending, holds_open, last_number)"
		" where a.id = u.id",
	},
	[UPDATE_SETTINGS] = {
		"settings",
		"update clearing.account a"
		" set state = coalesce(u.state, a.state),"
		" credit_limit = coalesce(u.credit_limit, a.credit_limit),"
		" balance_ceiling ="
		" coalesce(u.balance_ceiling, a.balance_ceiling)"
		" from unnest($1::int[], $2::smallint[], $3::bigint[],"
		" $4::bigint[]) u (id, state, credit_limit, balance_ceiling)"
		" where a.id = u.id",
	},
	[INSERT_COMMANDS] = {
		"commands",
		"insert into clearing.command (id, kind, seq, index)"
		" select * from unnest($1::uuid[], $2::smallint[],"
		" $3::bigint[], $4::int[])",
	},
};

bool batch_prepare(PGconn *connection)
{
	for (uint32_t i = 0; i < STATEMENT_COUNT; i++) {
		PGresult *result = PQprepare(connection, statements[i].name,
					     statements[i].sql, 0, NULL);
		bool done = PQresultStatus(result) == PGRES_COMMAND_OK;

		PQclear(result);
		if (!done)
			return false;
	}
	return true;
}

struct writing {
	PGconn *connection;
	char *reason;
	enum batch_result result;
};

static void fail(struct writing *writing, const char *name,
		 const PGresult *result)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *rule = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
	bool for_ever = state != NULL &&
			(strncmp(state, "22", 2) == 0 ||
			 (strncmp(state, "23", 2) == 0 && rule != NULL));

	writing->result = for_ever ? BATCH_UNFIT : BATCH_AWAY;
	pg_text(writing->reason, PROJECTOR_REASON_SIZE, "%s: %s", name,
		PQresultStatus(result) == PGRES_COMMAND_OK
			? "not the rows it should change"
			: PQerrorMessage(writing->connection));
}

/* @rows  that must change; UINT64_MAX: any number. */
static void execute(struct writing *writing, enum statement which,
		    const struct pg_parameters *parameters, uint64_t rows)
{
	PGresult *result;

	if (writing->result != BATCH_WRITTEN)
		return;
	result = PQexecPrepared(writing->connection, statements[which].name,
				parameters->count, parameters->values,
				parameters->lengths, parameters->formats, 1);
	if (PQresultStatus(result) != PGRES_COMMAND_OK ||
	    (rows != UINT64_MAX && !pg_changed(result, rows)))
		fail(writing, statements[which].name, result);
	PQclear(result);
}

static void run(struct writing *writing, const char *sql)
{
	if (writing->result == BATCH_WRITTEN &&
	    !pg_run(writing->connection, sql)) {
		writing->result = BATCH_AWAY;
		pg_text(writing->reason, PROJECTOR_REASON_SIZE, "%s: %s", sql,
			PQerrorMessage(writing->connection));
	}
}

/* Columns as they are; each row of them changes one row. */
static void execute_columns(struct writing *writing, enum statement which,
			    struct pg_array *columns, int count)
{
	struct pg_parameters parameters = { 0 };
	uint64_t rows = columns[0].count;

	if (rows == 0)
		return;
	for (int i = 0; i < count; i++)
		pg_parameters_bytes(&parameters, pg_array_view(&columns[i]));
	/* An expiry changes accounts, not as many rows as there are holds. */
	execute(writing, which, &parameters,
		which == EXPIRE_HOLDS ? UINT64_MAX : rows);
}

/* (rule JOURNAL-16) */
static void move_projection(struct writing *writing, const struct batch *batch,
			    uint32_t epoch)
{
	struct pg_parameters parameters = { 0 };

	pg_parameters_int64(&parameters, batch->to.seq);
	pg_parameters_bytes(&parameters, slice_of(batch->to.hash, SHA256_SIZE));
	pg_parameters_int64(&parameters, (int64_t)batch->to.next_number);
	pg_parameters_int64(&parameters, batch->to.time_us);
	pg_parameters_int64(&parameters, batch->from.seq);
	pg_parameters_bytes(&parameters,
			    slice_of(batch->from.hash, SHA256_SIZE));
	pg_parameters_int32(&parameters, (int32_t)epoch);
	execute(writing, MOVE_PROJECTION, &parameters, 1);
}

/*
 * A batch lies in one month; its first block may begin one, and then the month
 * of the block before is closed exactly between the two (rule JOURNAL-17).
 */
static void turn_month(struct writing *writing, const struct batch *batch)
{
	struct pg_parameters closing = { 0 }, starting = { 0 };
	int32_t month = month_of(batch->to.time_us);
	int32_t before = month_of(batch->from.time_us);

	if (batch->from.seq >= 0 && before == month)
		return;
	if (batch->from.seq >= 0) {
		pg_parameters_int32(&closing, before);
		execute(writing, CLOSE_MONTH, &closing, UINT64_MAX);
	}
	pg_parameters_int32(&starting, month);
	pg_parameters_int64(&starting, (int64_t)batch->from.next_number);
	execute(writing, START_MONTH, &starting, 1);
}

static void insert_genesis(struct writing *writing, const struct batch *batch)
{
	const struct event_genesis *genesis = &batch->genesis;
	struct pg_parameters parameters = { 0 };

	if (!batch->has_genesis)
		return;
	pg_parameters_bytes(&parameters, genesis->federation);
	pg_parameters_bytes(&parameters, genesis->city);
	pg_parameters_bytes(&parameters, genesis->unit);
	pg_parameters_int32(&parameters, (int32_t)genesis->decimals);
	pg_parameters_bytes(&parameters,
			    slice_of(genesis->node_key, NODE_KEY_SIZE));
	execute(writing, INSERT_GENESIS, &parameters, 1);
}

enum batch_result batch_write(struct batch *batch, PGconn *connection,
			      uint32_t epoch, char *reason)
{
	struct writing writing = { connection, reason, BATCH_WRITTEN };

	run(&writing, "begin");
	move_projection(&writing, batch, epoch);
	turn_month(&writing, batch);
	insert_genesis(&writing, batch);
	execute_columns(&writing, INSERT_ACTORS, batch->actor, ACTOR_COLUMNS);
	execute_columns(&writing, INSERT_ACCOUNTS, batch->account,
			ACCOUNT_COLUMNS);
	execute_columns(&writing, INSERT_CHANGES, batch->change,
			CHANGE_COLUMNS);
	execute_columns(&writing, INSERT_TRANSFERS, batch->transfer,
			TRANSFER_COLUMNS);
	execute_columns(&writing, END_HOLDS, batch->ended, ENDED_COLUMNS);
	execute_columns(&writing, EXPIRE_HOLDS, batch->expired,
			EXPIRED_COLUMNS);
	execute_columns(&writing, INSERT_HOLDS, batch->hold, HOLD_COLUMNS);
	execute_columns(&writing, UPDATE_TOTALS, batch->total, TOTAL_COLUMNS);
	execute_columns(&writing, UPDATE_SETTINGS, batch->setting,
			SETTING_COLUMNS);
	execute_columns(&writing, INSERT_COMMANDS, batch->command,
			COMMAND_COLUMNS);
	run(&writing, "commit");
	return writing.result;
}
