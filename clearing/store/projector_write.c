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
	UPSERT_LINKS,
	INSERT_LIVES,
	WITHDRAW_BATCHES,
	INSERT_BATCHES,
	INSERT_LINK_CHANGES,
	INSERT_PAYMENTS,
	UPDATE_PAYMENTS,
	INSERT_REQUESTS,
	END_REQUESTS,
	UPSERT_FEDERATION,
	STATEMENT_COUNT,
};

/* Rows of payments out of one array a column. */
#define PAYMENT_ROWS                                            \
	"insert into clearing.payment as t (number, id,"        \
	" parent, hold_id, role, in_state, out_state,"          \
	" in_answered, booked, duplicate, accepted, open,"      \
	" attempt, in_link, out_link, in_seq, out_seq,"         \
	" answer_seq, amount, decide_by, started_at, ended_at," \
	" account, actor, reason, at_city, payer, payee, path," \
	" reference, key, terms, proof) select * from"          \
	" unnest($1::bigint[], $2::uuid[], $3::uuid[],"         \
	" $4::uuid[], $5::smallint[], $6::smallint[],"          \
	" $7::smallint[], $8::bool[], $9::bool[], $10::bool[]," \
	" $11::bool[], $12::bool[], $13::smallint[],"           \
	" $14::int[], $15::int[], $16::bigint[],"               \
	" $17::bigint[], $18::bigint[], $19::bigint[],"         \
	" $20::timestamptz[], $21::timestamptz[],"              \
	" $22::timestamptz[], $23::int[], $24::int[],"          \
	" $25::int[], $26::text[], $27::text[], $28::text[],"   \
	" $29::text[], $30::bytea[], $31::bytea[],"             \
	" $32::bytea[], $33::bytea[])"

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
	/* Of a row that changed twice the last counts. */
	[UPSERT_LINKS] = {
		"links",
		"insert into clearing.link as t (number, city,"
		" account, out_seq, out_head, out_promised,"
		" out_settled, out_released, out_journal_seq, in_seq,"
		" in_head, in_promised, in_settled, in_released,"
		" in_journal_seq, acknowledged, header_ack,"
		" journal_seq_seen, life, life_nonce, reconciled,"
		" reconciled_nonce, peer_life, peer_life_nonce, line,"
		" peer_line, frozen_here, frozen_there, paused,"
		" rewrite, gone, estate)"
		" select distinct on (number) number, city,"
		" account, out_seq, out_head, out_promised,"
		" out_settled, out_released, out_journal_seq, in_seq,"
		" in_head, in_promised, in_settled, in_released,"
		" in_journal_seq, acknowledged, header_ack,"
		" journal_seq_seen, life, life_nonce, reconciled,"
		" reconciled_nonce, peer_life, peer_life_nonce, line,"
		" peer_line, frozen_here, frozen_there, paused,"
		" rewrite, gone, estate from unnest($1::int[], $2::text[],"
		" $3::int[], $4::bigint[], $5::bytea[], $6::bigint[],"
		" $7::bigint[], $8::bigint[], $9::bigint[],"
		" $10::bigint[], $11::bytea[], $12::bigint[],"
		" $13::bigint[], $14::bigint[], $15::bigint[],"
		" $16::bigint[], $17::bigint[], $18::bigint[],"
		" $19::bigint[], $20::bytea[], $21::bigint[],"
		" $22::bytea[], $23::bigint[], $24::bytea[],"
		" $25::bigint[], $26::bigint[], $27::bool[],"
		" $28::bool[], $29::bool[], $30::bool[], $31::bool[],"
		" $32::bigint[]) with"
		" ordinality as u (number, city, account, out_seq,"
		" out_head, out_promised, out_settled, out_released,"
		" out_journal_seq, in_seq, in_head, in_promised,"
		" in_settled, in_released, in_journal_seq,"
		" acknowledged, header_ack, journal_seq_seen, life,"
		" life_nonce, reconciled, reconciled_nonce, peer_life,"
		" peer_life_nonce, line, peer_line, frozen_here,"
		" frozen_there, paused, rewrite, gone, estate, place)"
		" order by"
		" number, place desc on conflict (number) do update"
		" set city = excluded.city, account ="
		" excluded.account, out_seq = excluded.out_seq,"
		" out_head = excluded.out_head, out_promised ="
		" excluded.out_promised, out_settled ="
		" excluded.out_settled, out_released ="
		" excluded.out_released, out_journal_seq ="
		" excluded.out_journal_seq, in_seq = excluded.in_seq,"
		" in_head = excluded.in_head, in_promised ="
		" excluded.in_promised, in_settled ="
		" excluded.in_settled, in_released ="
		" excluded.in_released, in_journal_seq ="
		" excluded.in_journal_seq, acknowledged ="
		" excluded.acknowledged, header_ack ="
		" excluded.header_ack, journal_seq_seen ="
		" excluded.journal_seq_seen, life = excluded.life,"
		" life_nonce = excluded.life_nonce, reconciled ="
		" excluded.reconciled, reconciled_nonce ="
		" excluded.reconciled_nonce, peer_life ="
		" excluded.peer_life, peer_life_nonce ="
		" excluded.peer_life_nonce, line = excluded.line,"
		" peer_line = excluded.peer_line, frozen_here ="
		" excluded.frozen_here, frozen_there ="
		" excluded.frozen_there, paused = excluded.paused,"
		" rewrite = excluded.rewrite, gone = excluded.gone,"
		" estate = excluded.estate",
	},
	[INSERT_LIVES] = {
		"lives",
		"insert into clearing.link_life (link, own, incarnation,"
		" nonce, seq) select * from unnest($1::int[], $2::bool[],"
		" $3::bigint[], $4::bytea[], $5::bigint[])",
	},
	[WITHDRAW_BATCHES] = {
		"withdraw batches",
		/* Of two withdrawals the first one took a batch away. */
		"update clearing.link_batch b set withdrawn_seq = w.seq from"
		" (select o.link, o.first_seq, o.seq as at, min(u.seq) as seq"
		" from unnest($1::int[], $2::bigint[], $3::bigint[])"
		" u (link, last, seq) join clearing.link_batch o"
		" on o.link = u.link and o.own and o.withdrawn_seq = 0"
		" and o.last_seq > u.last and o.seq < u.seq"
		" group by o.link, o.first_seq, o.seq) w"
		" where b.link = w.link and b.own"
		" and b.first_seq = w.first_seq and b.seq = w.at",
	},
	[INSERT_BATCHES] = {
		"batches",
		"insert into clearing.link_batch (link, own, first_seq,"
		" last_seq, head, promised, settled, released, seq, batch)"
		" select * from unnest($1::int[], $2::bool[], $3::bigint[],"
		" $4::bigint[], $5::bytea[], $6::bigint[], $7::bigint[],"
		" $8::bigint[], $9::bigint[], $10::bytea[])",
	},
	[INSERT_LINK_CHANGES] = {
		"link changes",
		"insert into clearing.link_change (seq, index, link, what,"
		" command, line, actor, reason, changed_at) select * from"
		" unnest($1::bigint[], $2::int[], $3::int[], $4::smallint[],"
		" $5::smallint[], $6::bigint[], $7::int[], $8::text[],"
		" $9::timestamptz[])",
	},
	[INSERT_PAYMENTS] = {
		"payments",
		PAYMENT_ROWS,
	},
	[UPDATE_PAYMENTS] = {
		"changed payments",
		PAYMENT_ROWS
		" on conflict (number) do update"
		" set id = excluded.id, parent = excluded.parent,"
		" hold_id = excluded.hold_id, role = excluded.role,"
		" in_state = excluded.in_state, out_state ="
		" excluded.out_state, in_answered ="
		" excluded.in_answered, booked = excluded.booked,"
		" duplicate = excluded.duplicate, accepted ="
		" excluded.accepted, open = excluded.open, attempt ="
		" excluded.attempt, in_link = excluded.in_link,"
		" out_link = excluded.out_link, in_seq ="
		" excluded.in_seq, out_seq = excluded.out_seq,"
		" answer_seq = excluded.answer_seq, amount ="
		" excluded.amount, decide_by = excluded.decide_by,"
		" started_at = excluded.started_at, ended_at ="
		" excluded.ended_at, account = excluded.account, actor"
		" = excluded.actor, reason = excluded.reason, at_city"
		" = excluded.at_city, payer = excluded.payer, payee ="
		" excluded.payee, path = excluded.path, reference ="
		" excluded.reference, key = excluded.key, terms ="
		" excluded.terms, proof = excluded.proof",
	},
	[INSERT_REQUESTS] = {
		"requests",
		"insert into clearing.payment_request (id, payer, payee,"
		" amount, purpose, reference, expires_at, actor, seq, index)"
		" select * from unnest($1::uuid[], $2::text[], $3::text[],"
		" $4::bigint[], $5::text[], $6::bytea[], $7::timestamptz[],"
		" $8::int[], $9::bigint[], $10::int[])",
	},
	[END_REQUESTS] = {
		"end requests",
		/* The first end counts. */
		"update clearing.payment_request r set ended = u.state,"
		" ended_seq = u.seq from (select distinct on (id) *"
		" from unnest($1::uuid[], $2::smallint[], $3::bigint[])"
		" with ordinality e (id, state, seq, place)"
		" order by id, place) u"
		" where r.id = u.id and r.ended is null",
	},
	[UPSERT_FEDERATION] = {
		"federation",
		"insert into clearing.federation (next_payment,"
		" roster_version, roster_hash, rejoin) values ($1::bigint,"
		" $2::bigint, $3::bytea, $4::int)"
		" on conflict (one) do update set"
		" next_payment = excluded.next_payment,"
		" roster_version = excluded.roster_version,"
		" roster_hash = excluded.roster_hash,"
		" rejoin = excluded.rejoin",
	},
};

