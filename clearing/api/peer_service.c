/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* clearing.v1.PeerService: what other cities' nodes ask. */
#include <string.h>

#include "api/handler.h"
#include "api/neighbours_private.h"
#include "api/payment.h"
#include "peer/planted.h"

/* A HelloOk with every life there may be. */
#define HELLO_OK_SIZE_MAX (32u << 10)
/* Rows of a page of a log; its bytes are bounded by the reader. */
#define LOG_PAGE_ROWS 1000

static void answer_hello(struct api_call *call, struct neighbours *neighbours,
			 struct slice body)
{
	uint8_t signature[LINKLOG_SIGNATURE_SIZE];
	struct signed_body ok = {
		.body = body,
		.key_id = neighbours_options(neighbours)->key_id,
		.signature = slice_of(signature, sizeof(signature)),
	};

	peer_sign_body(neighbours_peer(neighbours), "HelloOk", body, signature);
	do {
		encode_hello_ok(&call->reply, &ok);
	} while (handler_encode_again(call));
	reply_ok(call);
}

/* (rule PEER-15): the answer waits for all that it tells of. */
void handle_hello(struct api *api, struct api_call *call, uint64_t now_us)
{
	struct neighbours *neighbours;
	uint64_t highest = 0;
	struct slice hello;
	struct buffer body;
	void *memory;

	(void)api;
	if (!decode_hello_request(call->message, &hello)) {
		reply_error_now(call, REQUEST_MALFORMED, NULL);
		return;
	}
	if (!neighbours_let_in(call, &neighbours))
		return;
	memory = handler_take(call, HELLO_OK_SIZE_MAX);
	if (memory == NULL)
		return;
	buffer_init(&body, memory, HELLO_OK_SIZE_MAX);
	switch (peer_hello_came(neighbours_peer(neighbours), call->caller->city,
				hello, now_us, &body, &highest)) {
	case PEER_HELLO_OK:
		check(!body.overflowed);
		answer_hello(call, neighbours, buffer_view(&body));
		return;
	case PEER_HELLO_STALE:
		encode_hello_stale(&call->reply, highest);
		reply_ok(call);
		return;
	case PEER_HELLO_MALFORMED:
		reply_error_now(call, REQUEST_MALFORMED, NULL);
		return;
	case PEER_HELLO_BUSY:
		reply_error_now(call, REQUEST_OVERLOADED, NULL);
		return;
	}
}

/* (rule PEER-13): an acknowledgement is of what is recorded. */
void handle_deliver(struct api *api, struct api_call *call, uint64_t now_us)
{
	struct peer_delivery delivery = { .city = call->caller->city };
	uint8_t in_head[SHA256_SIZE];
	struct neighbours *neighbours;
	enum peer_answer answer;
	uint64_t in_seq;

	(void)api;
	if (!decode_deliver_request(call->message, &delivery)) {
		reply_error_now(call, REQUEST_MALFORMED, NULL);
		return;
	}
	if (!neighbours_let_in(call, &neighbours))
		return;
	answer = peer_batch_came(neighbours_peer(neighbours), &delivery, now_us,
				 &in_seq, in_head);
	do {
		encode_deliver_response(&call->reply, (uint32_t)answer, in_seq,
					slice_of(in_head, SHA256_SIZE));
	} while (handler_encode_again(call));
	if (PLANTED(ANSWER_BEFORE_COMMIT))
		reply_ok_now(call);
	else
		reply_ok(call);
}

static void log_read(void *user, const struct read_result *result)
{
	struct api_call *call = user;
	struct peer *peer;

	if (handler_read_ended(call, result))
		return;
	peer = neighbours_peer(call->api->neighbours);
	do {
		for (uint32_t i = 0; i < result->count; i++)
			encode_fetched_batch(
				&call->reply,
				peer_batch_to_send(peer,
						   result->batches[i].batch));
	} while (handler_encode_again(call));
	reply_ok_now(call);
}

/* (rule PEER-16): always answered. */
void handle_fetch_log(struct api *api, struct api_call *call, uint64_t now_us)
{
	struct read_query query = { .kind = READ_LINK_LOG,
				    .limit = LOG_PAGE_ROWS };
	struct fetch_log_request request;
	struct neighbours *neighbours;
	const struct link *link;

	(void)now_us;
	if (!decode_fetch_log_request(call->message, &request)) {
		reply_error_now(call, REQUEST_MALFORMED, NULL);
		return;
	}
	if (!neighbours_let_in(call, &neighbours))
		return;
	link = links_of(&api->ledger->links, call->caller->city);
	query.state = slice_equal(request.author, slice_from_text(api->city));
	if (link == NULL ||
	    (!query.state && !slice_equal(request.author, link_city(link)))) {
		reply_error_now(call, REQUEST_NOT_PERMITTED, NULL);
		return;
	}
	query.account = link->number;
	query.cursor = request.from_seq;
	query.min_position = journal_acknowledged(api->journal);
	handler_submit(call, &query, log_read);
}

