/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Entries of a log and the terms inside them (rule PEER-8). */
#include <string.h>

#include "base/utf8.h"
#include "core/linklog_private.h"

void linklog_fixed(struct fields *fields, uint8_t *out, size_t size)
{
	struct slice bytes = fields_bytes(fields);

	check(out != NULL);
	if (bytes.size == size)
		memcpy(out, bytes.data, size);
	else
		fields->uncanonical = true;
}

struct slice linklog_exact(struct fields *fields, size_t size)
{
	struct slice bytes = fields_bytes(fields);

	check(size > 0);
	if (bytes.size != size)
		fields->uncanonical = true;
	return bytes;
}

struct slice linklog_name(struct fields *fields)
{
	struct slice name = fields_bytes(fields);

	check(fields->number > 0);
	if (!name_valid(name))
		fields->uncanonical = true;
	return name;
}

struct slice linklog_text(struct fields *fields, size_t size_max)
{
	struct slice text = fields_bytes(fields);

	check(size_max > 0);
	if (text.size > size_max || !utf8_printable(text))
		fields->uncanonical = true;
	return text;
}

uint32_t linklog_varint32(struct fields *fields)
{
	uint64_t value = fields_varint(fields);

	check(fields->number > 0);
	if (value > UINT32_MAX)
		fields->uncanonical = true;
	return (uint32_t)value;
}

uint64_t linklog_number(struct fields *fields)
{
	uint64_t value = fields_varint(fields);

	check(fields->number > 0);
	if (value > LINKLOG_NUMBER_MAX)
		fields->uncanonical = true;
	return value;
}

void linklog_unknown(struct fields *fields)
{
	check(fields->number > 0);
	reader_fail(&fields->reader);
}

enum linklog_result linklog_ended(const struct fields *fields)
{
	return fields_result(fields) == BLOCK_DECODED ? LINKLOG_OK
						      : LINKLOG_MALFORMED;
}

static void put_message(struct buffer *out, uint32_t number, struct slice body)
{
	check(number > 0);
	buffer_put_tag(out, number, WIRE_BYTES);
	buffer_put_varint(out, body.size);
	buffer_put(out, body);
}

static void put_prepare(struct buffer *out, const struct link_entry *entry)
{
	check((entry->payment_terms.size == 0) !=
	      (entry->round_terms.size == 0));
	buffer_put_field_bytes(out, 1, entry->payment_terms);
	buffer_put_field_bytes(out, 2, entry->round_terms);
}

static void put_answer(struct buffer *out, const struct link_entry *entry)
{
	check(entry->prepare_seq > 0);
	buffer_put_field_varint(out, 1, entry->prepare_seq);
	buffer_put_field_bytes(out, 2,
			       slice_of(entry->terms_hash, SHA256_SIZE));
	if (entry->kind == LINK_ENTRY_SETTLE) {
		buffer_put_field_bytes(out, 3, entry->key);
		buffer_put_field_bytes(out, 4, entry->proof);
	} else {
		buffer_put_field_varint(out, 3, entry->reason);
		buffer_put_field_bytes(out, 4, entry->at_city);
	}
	buffer_put_field_bytes(out, 5, entry->certificate);
}

void linklog_put_entry(struct buffer *out, const struct link_entry *entry)
{
	uint8_t bytes[LINKLOG_ENTRY_SIZE_MAX];
	struct buffer body;

	buffer_init(&body, bytes, sizeof(bytes));
	switch ((enum link_entry_kind)entry->kind) {
	case LINK_ENTRY_PREPARE:
		put_prepare(&body, entry);
		break;
	case LINK_ENTRY_SETTLE:
	case LINK_ENTRY_RELEASE:
		put_answer(&body, entry);
		break;
	case LINK_ENTRY_LINE_CHANGE:
		buffer_put_field_varint(&body, 1, entry->line_minor);
		break;
	case LINK_ENTRY_FREEZE:
	case LINK_ENTRY_UNFREEZE:
		buffer_put_field_bytes(&body, 1, entry->note);
		break;
	}
	check(!body.overflowed);
	put_message(out, entry->kind, buffer_view(&body));
}

