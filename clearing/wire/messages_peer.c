/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "wire/messages_peer.h"

#include <string.h>

#include "wire/codec.h"
#include "wire/scan.h"

#define READ_VIEWS(fields, bytes, out) CODEC_READ(fields, bytes, NULL, out)

static const struct codec_field hello_fields[] = { { 1, CODEC_BYTES, 0 } };

bool decode_hello_request(struct slice bytes, struct slice *hello)
{
	*hello = (struct slice){ 0 };
	return READ_VIEWS(hello_fields, bytes, hello);
}

void encode_hello_request(struct buffer *out, struct slice hello)
{
	buffer_put_field_bytes(out, 1, hello);
}

static void put_signed(struct buffer *out, uint32_t number,
		       const struct signed_body *body)
{
	size_t begin = codec_begin(out, number);

	buffer_put_field_bytes(out, 1, body->body);
	buffer_put_field_bytes(out, 2, body->key_id);
	buffer_put_field_bytes(out, 3, body->signature);
	codec_end(out, begin);
}

void encode_hello_ok(struct buffer *out, const struct signed_body *ok)
{
	put_signed(out, 1, ok);
}

void encode_hello_stale(struct buffer *out, uint64_t highest)
{
	buffer_put_field_varint(out, 2, highest);
}

static const struct codec_field signed_fields[] = {
	{ 1, CODEC_BYTES, offsetof(struct signed_body, body) },
	{ 2, CODEC_BYTES, offsetof(struct signed_body, key_id) },
	{ 3, CODEC_BYTES, offsetof(struct signed_body, signature) },
};

struct hello_response {
	struct slice ok;
	uint64_t stale_highest;
};

static const struct codec_field hello_response_fields[] = {
	{ 1, CODEC_BYTES, offsetof(struct hello_response, ok) },
	{ 2, CODEC_NUMBER, offsetof(struct hello_response, stale_highest) },
};

bool decode_hello_response(struct slice bytes, struct peer_hello_reply *out)
{
	struct hello_response response = { 0 };
	struct signed_body ok = { 0 };

	if (!READ_VIEWS(hello_response_fields, bytes, &response) ||
	    !READ_VIEWS(signed_fields, response.ok, &ok))
		return false;
	out->stale_highest = response.stale_highest;
	out->body = ok.body;
	out->key_id = ok.key_id;
	out->signature = ok.signature;
	return true;
}

struct deliver_request {
	struct slice from;
	uint64_t incarnation;
	struct slice nonce;
	struct slice batch;
};

static const struct codec_field deliver_fields[] = {
	{ 1, CODEC_BYTES, offsetof(struct deliver_request, from) },
	{ 2, CODEC_NUMBER, offsetof(struct deliver_request, incarnation) },
	{ 3, CODEC_BYTES, offsetof(struct deliver_request, nonce) },
	{ 4, CODEC_BYTES, offsetof(struct deliver_request, batch) },
};

bool decode_deliver_request(struct slice bytes, struct peer_delivery *out)
{
	struct deliver_request request = { 0 };

	if (!READ_VIEWS(deliver_fields, bytes, &request))
		return false;
	out->from = request.from;
	out->batch = request.batch;
	out->life = (struct link_life){ 0 };
	/* A nonce of another size is none that was ever admitted. */
	if (request.nonce.size == LINKLOG_NONCE_SIZE) {
		out->life.incarnation = request.incarnation;
		memcpy(out->life.nonce, request.nonce.data, LINKLOG_NONCE_SIZE);
	}
	return true;
}

void encode_deliver_request(struct buffer *out, struct slice from,
			    const struct link_life *life, struct slice batch)
{
	buffer_put_field_bytes(out, 1, from);
	buffer_put_field_varint(out, 2, life->incarnation);
	buffer_put_field_bytes(out, 3,
			       slice_of(life->nonce, LINKLOG_NONCE_SIZE));
	buffer_put_field_bytes(out, 4, batch);
}

void encode_deliver_response(struct buffer *out, uint32_t answer,
			     uint64_t in_seq, struct slice in_head)
{
	buffer_put_field_varint(out, 1, answer);
	buffer_put_field_varint(out, 2, in_seq);
	buffer_put_field_bytes(out, 3, in_head);
}

