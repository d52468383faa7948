/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Reads of payments between cities, of links' logs, and of requests. */
#include <stdlib.h>
#include <string.h>

#include "core/linklog.h"
#include "store/reader_private.h"

/* A page of a log ends with the batch that passes so many bytes. */
#define LOG_PAGE_BYTES 700000
/* Cities of a path. */
#define PATH_MAX_CITIES 8

/* In the order of the columns below; of p. */
#define PAYMENT_VIEW                                                          \
	"select p.number, coalesce(p.parent, p.id), p.role, p.in_state,"      \
	" p.out_state, p.payer, p.payee, p.amount, p.path, p.reason,"         \
	" p.at_city, p.attempt, p.started_at, p.ended_at, p.reference, p.id," \
	" p.decide_by, p.account, p.terms, p.proof, p.in_link, p.out_link,"   \
	" p.answer_seq from "

/*
 * By the command's id or an attempt's: the newest attempt.  A promise that
 * was released because its id was known is not what the id stands for.
 */
static const char payment_sql[] =
	PAYMENT_VIEW "clearing.payment p where p.number = (select q.number"
		     " from clearing.payment q where q.id = $1::uuid or"
		     " q.parent = (select coalesce(r.parent, r.id) from"
		     " clearing.payment r where r.id = $1::uuid"
		     " order by r.number limit 1)"
		     " order by q.accepted desc, q.number desc limit 1)";
static const char payments_sql[] =
	PAYMENT_VIEW "clearing.payment p where p.number < $1::bigint"
		     " order by p.number desc limit $2::bigint";
/* What the account pays, and what is paid to it, by an index each. */
static const char payments_of_sql[] =
	PAYMENT_VIEW "((select * from clearing.payment where role <> 3"
		     " and account = $3::int and number < $1::bigint"
		     " order by number desc limit $2::bigint)"
		     " union all (select * from clearing.payment where role = 3"
		     " and payee = (select address || $4::text from"
		     " clearing.account where id = $3::int)"
		     " and number < $1::bigint"
		     " order by number desc limit $2::bigint)) p"
		     " order by p.number desc limit $2::bigint";
/*
 * A first batch always, then as many as fit a message ($5 bytes).  A batch
 * has at most 1,024 entries: none that begins earlier can have seq $3.
 */
static const char log_sql[] =
	"select first_seq, last_seq, batch from (select l.*,"
	" sum(octet_length(l.batch)) over (order by l.first_seq)"
	" - octet_length(l.batch) as before from (select b.first_seq,"
	" b.last_seq, b.batch from clearing.link_batch b where b.link ="
	" $1::int and b.own = $2::bool and b.withdrawn_seq = 0 and"
	" b.first_seq > $3::bigint - 1024 and b.last_seq >= $3::bigint"
	" order by b.first_seq limit $4::bigint) l) n"
	" where before < $5::bigint order by first_seq";
/* Sixteen bytes, so that the partial index serves. */
#define REQUEST_VIEW                                                           \
	"select r.seq * 4096 + r.index, r.id,"                                 \
	" case when r.ended is not null then r.ended when exists (select from" \
	" clearing.payment p where p.reference = uuid_send(r.id)"              \
	" and octet_length(p.reference) = 16 and"                              \
	" ((p.role = 1 and p.out_state in (3, 4))"                             \
	" or (p.role = 3 and p.in_state = 4))) then 2"                         \
	" when r.expires_at <= $1::timestamptz then 4 else 1 end as state,"    \
	" r.payer, r.payee, r.amount, r.purpose, r.reference, r.expires_at,"   \
	" a.uri from clearing.payment_request r"                               \
	" join clearing.actor a on a.id = r.actor"
static const char request_sql[] = REQUEST_VIEW " where r.id = $2::uuid";
static const char requests_sql[] =
	"select * from (" REQUEST_VIEW
	" where r.seq * 4096 + r.index < $2::bigint and ($3::text = ''"
	" or r.payer = $3::text or r.payee = $3::text)) v"
	" where $4::int = 0 or v.state = $4::int"
	" order by 1 desc limit $5::bigint";

/* PaymentState and PaymentDirection of payment.proto; leg states of core. */
enum { PENDING = 1, POSTED = 2, REFUSED = 3 };
enum {
	ROLE_ORIGIN = 1,
	ROLE_DECIDER = 3,
	LEG_IS_POSTED = 4,
	LEG_IS_VOIDED = 5
};

static uint32_t state_of(int16_t leg)
{
	if (leg == LEG_IS_POSTED)
		return POSTED;
	return leg == LEG_IS_VOIDED ? REFUSED : PENDING;
}