static enum linklog_result take_prepare(struct slice body,
					struct link_entry *out)
{
	struct fields fields = { .reader = reader_of(body) };

	check(out->kind == LINK_ENTRY_PREPARE);
	while (fields_next(&fields)) {
		if (fields.number == 1)
			out->payment_terms = fields_bytes(&fields);
		else if (fields.number == 2)
			out->round_terms = fields_bytes(&fields);
		else
			linklog_unknown(&fields);
	}
	if (out->payment_terms.size > LINKLOG_TERMS_SIZE_MAX)
		return LINKLOG_TOO_LARGE;
	return (out->payment_terms.size == 0) == (out->round_terms.size == 0)
		       ? LINKLOG_MALFORMED
		       : linklog_ended(&fields);
}

static void take_settle_field(struct fields *fields, struct link_entry *out)
{
	check(out->kind == LINK_ENTRY_SETTLE);
	if (fields->number == 3)
		out->key = linklog_exact(fields, LINKLOG_LOCK_SIZE);
	else
		out->proof = fields_bytes(fields);
}

static void take_release_field(struct fields *fields, struct link_entry *out)
{
	check(out->kind == LINK_ENTRY_RELEASE);
	if (fields->number == 4)
		out->at_city = linklog_name(fields);
	else
		out->reason = linklog_varint32(fields);
	if (out->reason > LINKLOG_REASON_MAX)
		fields->uncanonical = true;
}

static enum linklog_result take_answer(struct slice body,
				       struct link_entry *out)
{
	struct fields fields = { .reader = reader_of(body) };
	bool settle = out->kind == LINK_ENTRY_SETTLE, hash = false;

	while (fields_next(&fields)) {
		if (fields.number == 1) {
			out->prepare_seq = linklog_number(&fields);
		} else if (fields.number == 2) {
			linklog_fixed(&fields, out->terms_hash, SHA256_SIZE);
			hash = true;
		} else if (fields.number == 3 || fields.number == 4) {
			if (settle)
				take_settle_field(&fields, out);
			else
				take_release_field(&fields, out);
		} else if (fields.number == 5) {
			out->certificate = fields_bytes(&fields);
		} else {
			linklog_unknown(&fields);
		}
	}
	if (out->proof.size > LINKLOG_PROOF_SIZE_MAX)
		return LINKLOG_TOO_LARGE;
	return out->prepare_seq == 0 || !hash ||
			       (out->proof.size > 0 &&
				out->certificate.size > 0)
		       ? LINKLOG_MALFORMED
		       : linklog_ended(&fields);
}

static enum linklog_result take_word(struct slice body, struct link_entry *out)
{
	struct fields fields = { .reader = reader_of(body) };

	while (fields_next(&fields)) {
		if (fields.number != 1)
			linklog_unknown(&fields);
		else if (out->kind == LINK_ENTRY_LINE_CHANGE)
			out->line_minor = linklog_number(&fields);
		else
			out->note =
				linklog_text(&fields, LINKLOG_NOTE_SIZE_MAX);
	}
	return linklog_ended(&fields);
}

enum linklog_result linklog_entry(struct slice bytes, struct link_entry *out)
{
	struct fields fields = { .reader = reader_of(bytes) };
	struct slice body;

	*out = (struct link_entry){ 0 };
	if (bytes.size > LINKLOG_ENTRY_SIZE_MAX)
		return LINKLOG_TOO_LARGE;
	if (!fields_next(&fields) || fields.number > LINK_ENTRY_UNFREEZE)
		return LINKLOG_MALFORMED;
	out->kind = (uint8_t)fields.number;
	body = fields_message(&fields);
	if (!reader_at_end(&fields.reader) ||
	    linklog_ended(&fields) != LINKLOG_OK)
		return LINKLOG_MALFORMED;
	switch ((enum link_entry_kind)out->kind) {
	case LINK_ENTRY_PREPARE:
		return take_prepare(body, out);
	case LINK_ENTRY_SETTLE:
	case LINK_ENTRY_RELEASE:
		return take_answer(body, out);
	case LINK_ENTRY_LINE_CHANGE:
	case LINK_ENTRY_FREEZE:
	case LINK_ENTRY_UNFREEZE:
		return take_word(body, out);
	}
	return LINKLOG_MALFORMED;
}

