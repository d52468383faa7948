/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "store/links_load.h"

#include <string.h>

/* Payments a page: 2 kB each. */
#define PAGE_ROWS 5000

static const char links_sql[] =
	"select number, account, city, out_seq, out_head, out_promised,"
	" out_settled, out_released, out_journal_seq, in_seq, in_head,"
	" in_promised, in_settled, in_released, in_journal_seq, acknowledged,"
	" header_ack, journal_seq_seen, life, life_nonce, reconciled,"
	" reconciled_nonce, peer_life, peer_life_nonce, line, peer_line,"
	" frozen_here, frozen_there, paused, rewrite, gone, estate"
	" from clearing.link order by number";
/* The newest lives of each side, in their order. */
static const char lives_sql[] =
	"select link, own, incarnation, nonce from (select l.*, row_number()"
	" over (partition by link, own order by seq desc, incarnation desc)"
	" as place from clearing.link_life l) n where place <= $1::int"
	" order by link, own, seq, incarnation";
/* The newest ends of both logs, in their order. */
static const char ends_sql[] =
	"select link, own, last_seq, head, promised, settled, released, seq"
	" from (select b.link, b.own, b.last_seq, b.head, b.promised,"
	" b.settled, b.released, b.seq, row_number() over"
	" (partition by b.link, b.own order by b.first_seq desc) as place"
	" from clearing.link_batch b where b.withdrawn_seq = 0) n"
	" where place <= case when own then $1::int else $2::int end"
	" order by link, own, last_seq";
static const char payments_sql[] =
	"select number, id, parent, hold_id, role, in_state, out_state,"
	" in_answered, booked, duplicate, accepted, attempt, in_link,"
	" out_link, in_seq, out_seq, answer_seq, amount, decide_by,"
	" started_at, ended_at, account, actor, reason, at_city, key, terms,"
	" proof from clearing.payment where open and"
	" (answer_seq, number) > ($1::bigint, $2::bigint)"
	" order by answer_seq, number limit $3::bigint";
static const char counters_sql[] =
	"select next_payment, roster_version, roster_hash, rejoin"
	" from clearing.federation";

static bool get_exact(const PGresult *rows, int row, int column, uint8_t *out,
		      size_t size)
{
	struct slice bytes = pg_get_bytes(rows, row, column);

	if (bytes.size != size)
		return false;
	memcpy(out, bytes.data, size);
	return true;
}

static bool get_end(const PGresult *rows, int row, int column,
		    struct link_boundary *out)
{
	out->seq = (uint64_t)pg_get_int64(rows, row, column);
	out->promised_minor = (uint64_t)pg_get_int64(rows, row, column + 2);
	out->settled_minor = (uint64_t)pg_get_int64(rows, row, column + 3);
	out->released_minor = (uint64_t)pg_get_int64(rows, row, column + 4);
	out->journal_seq = (uint64_t)pg_get_int64(rows, row, column + 5);
	return get_exact(rows, row, column + 1, out->head, SHA256_SIZE);
}

static bool get_life(const PGresult *rows, int row, int column,
		     struct link_life *out)
{
	out->incarnation = (uint64_t)pg_get_int64(rows, row, column);
	return get_exact(rows, row, column + 1, out->nonce, LINKLOG_NONCE_SIZE);
}

static bool get_text(const PGresult *rows, int row, int column, uint8_t *out,
		     uint8_t *size)
{
	struct slice text = pg_get_bytes(rows, row, column);

	if (text.size > NAME_SIZE_MAX)
		return false;
	if (text.size > 0)
		memcpy(out, text.data, text.size);
	*size = (uint8_t)text.size;
	return true;
}

static bool get_link(const PGresult *rows, int row, struct link *link)
{
	link->number = (uint32_t)pg_get_int32(rows, row, 0);
	link->account = (uint32_t)pg_get_int32(rows, row, 1);
	link->acknowledged = (uint64_t)pg_get_int64(rows, row, 15);
	link->header_ack = (uint64_t)pg_get_int64(rows, row, 16);
	link->journal_seq_seen = (uint64_t)pg_get_int64(rows, row, 17);
	link->line_minor = (uint64_t)pg_get_int64(rows, row, 24);
	link->peer_line_minor = (uint64_t)pg_get_int64(rows, row, 25);
	link->frozen_here = pg_get_bool(rows, row, 26);
	link->frozen_there = pg_get_bool(rows, row, 27);
	link->paused = pg_get_bool(rows, row, 28);
	link->rewrite = pg_get_bool(rows, row, 29);
	link->gone = pg_get_bool(rows, row, 30);
	link->estate_minor = pg_get_int64(rows, row, 31);
	return get_text(rows, row, 2, link->city, &link->city_size) &&
	       get_end(rows, row, 3, &link->out) &&
	       get_end(rows, row, 9, &link->in) &&
	       get_life(rows, row, 18, &link->life) &&
	       get_life(rows, row, 20, &link->reconciled) &&
	       get_life(rows, row, 22, &link->peer_life);
}