/* What keeps @payee from receiving @amount_minor now; 0: nothing. */
static uint32_t payee_reason(const struct ledger *ledger, struct slice address,
			     int64_t amount_minor, const struct account **payee)
{
	const struct account_ref ref = { .address = address };

	if (ledger_resolve(ledger, &ref, payee) != 0 || *payee == NULL)
		return LINK_REASON_PAYEE_UNKNOWN;
	if ((*payee)->state == ACCOUNT_CLOSED || !account_is_coop(*payee))
		return LINK_REASON_PAYEE_CLOSED;
	if (amount_minor <= 0 || !money_in_range(amount_minor))
		return LINK_REASON_AMOUNT_RANGE;
	if (!account_may_receive(*payee, money_of(amount_minor)))
		return LINK_REASON_PAYEE_CEILING;
	return (*payee)->state == ACCOUNT_FROZEN ? LINK_REASON_PAYEE_DECLINED
						 : LINK_REASON_NONE;
}

static void fill_hints(const struct links *links,
		       struct quote_payee_response *out)
{
	for (uint32_t i = 1;
	     i <= links->link_count && out->link_count < LINK_HINTS_MAX; i++) {
		const struct link *link = links_at(links, i);

		out->links[out->link_count++] = (struct link_hint){
			.city = link_city(link),
			.owed_minor = link_exposure_minor(link),
			.line_minor = (int64_t)link->line_minor,
		};
	}
}

/* (rule PEER-26): it binds nobody. */
void handle_quote_payee(struct api *api, struct api_call *call, uint64_t now_us)
{
	struct quote_payee_response response = { 0 };
	const struct account *payee = NULL;
	struct quote_payee_request request;
	struct neighbours *neighbours;

	(void)now_us;
	if (!decode_quote_payee_request(call->message, &request)) {
		reply_error_now(call, REQUEST_MALFORMED, NULL);
		return;
	}
	if (!neighbours_let_in(call, &neighbours))
		return;
	response.reason = payee_reason(api->ledger, request.payee,
				       request.amount_minor, &payee);
	if (payee != NULL)
		response.display_name = account_display_name(payee);
	fill_hints(&api->ledger->links, &response);
	do {
		encode_quote_payee_response(&call->reply, &response);
	} while (handler_encode_again(call));
	reply_ok(call);
}

/* What QueryOutcome needs between its two reads. */
struct outcome_query {
	uint8_t terms_hash[SHA256_SIZE];
	bool may_be_never; /* nothing settled it: a Never may be said of it */
};

static void say_unknown(struct api_call *call)
{
	encode_query_outcome_response(&call->reply, (struct slice){ 0 });
	reply_ok_now(call);
}

/* (rule PEER-45): it is sent when what was recorded of it is durable. */
static void say_never(struct api_call *call)
{
	struct neighbours *neighbours = call->api->neighbours;
	uint8_t bytes[LINKLOG_NEVER_SIZE], signature[LINKLOG_SIGNATURE_SIZE];
	struct signed_body never = {
		.signature = slice_of(signature, sizeof(signature)),
	};
	struct query_outcome_request request;
	struct buffer body;

	buffer_init(&body, bytes, sizeof(bytes));
	if (neighbours == NULL ||
	    !decode_query_outcome_request(call->message, &request) ||
	    !peer_say_never(neighbours_peer(neighbours), call->caller->city,
			    request.terms, call->api->now_us, &body)) {
		say_unknown(call);
		return;
	}
	check(!body.overflowed);
	never.body = buffer_view(&body);
	never.key_id = neighbours_options(neighbours)->key_id;
	peer_sign_body(neighbours_peer(neighbours), "Never", never.body,
		       signature);
	do {
		encode_query_outcome_never(&call->reply, &never);
	} while (handler_encode_again(call));
	reply_ok(call);
}

static void outcome_found(struct api_call *call, struct slice terms,
			  struct slice proof)
{
	const struct outcome_query *query = call->work;