void linklog_put_terms(struct buffer *out, const struct payment_terms *terms)
{
	check(terms->path_count <= LINKLOG_PATH_MAX);
	buffer_put_field_bytes(out, 1,
			       slice_of(terms->payment_id, LINKLOG_ID_SIZE));
	buffer_put_field_bytes(out, 2, terms->federation);
	buffer_put_field_bytes(out, 3, terms->payer);
	buffer_put_field_bytes(out, 4, terms->payee);
	buffer_put_field_varint(out, 5, terms->amount_minor);
	for (uint32_t i = 0; i < terms->path_count; i++)
		buffer_put_field_bytes(out, 6, terms->path[i]);
	buffer_put_field_varint(out, 7, terms->decide_by_us);
	buffer_put_field_bytes(out, 8, terms->lock);
	buffer_put_field_bytes(out, 9, terms->reference);
}

static void take_terms_field(struct fields *fields, struct payment_terms *out)
{
	check(out != NULL);
	if (fields->number == 2)
		out->federation = linklog_name(fields);
	else if (fields->number == 3)
		out->payer = linklog_text(fields, LINKLOG_ADDRESS_SIZE_MAX);
	else if (fields->number == 4)
		out->payee = linklog_text(fields, LINKLOG_ADDRESS_SIZE_MAX);
	else if (fields->number == 5)
		out->amount_minor = linklog_number(fields);
	else if (fields->number == 6 && out->path_count < LINKLOG_PATH_MAX)
		out->path[out->path_count++] = linklog_name(fields);
	else if (fields->number == 7)
		out->decide_by_us = linklog_number(fields);
	else if (fields->number == 8)
		out->lock = linklog_exact(fields, LINKLOG_LOCK_SIZE);
	else if (fields->number == 9)
		out->reference = fields_bytes(fields);
	else
		linklog_unknown(fields);
}

/* A zero id means none wherever ids are kept (rule PEER-8). */
static bool has_id(const struct payment_terms *terms)
{
	static const uint8_t none[LINKLOG_ID_SIZE];

	check(terms->path_count <= LINKLOG_PATH_MAX);
	return memcmp(terms->payment_id, none, LINKLOG_ID_SIZE) != 0;
}

enum linklog_result linklog_terms(struct slice bytes, struct payment_terms *out)
{
	struct fields fields = { .reader = reader_of(bytes), .repeated = 6 };

	*out = (struct payment_terms){ 0 };
	if (bytes.size > LINKLOG_TERMS_SIZE_MAX)
		return LINKLOG_TOO_LARGE;
	while (fields_next(&fields)) {
		if (fields.number == 1)
			linklog_fixed(&fields, out->payment_id,
				      LINKLOG_ID_SIZE);
		else
			take_terms_field(&fields, out);
	}
	if (out->reference.size > LINKLOG_REFERENCE_SIZE_MAX)
		return LINKLOG_TOO_LARGE;
	return has_id(out) ? linklog_ended(&fields) : LINKLOG_MALFORMED;
}

static bool repeats(const struct payment_terms *terms)
{
	for (uint32_t i = 1; i < terms->path_count; i++) {
		for (uint32_t k = 0; k < i; k++) {
			if (slice_equal(terms->path[i], terms->path[k]))
				return true;
		}
	}
	return false;
}

static bool is_city_of(struct slice address_text, struct slice city)
{
	struct address address;

	return address_parse(address_text, &address) &&
	       slice_equal(address.city, city);
}

bool linklog_way_fits(const struct payment_terms *terms)
{
	check(terms->path_count <= LINKLOG_PATH_MAX);
	return terms->path_count >= LINKLOG_PATH_MIN && !repeats(terms) &&
	       is_city_of(terms->payer, terms->path[0]) &&
	       is_city_of(terms->payee, terms->path[terms->path_count - 1]);
}