static enum links_load_result from_links(enum links_result result)
{
	if (result == LINKS_OK)
		return LINKS_LOADED;
	return result == LINKS_TOO_MANY ? LINKS_LOAD_TOO_SMALL
					: LINKS_LOAD_DAMAGED;
}

typedef enum links_load_result load_row(struct links *links,
					const PGresult *rows, int row);

static enum links_load_result load_link(struct links *links,
					const PGresult *rows, int row)
{
	struct link link = { 0 };

	if (!get_link(rows, row, &link))
		return LINKS_LOAD_DAMAGED;
	return from_links(links_load_link(links, &link));
}

static enum links_load_result load_life(struct links *links,
					const PGresult *rows, int row)
{
	uint32_t number = (uint32_t)pg_get_int32(rows, row, 0);
	struct link_life life;

	if (links_at(links, number) == NULL || !get_life(rows, row, 2, &life))
		return LINKS_LOAD_DAMAGED;
	links_load_life(links, number, &life, pg_get_bool(rows, row, 1));
	return LINKS_LOADED;
}

static enum links_load_result load_end(struct links *links,
				       const PGresult *rows, int row)
{
	uint32_t number = (uint32_t)pg_get_int32(rows, row, 0);
	bool own = pg_get_bool(rows, row, 1);
	const struct link *link = links_at(links, number);
	struct link_boundary end;

	if (link == NULL || !get_end(rows, row, 2, &end) ||
	    end.seq > (own ? link->out.seq : link->in.seq))
		return LINKS_LOAD_DAMAGED;
	links_load_boundary(links, number, &end, own);
	return LINKS_LOADED;
}

static void get_id(const PGresult *rows, int row, int column, struct id *out)
{
	*out = (struct id){ 0 };
	if (PQgetlength(rows, row, column) == ID_SIZE)
		memcpy(out->bytes, PQgetvalue(rows, row, column), ID_SIZE);
}

static void get_numbers(const PGresult *rows, int row, struct payment *payment)
{
	payment->number = (uint64_t)pg_get_int64(rows, row, 0);
	payment->role = (uint8_t)pg_get_int16(rows, row, 4);
	payment->in_state = (uint8_t)pg_get_int16(rows, row, 5);
	payment->out_state = (uint8_t)pg_get_int16(rows, row, 6);
	payment->in_answered = pg_get_bool(rows, row, 7);
	payment->booked = pg_get_bool(rows, row, 8);
	payment->duplicate = pg_get_bool(rows, row, 9);
	payment->accepted = pg_get_bool(rows, row, 10);
	payment->attempt = (uint8_t)pg_get_int16(rows, row, 11);
	payment->in_link = (uint32_t)pg_get_int32(rows, row, 12);
	payment->out_link = (uint32_t)pg_get_int32(rows, row, 13);
	payment->in_seq = (uint64_t)pg_get_int64(rows, row, 14);
	payment->out_seq = (uint64_t)pg_get_int64(rows, row, 15);
	payment->answer_seq = (uint64_t)pg_get_int64(rows, row, 16);
	payment->amount_minor = (uint64_t)pg_get_int64(rows, row, 17);
	payment->decide_by_us = (uint64_t)pg_get_time(rows, row, 18);
	payment->started_us = (uint64_t)pg_get_time(rows, row, 19);
	if (!PQgetisnull(rows, row, 20))
		payment->ended_us = (uint64_t)pg_get_time(rows, row, 20);
	payment->account = (uint32_t)pg_get_int32(rows, row, 21);
	payment->actor = (uint32_t)pg_get_int32(rows, row, 22);
	payment->reason = (uint32_t)pg_get_int32(rows, row, 23);
}

static bool get_long(const PGresult *rows, int row, int column, uint8_t *out,
		     size_t size_max, uint16_t *size)
{
	struct slice bytes = pg_get_bytes(rows, row, column);

	if (bytes.size > size_max)
		return false;
	if (bytes.size > 0)
		memcpy(out, bytes.data, bytes.size);
	*size = (uint16_t)bytes.size;
	return true;
}

