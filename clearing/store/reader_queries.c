/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The reads themselves.  Statements walk the previous-transfer pointers
 * (JOURNAL.md, section 4.2): there is no index on accounts in transfer.
 */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "store/reader_private.h"

/* Steps of a walk before an account counts as busy; about 0.1 s. */
#define WALK_MAX 20000

enum statement {
	AT_POSITION,
	TRANSFER_BY_NUMBER,
	TRANSFER_BY_ID,
	HOLD_BY_ID,
	HOLDS_ALL,
	HOLDS_ALL_OPEN,
	HOLDS_OF,
	HOLDS_OF_OPEN,
	ENTRIES_ALL,
	ENTRIES_WALK,
	ENTRIES_SCAN,
	STATEMENT_WALK,
	STATEMENT_COUNT,
};

/* $1 is '@' and the city.  A POST has its hold's memo. */
#define TRANSFER_VIEW                                                      \
	"select t.number, t.id, t.seq, t.debit_account, t.credit_account," \
	" d.address || $1::text, c.address || $1::text, t.amount, t.kind," \
	" t.reference, t.hold_id, m.text,"                                 \
	" m.seq is not null and m.text is null, a.uri, t.posted_at"
#define TRANSFER_JOINS                                                        \
	" t join clearing.account d on d.id = t.debit_account"                \
	" join clearing.account c on c.id = t.credit_account"                 \
	" join clearing.actor a on a.id = t.actor"                            \
	" left join clearing.hold h on h.id = t.hold_id"                      \
	" left join clearing.memo m on m.seq = coalesce(h.placed_seq, t.seq)" \
	" and m.index = coalesce(h.placed_index, t.index)"
#define HOLD_VIEW                                                            \
	"select t.number, t.id, t.state, t.debit_account, t.credit_account," \
	" d.address || $1::text, c.address || $1::text, t.amount,"           \
	" t.posted_amount, t.expires_at, t.kind, t.reference, m.text,"       \
	" m.seq is not null and m.text is null, a.uri, t.placed_seq,"        \
	" coalesce(t.ended_seq, 0)"
#define HOLD_JOINS                                             \
	" t join clearing.account d on d.id = t.debit_account" \
	" join clearing.account c on c.id = t.credit_account"  \
	" join clearing.actor a on a.id = t.actor"             \
	" left join clearing.memo m on m.seq = t.placed_seq"   \
	" and m.index = t.placed_index"

#define ANY_STATE "($4::int = 0 or state = $4::int)"
/* As text, so that the partial index serves. */
#define OPEN_STATE "(state = 1 and $4::int = 1)"
#define HOLDS_WHERE(side, state)                   \
	"(select * from clearing.hold where " side \
	"number > $2::bigint and " state " order by number limit $3::bigint)"
#define HOLDS_OF_SQL(state)                                                   \
	HOLD_VIEW " from (select * from (" HOLDS_WHERE(                       \
		"debit_account = $5::int and ",                               \
		state) " union all " HOLDS_WHERE("credit_account = $5::int "  \
						 "and ",                      \
						 state) ") both_sides order " \
							"by number limit "    \
							"$3::"                \
							"bigint)" HOLD_JOINS  \
							" order by t.number"

#define PREVIOUS(row, account)                                         \
	"case when " row ".debit_account = " account "::int then " row \
	".debit_previous else " row ".credit_previous end"
#define CHANGE(row)                                                       \
	"(case when " row ".debit_account = $2::int then -" row ".amount" \
	" else " row ".amount end)"
/* Is row t on the page: below the cursor and in the span? */
#define INSIDE                                                     \
	"(t.number < $3::bigint and t.posted_at < $5::timestamptz" \
	" and t.posted_at >= $4::timestamptz)"