static const struct codec_field deliver_response_fields[] = {
	{ 1, CODEC_UINT32, offsetof(struct peer_deliver_reply, answer) },
	{ 2, CODEC_NUMBER, offsetof(struct peer_deliver_reply, in_seq) },
	{ 3, CODEC_BYTES, offsetof(struct peer_deliver_reply, in_head) },
};

bool decode_deliver_response(struct slice bytes, struct peer_deliver_reply *out)
{
	struct peer_deliver_reply reply = { .arrived = out->arrived };

	if (!READ_VIEWS(deliver_response_fields, bytes, &reply))
		return false;
	*out = reply;
	return true;
}

static const struct codec_field fetch_log_fields[] = {
	{ 1, CODEC_BYTES, offsetof(struct fetch_log_request, author) },
	{ 2, CODEC_NUMBER, offsetof(struct fetch_log_request, from_seq) },
};

bool decode_fetch_log_request(struct slice bytes, struct fetch_log_request *out)
{
	*out = (struct fetch_log_request){ 0 };
	return READ_VIEWS(fetch_log_fields, bytes, out);
}

void encode_fetch_log_request(struct buffer *out,
			      const struct fetch_log_request *request)
{
	buffer_put_field_bytes(out, 1, request->author);
	buffer_put_field_varint(out, 2, request->from_seq);
}

void encode_fetched_batch(struct buffer *out, struct slice batch)
{
	buffer_put_field_bytes(out, 1, batch);
}

bool decode_fetch_log_response(struct slice bytes, struct slice *batches,
			       uint32_t count_max, uint32_t *count)
{
	struct reader reader = reader_of(bytes);

	*count = 0;
	while (reader.at < reader.end) {
		uint32_t type, number = scan_key(&reader, &type);
		struct slice batch;

		if (number != 1 || type != WIRE_BYTES) {
			scan_skip(&reader, type);
			continue;
		}
		batch = scan_bytes(&reader);
		if (*count < count_max)
			batches[(*count)++] = batch;
	}
	return reader_ok(&reader);
}

static const struct codec_field quote_payee_fields[] = {
	{ 1, CODEC_BYTES, offsetof(struct quote_payee_request, payee) },
	{ 2, CODEC_NUMBER, offsetof(struct quote_payee_request, amount_minor) },
};

bool decode_quote_payee_request(struct slice bytes,
				struct quote_payee_request *out)
{
	*out = (struct quote_payee_request){ 0 };
	return READ_VIEWS(quote_payee_fields, bytes, out);
}

void encode_quote_payee_request(struct buffer *out,
				const struct quote_payee_request *request)
{
	buffer_put_field_bytes(out, 1, request->payee);
	codec_put_int64(out, 2, request->amount_minor);
}

void encode_quote_payee_response(struct buffer *out,
				 const struct quote_payee_response *response)
{
	buffer_put_field_bytes(out, 1, response->display_name);
	buffer_put_field_varint(out, 2, response->reason);
	for (uint32_t i = 0; i < response->link_count; i++) {
		size_t begin = codec_begin(out, 3);

		buffer_put_field_bytes(out, 1, response->links[i].city);
		codec_put_int64(out, 2, response->links[i].owed_minor);
		codec_put_int64(out, 3, response->links[i].line_minor);
		codec_end(out, begin);
	}
}

static const struct codec_field hint_fields[] = {
	{ 1, CODEC_BYTES, offsetof(struct link_hint, city) },
	{ 2, CODEC_NUMBER, offsetof(struct link_hint, owed_minor) },
	{ 3, CODEC_NUMBER, offsetof(struct link_hint, line_minor) },
};

static const struct codec_field quoted_fields[] = {
	{ 1, CODEC_BYTES, offsetof(struct quote_payee_response, display_name) },
	{ 2, CODEC_UINT32, offsetof(struct quote_payee_response, reason) },
};

bool decode_quote_payee_response(struct slice bytes,
				 struct quote_payee_response *out)
{
	struct reader reader = reader_of(bytes);