static enum links_load_result load_payment(struct links *links,
					   const PGresult *rows, int row)
{
	struct payment payment = { 0 };
	uint16_t key_size = 0;

	get_numbers(rows, row, &payment);
	get_id(rows, row, 1, &payment.id);
	get_id(rows, row, 2, &payment.parent);
	get_id(rows, row, 3, &payment.hold_id);
	if (!get_text(rows, row, 24, payment.at_city, &payment.at_city_size) ||
	    !get_long(rows, row, 25, payment.key, sizeof(payment.key),
		      &key_size) ||
	    !get_long(rows, row, 26, payment.terms, sizeof(payment.terms),
		      &payment.terms_size) ||
	    !get_long(rows, row, 27, payment.proof, sizeof(payment.proof),
		      &payment.proof_size) ||
	    (payment.in_link != 0 &&
	     links_at(links, payment.in_link) == NULL) ||
	    (payment.out_link != 0 &&
	     links_at(links, payment.out_link) == NULL))
		return LINKS_LOAD_DAMAGED;
	payment.key_size = (uint8_t)key_size;
	links->options.sha256(payment_terms_of(&payment), payment.terms_hash);
	return from_links(links_load_payment(links, &payment));
}

static enum links_load_result load_counters(struct links *links,
					    const PGresult *rows, int row)
{
	uint8_t hash[SHA256_SIZE];

	if (!get_exact(rows, row, 2, hash, SHA256_SIZE))
		return LINKS_LOAD_DAMAGED;
	links_load_counters(links, (uint64_t)pg_get_int64(rows, row, 0),
			    (uint64_t)pg_get_int64(rows, row, 1), hash);
	return links_load_rejoin(links, (uint32_t)pg_get_int16(rows, row, 3))
		       ? LINKS_LOADED
		       : LINKS_LOAD_DAMAGED;
}

static enum links_load_result
load_rows(struct links *links, const PGresult *rows, load_row *load_one)
{
	enum links_load_result result =
		pg_rows(rows) ? LINKS_LOADED : LINKS_LOAD_AWAY;

	for (int row = 0; result == LINKS_LOADED && row < PQntuples(rows);
	     row++)
		result = load_one(links, rows, row);
	return result;
}

static enum links_load_result load(PGconn *connection, struct links *links,
				   const char *sql,
				   const struct pg_parameters *parameters,
				   load_row *load_one)
{
	PGresult *rows = pg_query(connection, sql, parameters);
	enum links_load_result result = load_rows(links, rows, load_one);

	PQclear(rows);
	return result;
}

/* There may be very many, which one answer would hold in memory at once. */
static enum links_load_result load_payments(PGconn *connection,
					    struct links *links)
{
	enum links_load_result result = LINKS_LOADED;
	int64_t answer_seq = -1, number = 0;
	int count = PAGE_ROWS;

	while (result == LINKS_LOADED && count == PAGE_ROWS) {
		struct pg_parameters after = { 0 };
		PGresult *rows;

		pg_parameters_int64(&after, answer_seq);
		pg_parameters_int64(&after, number);
		pg_parameters_int64(&after, PAGE_ROWS);
		rows = pg_query(connection, payments_sql, &after);
		result = load_rows(links, rows, load_payment);
		count = PQntuples(rows);
		if (count > 0) {
			number = pg_get_int64(rows, count - 1, 0);
			answer_seq = pg_get_int64(rows, count - 1, 16);
		}
		PQclear(rows);
	}
	return result;
}

/* The beginning of a log is an end, too, while it is near. */
static void load_beginnings(struct links *links)
{
	for (uint32_t i = 1; i <= links->link_count; i++)
		links_load_beginning(links, i);
}

enum links_load_result links_load(PGconn *connection, struct links *links,
				  const char **table)
{
	struct pg_parameters lives = { 0 }, ends = { 0 };
	enum links_load_result result;

	pg_parameters_int32(&lives, LINK_LIVES_KEPT);
	pg_parameters_int32(&ends, LINK_BOUNDARIES_MAX);
	pg_parameters_int32(&ends, LINK_RECENT_MAX);
	*table = "link";
	result = load(connection, links, links_sql, NULL, load_link);
	if (result != LINKS_LOADED)
		return result;
	load_beginnings(links);
	*table = "link_life";
	result = load(connection, links, lives_sql, &lives, load_life);
	if (result != LINKS_LOADED)
		return result;
	*table = "link_batch";
	result = load(connection, links, ends_sql, &ends, load_end);
	if (result != LINKS_LOADED)
		return result;
	*table = "payment";
	result = load_payments(connection, links);
	if (result != LINKS_LOADED)
		return result;
	*table = "federation";
	return load(connection, links, counters_sql, NULL, load_counters);
}