static const struct {
	const char *name;
	const char *sql;
} statements[STATEMENT_COUNT] = {
	[AT_POSITION] = {
		"at position",
		"select seq from clearing.projection",
	},
	[TRANSFER_BY_NUMBER] = {
		"transfer by number",
		TRANSFER_VIEW " from clearing.transfer" TRANSFER_JOINS
		" where t.number = $2::bigint and t.id = $3::uuid",
	},
	[TRANSFER_BY_ID] = {
		"transfer by id",
		TRANSFER_VIEW " from clearing.transfer" TRANSFER_JOINS
		" where t.id = $2::uuid",
	},
	[HOLD_BY_ID] = {
		"hold by id",
		HOLD_VIEW " from clearing.hold" HOLD_JOINS
		" where t.id = $2::uuid",
	},
	[HOLDS_ALL] = {
		"holds",
		HOLD_VIEW " from " HOLDS_WHERE("", ANY_STATE) HOLD_JOINS
		" order by t.number",
	},
	[HOLDS_ALL_OPEN] = {
		"open holds",
		HOLD_VIEW " from " HOLDS_WHERE("", OPEN_STATE) HOLD_JOINS
		" order by t.number",
	},
	[HOLDS_OF] = { "holds of", HOLDS_OF_SQL(ANY_STATE) },
	[HOLDS_OF_OPEN] = { "open holds of", HOLDS_OF_SQL(OPEN_STATE) },
	[ENTRIES_ALL] = {
		"entries",
		TRANSFER_VIEW " from (select * from clearing.transfer"
		" where number > $2::bigint order by number"
		" limit $3::bigint)" TRANSFER_JOINS " order by t.number",
	},
	/*
	 * $4 account; $5: from its newest entry in the first month that has
	 * one above the cursor, and not from its very newest; $6 WALK_MAX.
	 */
	[ENTRIES_WALK] = {
		"entries walk",
		"with recursive top as (select case when $5::bool then"
		" coalesce((select last_number from clearing.account_month"
		" where account = $4::int and last_number > $2::bigint"
		" order by month limit 1), last_number)"
		" else last_number end as number, last_number"
		" from clearing.account where id = $4::int),"
		" walk as (select t.*, 1 as step from top"
		" join clearing.transfer t on t.number = top.number"
		" where t.number > $2::bigint union all"
		" select t.*, w.step + 1 from walk w"
		" join clearing.transfer t"
		" on t.number = " PREVIOUS("w", "$4")
		" where w.step < $6::int and t.number > $2::bigint),"
		" page as (select * from walk order by number"
		" limit $3::bigint) "
		TRANSFER_VIEW ", (select max(step) from walk),"
		" (select number < last_number from top)"
		" from page" TRANSFER_JOINS " order by t.number",
	},
	[ENTRIES_SCAN] = {
		"entries scan",
		TRANSFER_VIEW " from (select * from clearing.transfer"
		" where number > $2::bigint and (debit_account = $4::int"
		" or credit_account = $4::int) order by number"
		" limit $3::bigint)" TRANSFER_JOINS " order by t.number",
	},
	/*
	 * $2 account, $3 cursor, $4 from, $5 until, $6 rows.  From the end of
	 * the last month that can be on the page, whose balance is known, down
	 * to the first entry before the span, which is told too (not inside).
	 */
	[STATEMENT_WALK] = {
		"statement walk",
		"with recursive edge as (select date_trunc('month', least("
		"$5::timestamptz - interval '1 microsecond', coalesce("
		"(select posted_at from clearing.transfer"
		" where number = $3::bigint), 'infinity'))"
		" at time zone 'UTC') as month),"
		" top as (select case when e.closed then m.last_number"
		" else a.last_number end as number,"
		" case when e.closed then m.credits_posted - m.debits_posted"
		" else a.credits_posted - a.debits_posted end as balance"
		" from clearing.account a cross join (select month,"
		" exists (select from clearing.month_start s"
		" where s.month > edge.month) as closed from edge) e"
		" left join lateral (select * from clearing.account_month x"
		" where x.account = a.id and x.month <= e.month"
		" order by x.month desc limit 1) m on true"
		" where a.id = $2::int),"
		" walk as (select t.*, top.balance, " INSIDE " as inside,"
		" " INSIDE "::int as place from top"
		" join clearing.transfer t on t.number = top.number"
		" union all select t.*, w.balance - " CHANGE("w") ","
		" " INSIDE ", w.place + " INSIDE "::int from walk w"
		" join clearing.transfer t"
		" on t.number = " PREVIOUS("w", "$2")
		" where w.place < $6::int"
		" and w.posted_at >= $4::timestamptz) "
		TRANSFER_VIEW ", " CHANGE("t") ", t.balance, t.inside"
		" from (select * from walk where inside"
		" or posted_at < $4::timestamptz)" TRANSFER_JOINS
		" order by t.number desc",
	},
};