	*out = (struct quote_payee_response){ 0 };
	if (!READ_VIEWS(quoted_fields, bytes, out))
		return false;
	while (reader.at < reader.end) {
		uint32_t type, number = scan_key(&reader, &type);

		if (number != 3 || type != WIRE_BYTES ||
		    out->link_count == LINK_HINTS_MAX)
			scan_skip(&reader, type);
		else if (!READ_VIEWS(hint_fields, scan_bytes(&reader),
				     &out->links[out->link_count++]))
			return false;
	}
	return reader_ok(&reader);
}

static const struct codec_field query_outcome_fields[] = {
	{ 1, CODEC_BYTES, offsetof(struct query_outcome_request, payment_id) },
	{ 2, CODEC_BYTES, offsetof(struct query_outcome_request, terms_hash) },
	{ 3, CODEC_BYTES, offsetof(struct query_outcome_request, terms) },
};

bool decode_query_outcome_request(struct slice bytes,
				  struct query_outcome_request *out)
{
	*out = (struct query_outcome_request){ 0 };
	return READ_VIEWS(query_outcome_fields, bytes, out);
}

void encode_query_outcome_request(struct buffer *out,
				  const struct query_outcome_request *request)
{
	buffer_put_field_bytes(out, 1, request->payment_id);
	buffer_put_field_bytes(out, 2, request->terms_hash);
	buffer_put_field_bytes(out, 3, request->terms);
}

void encode_query_outcome_response(struct buffer *out, struct slice proof)
{
	buffer_put_field_bytes(out, 1, proof);
}

void encode_query_outcome_never(struct buffer *out,
				const struct signed_body *never)
{
	put_signed(out, 2, never);
}

struct outcome_response {
	struct slice proof;
	struct slice never;
};

static const struct codec_field outcome_response_fields[] = {
	{ 1, CODEC_BYTES, offsetof(struct outcome_response, proof) },
	{ 2, CODEC_BYTES, offsetof(struct outcome_response, never) },
};

bool decode_query_outcome_response(struct slice bytes,
				   struct peer_outcome_reply *out)
{
	struct outcome_response response = { 0 };
	struct signed_body never = { 0 };

	if (!READ_VIEWS(outcome_response_fields, bytes, &response) ||
	    !READ_VIEWS(signed_fields, response.never, &never))
		return false;
	out->proof = response.proof;
	out->body = never.body;
	out->key_id = never.key_id;
	out->signature = never.signature;
	return true;
}

static const struct codec_field released_fields[] = { { 1, CODEC_BOOL, 0 } };

void encode_release_response(struct buffer *out, bool released)
{
	codec_put_bool(out, 1, released);
}

bool decode_release_response(struct slice bytes, bool *released)
{
	*released = false;
	return READ_VIEWS(released_fields, bytes, released);
}

static const struct codec_field forwarded_fields[] = {
	{ 1, CODEC_BYTES, offsetof(struct forwarded_request, id) },
	{ 2, CODEC_BYTES, offsetof(struct forwarded_request, payer) },
	{ 3, CODEC_BYTES, offsetof(struct forwarded_request, payee) },
	{ 4, CODEC_NUMBER, offsetof(struct forwarded_request, amount_minor) },
	{ 5, CODEC_BYTES, offsetof(struct forwarded_request, purpose) },
	{ 6, CODEC_BYTES, offsetof(struct forwarded_request, reference) },
	{ 7, CODEC_NUMBER, offsetof(struct forwarded_request, expires_at_us) },
};

bool decode_forwarded_request(struct slice bytes, struct forwarded_request *out)
{
	*out = (struct forwarded_request){ 0 };
	return READ_VIEWS(forwarded_fields, bytes, out);
}

void encode_forwarded_request(struct buffer *out,
			      const struct forwarded_request *request)
{
	buffer_put_field_bytes(out, 1, request->id);
	buffer_put_field_bytes(out, 2, request->payer);
	buffer_put_field_bytes(out, 3, request->payee);
	codec_put_int64(out, 4, request->amount_minor);
	buffer_put_field_bytes(out, 5, request->purpose);
	buffer_put_field_bytes(out, 6, request->reference);
	codec_put_int64(out, 7, request->expires_at_us);
}