/* The same for many rows, where there is such a way. */
static const char *const copies[STATEMENT_COUNT] = {
	[INSERT_TRANSFERS] =
		"copy clearing.transfer (number, id, seq, index,"
		" debit_account, credit_account, amount, kind, reference,"
		" hold_id, actor, posted_at, debit_previous,"
		" credit_previous)"
		" from stdin (format binary)",
	[INSERT_HOLDS] = "copy clearing.hold (number, id, debit_account,"
			 " credit_account, amount, state, posted_amount,"
			 " expires_at, kind, reference, actor, placed_seq,"
			 " placed_index, ended_seq, ended_actor)"
			 " from stdin (format binary)",
	[INSERT_PAYMENTS] =
		"copy clearing.payment (number, id, parent, hold_id,"
		" role, in_state, out_state, in_answered, booked,"
		" duplicate, accepted, open, attempt, in_link, out_link,"
		" in_seq, out_seq, answer_seq, amount, decide_by,"
		" started_at, ended_at, account, actor, reason, at_city,"
		" payer, payee, path, reference, key, terms, proof)"
		" from stdin (format binary)",
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

/* Fewer rows are not worth the server's answer in between. */
#define COPY_ROWS_MIN 64

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

static void copy(struct writing *writing, enum statement which,
		 const struct pg_array *columns, int count)
{
	PGresult *result;

	if (writing->result != BATCH_WRITTEN)
		return;
	result = pg_copy(writing->connection, copies[which], columns, count);
	if (!pg_changed(result, columns[0].count))
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

/*
 * An expiry changes accounts, not as many rows as there are holds; a
 * withdrawal what it finds; links the last of each row.
 */
static bool changes_other_rows(enum statement which)
{
	return which == EXPIRE_HOLDS || which == WITHDRAW_BATCHES ||
	       which == UPSERT_LINKS || which == END_REQUESTS;
}

/* Columns as they are; each row of them changes one row. */
static void execute_columns(struct writing *writing, enum statement which,
			    struct pg_array *columns, int count)
{
	struct pg_parameters parameters = { 0 };
	uint64_t rows = columns[0].count;

	if (rows == 0)
		return;
	if (copies[which] != NULL && rows >= COPY_ROWS_MIN) {
		copy(writing, which, columns, count);
		return;
	}
	for (int i = 0; i < count; i++)
		pg_parameters_bytes(&parameters, pg_array_view(&columns[i]));
	execute(writing, which, &parameters,
		changes_other_rows(which) ? UINT64_MAX : rows);
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

static void write_links(struct writing *writing, struct batch *batch)
{
	struct pg_parameters parameters = { 0 };

	execute_columns(writing, UPSERT_LINKS, batch->link, LINK_COLUMNS);
	execute_columns(writing, INSERT_LIVES, batch->link_life,
			LINK_LIFE_COLUMNS);
	execute_columns(writing, INSERT_BATCHES, batch->link_batch,
			LINK_BATCH_COLUMNS);
	execute_columns(writing, WITHDRAW_BATCHES, batch->link_withdrawn,
			LINK_WITHDRAWN_COLUMNS);
	execute_columns(writing, INSERT_LINK_CHANGES, batch->link_change,
			LINK_CHANGE_COLUMNS);
	execute_columns(writing, INSERT_PAYMENTS, batch->payment,
			PAYMENT_COLUMNS);
	execute_columns(writing, UPDATE_PAYMENTS, batch->payment_again,
			PAYMENT_COLUMNS);
	execute_columns(writing, INSERT_REQUESTS, batch->request,
			REQUEST_COLUMNS);
	execute_columns(writing, END_REQUESTS, batch->request_ended,
			REQUEST_ENDED_COLUMNS);
	if (!batch->links_changed)
		return;
	pg_parameters_int64(&parameters, (int64_t)batch->links->next_payment);
	pg_parameters_int64(&parameters, (int64_t)batch->links->roster_version);
	pg_parameters_bytes(&parameters,
			    slice_of(batch->links->roster_hash, SHA256_SIZE));
	pg_parameters_int32(&parameters, batch->links->rejoin);
	execute(writing, UPSERT_FEDERATION, &parameters, 1);
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
	write_links(&writing, batch);
	run(&writing, "commit");
	return writing.result;
}
