/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The messages of a hello (rules PEER-14, PEER-15), and a Never (PEER-45). */
#include <string.h>

#include "core/linklog_private.h"

/* Incarnation and nonce with their tags. */
#define LIFE_SIZE_MAX 24

static void put_life(struct buffer *out, uint32_t number,
		     const struct link_life *life)
{
	uint8_t bytes[LIFE_SIZE_MAX];
	struct buffer body;

	buffer_init(&body, bytes, sizeof(bytes));
	buffer_put_field_varint(&body, 1, life->incarnation);
	buffer_put_field_bytes(&body, 2,
			       slice_of(life->nonce, LINKLOG_NONCE_SIZE));
	check(!body.overflowed && life->incarnation > 0);
	buffer_put_field_bytes(out, number, buffer_view(&body));
}

static struct link_life take_life(struct fields *fields)
{
	struct slice body = fields_bytes(fields);
	struct fields inner = { .reader = reader_of(body) };
	struct link_life life = { 0 };
	bool nonce = false;

	while (fields_next(&inner)) {
		if (inner.number == 1) {
			life.incarnation = linklog_number(&inner);
		} else if (inner.number == 2) {
			linklog_fixed(&inner, life.nonce, LINKLOG_NONCE_SIZE);
			nonce = true;
		} else {
			linklog_unknown(&inner);
		}
	}
	if (linklog_ended(&inner) != LINKLOG_OK || life.incarnation == 0 ||
	    !nonce)
		fields->uncanonical = true;
	return life;
}

void linklog_put_hello(struct buffer *out, const struct link_hello *hello)
{
	check(hello->life.incarnation > 0);
	buffer_put_field_varint(out, 1, hello->version);
	buffer_put_field_bytes(out, 2, hello->federation);
	buffer_put_field_bytes(out, 3, hello->from);
	buffer_put_field_bytes(out, 4, hello->to);
	put_life(out, 5, &hello->life);
	if (hello->last_reconciled.incarnation > 0)
		put_life(out, 6, &hello->last_reconciled);
	buffer_put_field_varint(out, 7, hello->out_seq);
	buffer_put_field_bytes(out, 8, slice_of(hello->out_head, SHA256_SIZE));
	buffer_put_field_varint(out, 9, hello->roster_version);
}

static void take_hello_field(struct fields *fields, struct link_hello *out)
{
	check(fields->number > 0);
	if (fields->number == 1)
		out->version = linklog_varint32(fields);
	else if (fields->number == 2)
		out->federation = linklog_name(fields);
	else if (fields->number == 3)
		out->from = linklog_name(fields);
	else if (fields->number == 4)
		out->to = linklog_name(fields);
	else if (fields->number == 5)
		out->life = take_life(fields);
	else if (fields->number == 6)
		out->last_reconciled = take_life(fields);
	else if (fields->number == 7)
		out->out_seq = linklog_number(fields);
	else if (fields->number == 8)
		linklog_fixed(fields, out->out_head, SHA256_SIZE);
	else if (fields->number == 9)
		out->roster_version = linklog_number(fields);
	else
		linklog_unknown(fields);
}

enum linklog_result linklog_hello(struct slice bytes, struct link_hello *out)
{
	struct fields fields = { .reader = reader_of(bytes) };
	bool head = false;

	*out = (struct link_hello){ 0 };
	while (fields_next(&fields)) {
		head |= fields.number == 8;
		take_hello_field(&fields, out);
	}
	return head && out->federation.size > 0 && out->from.size > 0 &&
			       out->to.size > 0 && out->life.incarnation > 0
		       ? linklog_ended(&fields)
		       : LINKLOG_MALFORMED;
}

void linklog_put_hello_ok(struct buffer *out, const struct link_hello_ok *ok)
{
	check(ok->lives_count <= LINKLOG_LIVES_MAX);
	buffer_put_field_bytes(out, 1, slice_of(ok->hello_hash, SHA256_SIZE));
	buffer_put_field_varint(out, 2, ok->in_seq);
	buffer_put_field_bytes(out, 3, slice_of(ok->in_head, SHA256_SIZE));
	buffer_put_field_varint(out, 4, ok->out_seq);
	buffer_put_field_bytes(out, 5, slice_of(ok->out_head, SHA256_SIZE));
	for (uint32_t i = 0; i < ok->lives_count; i++)
		put_life(out, 6, &ok->lives_since[i]);
	buffer_put_field_varint(out, 7, ok->last_known);
	buffer_put_field_varint(out, 8, ok->journal_seq_seen);
	buffer_put_field_varint(out, 9, ok->roster_version);
}

static void take_flag(struct fields *fields, bool *out)
{
	uint64_t value = fields_varint(fields);

	check(out != NULL);
	if (value > 1)
		fields->uncanonical = true;
	*out = value == 1;
}

static void take_ok_field(struct fields *fields, struct link_hello_ok *out)
{
	check(fields->number > 0);
	if (fields->number == 1)
		linklog_fixed(fields, out->hello_hash, SHA256_SIZE);
	else if (fields->number == 2)
		out->in_seq = linklog_number(fields);
	else if (fields->number == 3)
		linklog_fixed(fields, out->in_head, SHA256_SIZE);
	else if (fields->number == 4)
		out->out_seq = linklog_number(fields);
	else if (fields->number == 5)
		linklog_fixed(fields, out->out_head, SHA256_SIZE);
	else if (fields->number == 6 && out->lives_count < LINKLOG_LIVES_MAX)
		out->lives_since[out->lives_count++] = take_life(fields);
	else if (fields->number == 7)
		take_flag(fields, &out->last_known);
	else if (fields->number == 8)
		out->journal_seq_seen = linklog_number(fields);
	else if (fields->number == 9)
		out->roster_version = linklog_number(fields);
	else
		linklog_unknown(fields);
}

enum linklog_result linklog_hello_ok(struct slice bytes,
				     struct link_hello_ok *out)
{
	struct fields fields = { .reader = reader_of(bytes), .repeated = 6 };
	uint32_t hashes = 0;

	*out = (struct link_hello_ok){ 0 };
	while (fields_next(&fields)) {
		hashes += fields.number == 1 || fields.number == 3 ||
			  fields.number == 5;
		take_ok_field(&fields, out);
	}
	return hashes == 3 ? linklog_ended(&fields) : LINKLOG_MALFORMED;
}

void linklog_put_never(struct buffer *out, const struct link_never *never)
{
	buffer_put_field_bytes(out, 1,
			       slice_of(never->payment_id, LINKLOG_ID_SIZE));
	buffer_put_field_bytes(out, 2,
			       slice_of(never->terms_hash, SHA256_SIZE));
}

enum linklog_result linklog_never(struct slice bytes, struct link_never *out)
{
	struct fields fields = { .reader = reader_of(bytes) };
	uint32_t count = 0;

	*out = (struct link_never){ 0 };
	while (fields_next(&fields)) {
		if (fields.number == 1)
			linklog_fixed(&fields, out->payment_id,
				      LINKLOG_ID_SIZE);
		else if (fields.number == 2)
			linklog_fixed(&fields, out->terms_hash, SHA256_SIZE);
		else
			linklog_unknown(&fields);
		count++;
	}
	return count == 2 ? linklog_ended(&fields) : LINKLOG_MALFORMED;
}