static uint32_t split_path(struct slice path, struct slice *out)
{
	uint32_t count = 0;

	while (path.size > 0 && count < PATH_MAX_CITIES) {
		size_t end = slice_find(path, ' ');

		out[count++] = slice_upto(path, end);
		path = slice_from(path, end < path.size ? end + 1 : end);
	}
	return count;
}

/* Where the decider's answer stands, if this city has it in a log. */
static void view_answer(const PGresult *rows, int row,
			struct payment_view *view)
{
	int16_t role = pg_get_int16(rows, row, 2);

	if (view->state != POSTED)
		return;
	view->answer_seq = (uint64_t)pg_get_int64(rows, row, 22);
	view->answer_own = role == ROLE_DECIDER;
	if (role == ROLE_DECIDER)
		view->answer_link = (uint32_t)pg_get_int32(rows, row, 20);
	if (role == ROLE_ORIGIN)
		view->answer_link = (uint32_t)pg_get_int32(rows, row, 21);
}

static void view_payment(const PGresult *rows, int row,
			 struct payment_view *view)
{
	int16_t role = pg_get_int16(rows, row, 2);
	int16_t in = pg_get_int16(rows, row, 3);
	int16_t out = pg_get_int16(rows, row, 4);
	struct payment_terms terms;

	*view = (struct payment_view){
		.number = (uint64_t)pg_get_int64(rows, row, 0),
		.id = pg_get_bytes(rows, row, 1),
		.state = state_of(role == ROLE_ORIGIN ? out : in),
		/* OUT, THROUGH and IN have the roles' numbers. */
		.direction = (uint32_t)role,
		.payer = pg_get_bytes(rows, row, 5),
		.payee = pg_get_bytes(rows, row, 6),
		.amount_minor = pg_get_int64(rows, row, 7),
		.reason = (uint32_t)pg_get_int32(rows, row, 9),
		.at_city = pg_get_bytes(rows, row, 10),
		.attempts = (uint32_t)pg_get_int16(rows, row, 11),
		.started_at_us = pg_get_time(rows, row, 12),
		.reference = pg_get_bytes(rows, row, 14),
		.decided_id = pg_get_bytes(rows, row, 15),
		.decide_by_us = pg_get_time(rows, row, 16),
		.account = (uint32_t)pg_get_int32(rows, row, 17),
		.terms = pg_get_bytes(rows, row, 18),
		.proof = pg_get_bytes(rows, row, 19),
	};
	if (linklog_terms(view->terms, &terms) == LINKLOG_OK)
		view->lock = terms.lock;
	if (!PQgetisnull(rows, row, 13))
		view->ended_at_us = pg_get_time(rows, row, 13);
	view->path_count = split_path(pg_get_bytes(rows, row, 8), view->path);
	view_answer(rows, row, view);
}

static uint32_t page_of(struct read *read, int rows)
{
	read->result.more = (uint32_t)rows > read->query.limit;
	return read->result.more ? read->query.limit : (uint32_t)rows;
}

static enum query_result run(PGconn *connection, struct read *read,
			     const char *sql,
			     const struct pg_parameters *parameters)
{
	PGresult *rows = pg_query(connection, sql, parameters);
	enum query_result status = QUERY_DONE;

	if (pg_rows(rows)) {
		read->rows = rows;
		return QUERY_DONE;
	}
	status = query_failed(rows);
	PQclear(rows);
	return status;
}

static enum query_result keep_payments(struct read *read, uint32_t count)
{
	struct payment_view *views = calloc(count + 1, sizeof(*views));

	if (views == NULL)
		return QUERY_AWAY;
	for (uint32_t i = 0; i < count; i++)
		view_payment(read->rows, (int)i, &views[i]);
	read->items = views;
	read->result.payments = views;
	read->result.count = count;
	return QUERY_DONE;
}

/* The row with the id that is read, or none; the id is the last parameter. */
static enum query_result run_by_id(PGconn *connection, struct read *read,
				   const char *sql,
				   struct pg_parameters *parameters)
{
	enum query_result status;

	pg_parameters_bytes(parameters,
			    slice_of(read->query.id.bytes, ID_SIZE));
	status = run(connection, read, sql, parameters);
	if (status == QUERY_DONE)
		read->result.status = query_found(read->rows);
	return status;
}

static enum query_result read_payment(PGconn *connection, struct read *read)
{
	struct pg_parameters parameters = { 0 };
	enum query_result status =
		run_by_id(connection, read, payment_sql, &parameters);

	return status == QUERY_DONE
		       ? keep_payments(read, (uint32_t)PQntuples(read->rows))
		       : status;
}

static int64_t below(uint64_t cursor)
{
	return cursor == 0 || cursor > INT64_MAX ? INT64_MAX : (int64_t)cursor;
}