/* Columns behind those of TRANSFER_VIEW. */
enum {
	COLUMN_STEPS = 15,
	COLUMN_LATER = 16,
	COLUMN_CHANGE = 15,
	COLUMN_BALANCE = 16,
	COLUMN_INSIDE = 17,
};

bool query_prepare(PGconn *connection)
{
	/* Every join here looks up single rows. */
	if (!pg_run(connection, "set enable_hashjoin = off;"
				"set enable_mergejoin = off"))
		return false;
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

struct asking {
	PGconn *connection;
	struct read *read;
	char suffix[CITY_SUFFIX_SIZE];
};

enum query_result query_failed(const PGresult *result)
{
	return pg_state_is(result, "57014") ? QUERY_LATE : QUERY_AWAY;
}

/* @rows  the caller's on QUERY_DONE. */
static enum query_result ask(struct asking *asking, enum statement which,
			     const struct pg_parameters *parameters,
			     PGresult **rows)
{
	PGresult *result =
		PQexecPrepared(asking->connection, statements[which].name,
			       parameters->count, parameters->values,
			       parameters->lengths, parameters->formats, 1);
	enum query_result status = QUERY_DONE;

	if (pg_rows(result)) {
		*rows = result;
		return QUERY_DONE;
	}
	status = query_failed(result);
	PQclear(result);
	return status;
}

static void begin_parameters(struct asking *asking,
			     struct pg_parameters *parameters)
{
	*parameters = (struct pg_parameters){ 0 };
	pg_parameters_bytes(parameters, slice_from_text(asking->suffix));
}

static void view_transfer(const PGresult *rows, int row,
			  struct transfer_view *out)
{
	*out = (struct transfer_view){
		.number = (uint64_t)pg_get_int64(rows, row, 0),
		.id = pg_get_bytes(rows, row, 1),
		.position = (uint64_t)pg_get_int64(rows, row, 2),
		.debit_account = (uint64_t)pg_get_int32(rows, row, 3),
		.credit_account = (uint64_t)pg_get_int32(rows, row, 4),
		.debit_address = pg_get_bytes(rows, row, 5),
		.credit_address = pg_get_bytes(rows, row, 6),
		.amount_minor = pg_get_int64(rows, row, 7),
		.kind = (uint32_t)pg_get_int16(rows, row, 8),
		.reference = pg_get_bytes(rows, row, 9),
		.hold_id = pg_get_bytes(rows, row, 10),
		.memo = pg_get_bytes(rows, row, 11),
		.memo_erased = pg_get_bool(rows, row, 12),
		.actor = pg_get_bytes(rows, row, 13),
		.posted_at_us = pg_get_time(rows, row, 14),
	};
}

static void view_hold(const PGresult *rows, int row, struct hold_view *out)
{
	*out = (struct hold_view){
		.number = (uint64_t)pg_get_int64(rows, row, 0),
		.id = pg_get_bytes(rows, row, 1),
		.state = (uint32_t)pg_get_int16(rows, row, 2),
		.debit_account = (uint64_t)pg_get_int32(rows, row, 3),
		.credit_account = (uint64_t)pg_get_int32(rows, row, 4),
		.debit_address = pg_get_bytes(rows, row, 5),
		.credit_address = pg_get_bytes(rows, row, 6),
		.amount_minor = pg_get_int64(rows, row, 7),
		.posted_amount_minor = pg_get_int64(rows, row, 8),
		.expires_at_us = pg_get_time(rows, row, 9),
		.kind = (uint32_t)pg_get_int16(rows, row, 10),
		.reference = pg_get_bytes(rows, row, 11),
		.memo = pg_get_bytes(rows, row, 12),
		.memo_erased = pg_get_bool(rows, row, 13),
		.actor = pg_get_bytes(rows, row, 14),
		.placed_position = (uint64_t)pg_get_int64(rows, row, 15),
		.ended_position = (uint64_t)pg_get_int64(rows, row, 16),
	};
}

/* The rows of the page, one more being the sign of a further page. */
static uint32_t page_size(struct read *read, int rows)
{
	uint32_t limit = read->query.limit;

	read->result.more = (uint32_t)rows > limit;
	return read->result.more ? limit : (uint32_t)rows;
}

static enum query_result keep_transfers(struct read *read, PGresult *rows,
					uint32_t count)
{
	struct transfer_view *views = calloc(count + 1, sizeof(*views));

	read->rows = rows;
	if (views == NULL)
		return QUERY_AWAY;
	for (uint32_t i = 0; i < count; i++)
		view_transfer(rows, (int)i, &views[i]);
	read->items = views;
	read->result.transfers = views;
	read->result.count = count;
	return QUERY_DONE;
}

static enum query_result keep_holds(struct read *read, PGresult *rows,
				    uint32_t count)
{
	struct hold_view *views = calloc(count + 1, sizeof(*views));

	read->rows = rows;
	if (views == NULL)
		return QUERY_AWAY;
	for (uint32_t i = 0; i < count; i++)
		view_hold(rows, (int)i, &views[i]);
	read->items = views;
	read->result.holds = views;
	read->result.count = count;
	return QUERY_DONE;
}

enum read_status query_found(const PGresult *rows)
{
	return PQntuples(rows) == 1 ? READ_OK : READ_NOT_FOUND;
}

/* The row with the id that is read, or none; the id is the last parameter. */
static enum query_result ask_by_id(struct asking *asking, enum statement which,
				   struct pg_parameters *parameters,
				   PGresult **rows)
{
	struct read *read = asking->read;
	enum query_result status;

	pg_parameters_bytes(parameters,
			    slice_of(read->query.id.bytes, ID_SIZE));
	status = ask(asking, which, parameters, rows);
	if (status == QUERY_DONE)
		read->result.status = query_found(*rows);
	return status;
}

static enum query_result read_transfer(struct asking *asking)
{
	uint64_t number = asking->read->query.number;
	struct pg_parameters parameters;
	enum query_result status;
	PGresult *rows;

	begin_parameters(asking, &parameters);
	if (number > 0)
		pg_parameters_int64(&parameters, (int64_t)number);
	status = ask_by_id(asking,
			   number > 0 ? TRANSFER_BY_NUMBER : TRANSFER_BY_ID,
			   &parameters, &rows);
	return status == QUERY_DONE ? keep_transfers(asking->read, rows,
						     PQntuples(rows) == 1)
				    : status;
}

static enum query_result read_hold(struct asking *asking)
{
	struct pg_parameters parameters;
	enum query_result status;
	PGresult *rows;

	begin_parameters(asking, &parameters);
	status = ask_by_id(asking, HOLD_BY_ID, &parameters, &rows);
	return status == QUERY_DONE
		       ? keep_holds(asking->read, rows, PQntuples(rows) == 1)
		       : status;
}

static enum query_result read_holds(struct asking *asking)
{
	const struct read_query *query = &asking->read->query;
	bool open = query->state == 1;
	enum statement which = query->account == 0
				       ? (open ? HOLDS_ALL_OPEN : HOLDS_ALL)
				       : (open ? HOLDS_OF_OPEN : HOLDS_OF);
	struct pg_parameters parameters;
	enum query_result status;
	PGresult *rows;

	begin_parameters(asking, &parameters);
	pg_parameters_int64(&parameters, (int64_t)query->cursor);
	pg_parameters_int64(&parameters, (int64_t)query->limit + 1);
	pg_parameters_int32(&parameters, (int32_t)query->state);
	if (query->account != 0)
		pg_parameters_int32(&parameters, (int32_t)query->account);
	status = ask(asking, which, &parameters, &rows);
	if (status != QUERY_DONE)
		return status;
	return keep_holds(asking->read, rows,
			  page_size(asking->read, PQntuples(rows)));
}

/* A bool parameter is one byte. */
static void put_bool(struct pg_parameters *parameters, bool value)
{
	static const uint8_t bytes[] = { 0, 1 };

	pg_parameters_bytes(parameters, slice_of(&bytes[value], 1));
}

/*
 * One way to a page of an account's entries, oldest first.
 *
 * @way   0: walk down from the newest entry; 1: from the end of the first
 *        month above the cursor; 2: scan the numbers, which is cheap exactly
 *        where walks are long.
 * @done  false when a walk was given up: take the next way.
 */
static enum query_result try_way(struct asking *asking, uint32_t way,
				 bool *done)
{
	struct read *read = asking->read;
	struct pg_parameters parameters;
	enum query_result status;
	PGresult *rows;
	int count;

	begin_parameters(asking, &parameters);
	pg_parameters_int64(&parameters, (int64_t)read->query.cursor);
	pg_parameters_int64(&parameters, (int64_t)read->query.limit + 1);
	pg_parameters_int32(&parameters, (int32_t)read->query.account);
	if (way < 2) {
		put_bool(&parameters, way == 1);
		pg_parameters_int32(&parameters, WALK_MAX);
	}
	status = ask(asking, way < 2 ? ENTRIES_WALK : ENTRIES_SCAN, &parameters,
		     &rows);
	if (status != QUERY_DONE)
		return status;
	count = PQntuples(rows);
	*done = way == 2 || count == 0 ||
		pg_get_int32(rows, 0, COLUMN_STEPS) < WALK_MAX;
	if (!*done) {
		PQclear(rows);
		return QUERY_DONE;
	}
	status = keep_transfers(read, rows, page_size(read, count));
	/* A month's end is not the account's end. */
	if (way == 1 && count > 0 && pg_get_bool(rows, 0, COLUMN_LATER))
		read->result.more = true;
	return status;
}

static enum query_result read_entries(struct asking *asking)
{
	const struct read_query *query = &asking->read->query;
	enum query_result status = QUERY_DONE;
	struct pg_parameters parameters;
	bool done = false;
	PGresult *rows;

	for (uint32_t way = 0; query->account != 0 && way < 3; way++) {
		status = try_way(asking, way, &done);
		if (done || status != QUERY_DONE)
			return status;
	}
	begin_parameters(asking, &parameters);
	pg_parameters_int64(&parameters, (int64_t)query->cursor);
	pg_parameters_int64(&parameters, (int64_t)query->limit + 1);
	status = ask(asking, ENTRIES_ALL, &parameters, &rows);
	if (status != QUERY_DONE)
		return status;
	return keep_transfers(asking->read, rows,
			      page_size(asking->read, PQntuples(rows)));
}

/* Rows fall; the last may be the first before the span, not inside. */
static enum query_result keep_statement(struct read *read, PGresult *rows)
{
	struct read_result *result = &read->result;
	struct statement_entry_view *views;
	int count = PQntuples(rows);
	int inside = 0;

	while (inside < count && pg_get_bool(rows, inside, COLUMN_INSIDE))
		inside++;
	result->count = page_size(read, inside);
	read->rows = rows;
	views = calloc(result->count + 1, sizeof(*views));
	if (views == NULL)
		return QUERY_AWAY;
	for (uint32_t i = 0; i < result->count; i++) {
		view_transfer(rows, (int)i, &views[i].transfer);
		views[i].change_minor =
			pg_get_int64(rows, (int)i, COLUMN_CHANGE);
		views[i].balance_minor =
			pg_get_int64(rows, (int)i, COLUMN_BALANCE);
	}
	read->items = views;
	result->entries = views;
	if (result->count > 0) {
		struct statement_entry_view *oldest = &views[result->count - 1];

		result->closing_minor = views[0].balance_minor;
		result->opening_minor =
			oldest->balance_minor - oldest->change_minor;
	} else if (count > 0) {
		result->closing_minor = pg_get_int64(rows, 0, COLUMN_BALANCE);
		result->opening_minor = result->closing_minor;
	}
	return QUERY_DONE;
}

static enum query_result read_statement(struct asking *asking)
{
	const struct read_query *query = &asking->read->query;
	int64_t until = query->until_us;
	struct pg_parameters parameters;
	enum query_result status;
	PGresult *rows;

	begin_parameters(asking, &parameters);
	pg_parameters_int32(&parameters, (int32_t)query->account);
	pg_parameters_int64(&parameters,
			    query->cursor ? (int64_t)query->cursor : INT64_MAX);
	pg_parameters_time(&parameters, query->from_us);
	/* The server's infinity is the largest number. */
	if (until == 0)
		pg_parameters_int64(&parameters, INT64_MAX);
	else
		pg_parameters_time(&parameters, until);
	pg_parameters_int32(&parameters, (int32_t)query->limit + 1);
	status = ask(asking, STATEMENT_WALK, &parameters, &rows);
	if (status != QUERY_DONE)
		return status;
	return keep_statement(asking->read, rows);
}

static enum query_result read_kind(struct asking *asking)
{
	switch (asking->read->query.kind) {
	case READ_TRANSFER:
		return read_transfer(asking);
	case READ_HOLD:
		return read_hold(asking);
	case READ_HOLDS:
		return read_holds(asking);
	case READ_ENTRIES:
		return read_entries(asking);
	case READ_STATEMENT:
		return read_statement(asking);
	case READ_PAYMENT:
	case READ_PAYMENTS:
	case READ_LINK_LOG:
	case READ_REQUEST:
	case READ_REQUESTS:
		return query_links(asking->connection, asking->read,
				   asking->suffix);
	}
	clearing_panic(__FILE__, __LINE__, "read kind");
}

/* (rule RPC-13) After a crash tables may be behind what was once told. */
static enum query_result check_position(struct asking *asking)
{
	struct pg_parameters none = { 0 };
	uint64_t wanted = asking->read->query.min_position;
	enum query_result status;
	PGresult *rows;

	status = ask(asking, AT_POSITION, &none, &rows);
	if (status != QUERY_DONE)
		return status;
	if (PQntuples(rows) != 1 ||
	    (wanted > 0 && pg_get_int64(rows, 0, 0) < (int64_t)wanted))
		status = QUERY_BEHIND;
	PQclear(rows);
	return status;
}

enum query_result query_run(PGconn *connection, uint32_t timeout_ms,
			    struct read *read)
{
	struct asking asking = { .connection = connection, .read = read };
	enum query_result status;
	char begin[160];

	snprintf(asking.suffix, sizeof(asking.suffix), "@%s", read->query.city);
	snprintf(begin, sizeof(begin),
		 "begin isolation level repeatable read read only;"
		 "set local statement_timeout = %u",
		 timeout_ms);
	if (!pg_run(connection, begin))
		return QUERY_AWAY;
	read->result = (struct read_result){ .status = READ_OK };
	status = check_position(&asking);
	if (status == QUERY_DONE)
		status = read_kind(&asking);
	/* A failed transaction ends by this as well. */
	if (!pg_run(connection, "commit") && status == QUERY_DONE)
		status = QUERY_AWAY;
	return status;
}