	(void)terms;
	if (proof.size == 0 && query->may_be_never) {
		say_never(call);
		return;
	}
	do {
		encode_query_outcome_response(&call->reply, proof);
	} while (handler_encode_again(call));
	reply_ok_now(call);
}

static bool is_on_path(struct slice terms_bytes, struct slice city)
{
	struct payment_terms terms;

	if (linklog_terms(terms_bytes, &terms) != LINKLOG_OK)
		return false;
	for (uint32_t i = 0; i < terms.path_count; i++) {
		if (slice_equal(terms.path[i], city))
			return true;
	}
	return false;
}

static void outcome_read(void *user, const struct read_result *result)
{
	struct api_call *call = user;
	const struct outcome_query *query = call->work;
	uint8_t hash[SHA256_SIZE] = { 0 };

	if (handler_read_ended(call, result))
		return;
	if (result->status == READ_OK)
		call->api->sha256(result->payments[0].terms, hash);
	/* (rule PEER-36): strangers learn nothing, nor does who asks wrong. */
	if (result->status != READ_OK ||
	    !slice_equal(slice_of(hash, SHA256_SIZE),
			 slice_of(query->terms_hash, SHA256_SIZE)) ||
	    !is_on_path(result->payments[0].terms, call->caller->city)) {
		outcome_found(call, (struct slice){ 0 }, (struct slice){ 0 });
		return;
	}
	receipt_find(call, &result->payments[0], outcome_found);
}

/* Are these the terms that are asked about, and may a Never be said of them? */
static bool may_be_never(struct api_call *call,
			 const struct query_outcome_request *request)
{
	struct neighbours *neighbours = call->api->neighbours;
	struct payment_terms terms;
	uint8_t hash[SHA256_SIZE];

	call->api->sha256(request->terms, hash);
	return slice_equal(request->terms_hash, slice_of(hash, SHA256_SIZE)) &&
	       linklog_terms(request->terms, &terms) == LINKLOG_OK &&
	       slice_equal(request->payment_id,
			   slice_of(terms.payment_id, LINKLOG_ID_SIZE)) &&
	       peer_may_say_never(neighbours_peer(neighbours),
				  call->caller->city, request->terms);
}

/*
 * (rule PEER-36): informs people, and writes nothing; with a GONE city on the
 * way it may end in a Never, which is recorded (rule PEER-45).
 */
void handle_query_outcome(struct api *api, struct api_call *call,
			  uint64_t now_us)
{
	struct read_query query = { .kind = READ_PAYMENT, .limit = 1 };
	struct query_outcome_request request;
	struct outcome_query *wanted;
	struct neighbours *neighbours;

	if (!decode_query_outcome_request(call->message, &request) ||
	    !id_from_bytes(request.payment_id, &query.id) ||
	    request.terms_hash.size != SHA256_SIZE) {
		reply_error_now(call, REQUEST_MALFORMED, NULL);
		return;
	}
	if (!neighbours_let_in(call, &neighbours))
		return;
	if (!neighbours_count(neighbours, call->caller->city, COUNTED_OUTCOME,
			      now_us)) {
		reply_error_now(call, REQUEST_OVERLOADED, NULL);
		return;
	}
	wanted = handler_take(call, sizeof(*wanted));
	if (wanted == NULL)
		return;
	*wanted = (struct outcome_query){
		.may_be_never = may_be_never(call, &request),
	};
	memcpy(wanted->terms_hash, request.terms_hash.data, SHA256_SIZE);
	call->work = wanted;
	/* A Settle of before this moment is to be found. */
	query.min_position = wanted->may_be_never
				     ? journal_newest(api->journal)
				     : journal_acknowledged(api->journal);
	handler_submit(call, &query, outcome_read);
}

/* (rule PEER-37): what is told is durable. */
void handle_release_payment(struct api *api, struct api_call *call,
			    uint64_t now_us)
{
	struct query_outcome_request request;
	struct neighbours *neighbours;
	bool released;
	struct id id;

	(void)api;
	if (!decode_query_outcome_request(call->message, &request) ||
	    !id_from_bytes(request.payment_id, &id) ||
	    request.terms_hash.size != SHA256_SIZE) {
		reply_error_now(call, REQUEST_MALFORMED, NULL);
		return;
	}
	if (!neighbours_let_in(call, &neighbours))
		return;
	released = peer_cancel(neighbours_peer(neighbours), call->caller->city,
			       &id, request.terms_hash, now_us);
	encode_release_response(&call->reply, released);
	reply_ok(call);
}