static enum query_result read_payments(PGconn *connection, struct read *read,
				       const char *suffix)
{
	struct pg_parameters parameters = { 0 };
	bool any = read->query.account == 0;
	enum query_result status;

	pg_parameters_int64(&parameters, below(read->query.cursor));
	pg_parameters_int64(&parameters, (int64_t)read->query.limit + 1);
	if (!any) {
		pg_parameters_int32(&parameters, (int32_t)read->query.account);
		pg_parameters_bytes(&parameters, slice_from_text(suffix));
	}
	status = run(connection, read, any ? payments_sql : payments_of_sql,
		     &parameters);
	return status == QUERY_DONE
		       ? keep_payments(read,
				       page_of(read, PQntuples(read->rows)))
		       : status;
}

static enum query_result read_log(PGconn *connection, struct read *read)
{
	static const uint8_t flags[] = { 0, 1 };
	struct pg_parameters parameters = { 0 };
	struct link_batch_view *views;
	enum query_result status;
	uint32_t count;

	pg_parameters_int32(&parameters, (int32_t)read->query.account);
	pg_parameters_bytes(&parameters,
			    slice_of(&flags[read->query.state != 0], 1));
	pg_parameters_int64(&parameters, below(read->query.cursor));
	pg_parameters_int64(&parameters, (int64_t)read->query.limit);
	pg_parameters_int64(&parameters, LOG_PAGE_BYTES);
	status = run(connection, read, log_sql, &parameters);
	if (status != QUERY_DONE)
		return status;
	count = (uint32_t)PQntuples(read->rows);
	views = calloc(count + 1, sizeof(*views));
	if (views == NULL)
		return QUERY_AWAY;
	for (uint32_t i = 0; i < count; i++)
		views[i] = (struct link_batch_view){
			.first_seq =
				(uint64_t)pg_get_int64(read->rows, (int)i, 0),
			.last_seq =
				(uint64_t)pg_get_int64(read->rows, (int)i, 1),
			.batch = pg_get_bytes(read->rows, (int)i, 2),
		};
	read->items = views;
	read->result.batches = views;
	read->result.count = count;
	return QUERY_DONE;
}

static enum query_result keep_requests(struct read *read, uint32_t count)
{
	struct payment_request_view *views = calloc(count + 1, sizeof(*views));
	const PGresult *rows = read->rows;

	if (views == NULL)
		return QUERY_AWAY;
	for (int i = 0; i < (int)count; i++)
		views[i] = (struct payment_request_view){
			.opened_position = (uint64_t)pg_get_int64(rows, i, 0),
			.id = pg_get_bytes(rows, i, 1),
			.state = (uint32_t)pg_get_int32(rows, i, 2),
			.payer = pg_get_bytes(rows, i, 3),
			.payee = pg_get_bytes(rows, i, 4),
			.amount_minor = pg_get_int64(rows, i, 5),
			.purpose = pg_get_bytes(rows, i, 6),
			.reference = pg_get_bytes(rows, i, 7),
			.expires_at_us = pg_get_time(rows, i, 8),
			.actor = pg_get_bytes(rows, i, 9),
		};
	read->items = views;
	read->result.requests = views;
	read->result.count = count;
	return QUERY_DONE;
}

static enum query_result read_request(PGconn *connection, struct read *read)
{
	struct pg_parameters parameters = { 0 };
	enum query_result status;

	pg_parameters_time(&parameters, read->query.until_us);
	status = run_by_id(connection, read, request_sql, &parameters);
	return status == QUERY_DONE
		       ? keep_requests(read, (uint32_t)PQntuples(read->rows))
		       : status;
}

static enum query_result read_requests(PGconn *connection, struct read *read)
{
	struct pg_parameters parameters = { 0 };
	enum query_result status;

	pg_parameters_time(&parameters, read->query.until_us);
	pg_parameters_int64(&parameters, below(read->query.cursor));
	pg_parameters_bytes(&parameters, slice_of(read->query.address,
						  read->query.address_size));
	pg_parameters_int32(&parameters, (int32_t)read->query.state);
	pg_parameters_int64(&parameters, (int64_t)read->query.limit + 1);
	status = run(connection, read, requests_sql, &parameters);
	return status == QUERY_DONE
		       ? keep_requests(read,
				       page_of(read, PQntuples(read->rows)))
		       : status;
}

enum query_result query_links(PGconn *connection, struct read *read,
			      const char *suffix)
{
	switch ((uint32_t)read->query.kind) {
	case READ_PAYMENT:
		return read_payment(connection, read);
	case READ_PAYMENTS:
		return read_payments(connection, read, suffix);
	case READ_LINK_LOG:
		return read_log(connection, read);
	case READ_REQUEST:
		return read_request(connection, read);
	case READ_REQUESTS:
		return read_requests(connection, read);
	}
	clearing_panic(__FILE__, __LINE__, "read kind");
}
