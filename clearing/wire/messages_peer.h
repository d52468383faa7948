/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * messages_peer: what cities say to each other, both ways: this node decodes
 * requests of neighbours and encodes its own.
 *
 * Decoders give views into @bytes; false when those are malformed, which a
 * request that passed rpc_request_valid() is not.  Encoders append to @out,
 * whose overflow the caller looks at once.
 */
#ifndef CLEARING_WIRE_MESSAGES_PEER_H
#define CLEARING_WIRE_MESSAGES_PEER_H

#include "base/buffer.h"
#include "peer/peer.h"

struct signed_body {
	struct slice body;
	struct slice key_id;
	struct slice signature;
};

bool decode_hello_request(struct slice bytes, struct slice *hello) MUST_CHECK;
void encode_hello_request(struct buffer *out, struct slice hello);
void encode_hello_ok(struct buffer *out, const struct signed_body *ok);
void encode_hello_stale(struct buffer *out, uint64_t highest);
/* .arrived is not touched. */
bool decode_hello_response(struct slice bytes,
			   struct peer_hello_reply *out) MUST_CHECK;

/* .city is not touched. */
bool decode_deliver_request(struct slice bytes,
			    struct peer_delivery *out) MUST_CHECK;
void encode_deliver_request(struct buffer *out, struct slice from,
			    const struct link_life *life, struct slice batch);
void encode_deliver_response(struct buffer *out, uint32_t answer,
			     uint64_t in_seq, struct slice in_head);
/* .arrived is not touched. */
bool decode_deliver_response(struct slice bytes,
			     struct peer_deliver_reply *out) MUST_CHECK;

struct fetch_log_request {
	struct slice author;
	uint64_t from_seq;
};

bool decode_fetch_log_request(struct slice bytes,
			      struct fetch_log_request *out) MUST_CHECK;
void encode_fetch_log_request(struct buffer *out,
			      const struct fetch_log_request *request);
/* One more batch of the response, which is nothing but these. */
void encode_fetched_batch(struct buffer *out, struct slice batch);
/* The first @count_max of the response's batches; @count is how many. */
bool decode_fetch_log_response(struct slice bytes, struct slice *batches,
			       uint32_t count_max, uint32_t *count) MUST_CHECK;

/* Neighbours in one QuotePayee answer. */
#define LINK_HINTS_MAX 64

struct link_hint {
	struct slice city;
	int64_t owed_minor;
	int64_t line_minor;
};

struct quote_payee_request {
	struct slice payee;
	int64_t amount_minor;
};

struct quote_payee_response {
	struct slice display_name;
	uint32_t reason;
	struct link_hint links[LINK_HINTS_MAX];
	uint32_t link_count;
};

bool decode_quote_payee_request(struct slice bytes,
				struct quote_payee_request *out) MUST_CHECK;
void encode_quote_payee_request(struct buffer *out,
				const struct quote_payee_request *request);
void encode_quote_payee_response(struct buffer *out,
				 const struct quote_payee_response *response);
bool decode_quote_payee_response(struct slice bytes,
				 struct quote_payee_response *out) MUST_CHECK;

struct query_outcome_request {
	struct slice payment_id;
	struct slice terms_hash;
	struct slice terms; /* may be empty */
};

bool decode_query_outcome_request(struct slice bytes,
				  struct query_outcome_request *out) MUST_CHECK;
void encode_query_outcome_request(struct buffer *out,
				  const struct query_outcome_request *request);
/* Unknown, or a proof; or a Never. */
void encode_query_outcome_response(struct buffer *out, struct slice proof);
void encode_query_outcome_never(struct buffer *out,
				const struct signed_body *never);
bool decode_query_outcome_response(struct slice bytes,
				   struct peer_outcome_reply *out) MUST_CHECK;

/* ReleasePayment asks as QueryOutcome does, without the terms. */
void encode_release_response(struct buffer *out, bool released);
bool decode_release_response(struct slice bytes, bool *released) MUST_CHECK;

/* A payment request on its way to the payer's city. */
struct forwarded_request {
	struct slice id;
	struct slice payer;
	struct slice payee;
	int64_t amount_minor;
	struct slice purpose;
	struct slice reference;
	int64_t expires_at_us;
};

bool decode_forwarded_request(struct slice bytes,
			      struct forwarded_request *out) MUST_CHECK;
void encode_forwarded_request(struct buffer *out,
			      const struct forwarded_request *request);

#endif
