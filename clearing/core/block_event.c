/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Events as messages.  One table says which fields each kind of event has; the
 * writer, the reader and the check of values all walk it, so they cannot
 * differ.
 */
#include "core/block_format.h"

#include <string.h>

#include "base/utf8.h"
#include "core/identity.h"
#include "core/linklog.h"
#include "core/name.h"

enum field_type {
	FIELD_ID,	  /* struct id, a UUIDv7 */
	FIELD_ID_OR_NONE, /* the same, or zero */
	FIELD_NONCE,	  /* NONCE_SIZE bytes */
	FIELD_KEY,	  /* NODE_KEY_SIZE bytes */
	FIELD_NUMBER,	  /* uint32_t, 1 to BLOCK_NUMBER_MAX */
	FIELD_OPTION,	  /* the same, or 0 */
	FIELD_DECIMALS,	  /* uint32_t */
	FIELD_FORMAT,	  /* uint32_t, 1 */
	FIELD_MONEY,	  /* struct money, not negative */
	FIELD_FORBIDDEN,  /* bool, written where it is false */
	FIELD_HASH,	  /* SHA256_SIZE bytes */
	FIELD_LIFE,	  /* LIFE_NONCE_SIZE bytes */
	FIELD_ORDINAL,	  /* uint64_t, any */
	FIELD_TIME,	  /* uint64_t, microseconds since 1970 */
	FIELD_COMMAND,	  /* uint32_t, enum link_entry_kind from LINE_CHANGE */
	FIELD_ENDED,	  /* uint32_t, enum request_state from PAID */
	FIELD_NODE,	  /* from here on: struct slice, a text or bytes */
	FIELD_URI,
	FIELD_ADDRESS,
	FIELD_DISPLAY_NAME,
	FIELD_REASON,
	FIELD_NAME,
	FIELD_UNIT,
	FIELD_BATCH,	     /* bytes of a Batch */
	FIELD_PARTY,	     /* an address with @city */
	FIELD_PURPOSE,	     /* text, may be empty */
	FIELD_ANY_REFERENCE, /* bytes, may be empty */
	FIELD_NAME_OR_NONE,  /* a name, may be empty */
	FIELD_PROOF,	     /* bytes of a Proof, may be empty */
};

struct field {
	uint32_t number;
	enum field_type type;
	size_t offset; /* in struct event */
};

struct shape {
	enum event_kind kind;
	const struct field *fields;
	uint32_t count;
};

#define AT(member) offsetof(struct event, member)
#define SHAPE(kind, fields)                                      \
	{                                                        \
		kind, fields, sizeof(fields) / sizeof(fields[0]) \
	}

static const struct field epoch_started[] = {
	{ 1, FIELD_NODE, AT(epoch_started.node) },
	{ 2, FIELD_NONCE, AT(epoch_started.nonce) },
};

static const struct field actor_seen[] = {
	{ 1, FIELD_NUMBER, AT(actor_seen.actor) },
	{ 2, FIELD_URI, AT(actor_seen.uri) },
};

static const struct field account_opened[] = {
	{ 1, FIELD_ID_OR_NONE, AT(account.id) },
	{ 2, FIELD_OPTION, AT(account.actor) },
	{ 3, FIELD_NUMBER, AT(account.account) },
	{ 4, FIELD_ADDRESS, AT(account.local_address) },
	{ 5, FIELD_DISPLAY_NAME, AT(account.display_name) },
	{ 6, FIELD_MONEY, AT(account.credit_limit) },
	{ 7, FIELD_MONEY, AT(account.balance_ceiling) },
	{ 8, FIELD_FORBIDDEN, AT(account.gateway_allowed) },
};

static const struct field account_limits_set[] = {
	{ 1, FIELD_ID, AT(account.id) },
	{ 2, FIELD_NUMBER, AT(account.actor) },
	{ 3, FIELD_NUMBER, AT(account.account) },
	{ 4, FIELD_REASON, AT(account.reason) },
	{ 6, FIELD_MONEY, AT(account.credit_limit) },
	{ 7, FIELD_MONEY, AT(account.balance_ceiling) },
	{ 8, FIELD_MONEY, AT(account.old_credit_limit) },
	{ 9, FIELD_MONEY, AT(account.old_balance_ceiling) },
};

/* AccountFrozen, AccountUnfrozen and AccountClosed look alike. */
static const struct field account_moved[] = {
	{ 1, FIELD_ID, AT(account.id) },
	{ 2, FIELD_NUMBER, AT(account.actor) },
	{ 3, FIELD_NUMBER, AT(account.account) },
	{ 4, FIELD_REASON, AT(account.reason) },
};

static const struct field hold_expired[] = {
	{ 1, FIELD_ID, AT(hold_expired.hold_id) },
};

static const struct field genesis[] = {
	{ 1, FIELD_NAME, AT(genesis.federation) },
	{ 2, FIELD_NAME, AT(genesis.city) },
	{ 3, FIELD_UNIT, AT(genesis.unit) },
	{ 4, FIELD_DECIMALS, AT(genesis.decimals) },
	{ 5, FIELD_FORMAT, AT(genesis.format) },
	{ 6, FIELD_KEY, AT(genesis.node_key) },
};

static const struct field link_opened[] = {
	{ 1, FIELD_NUMBER, AT(link.link) },
	{ 2, FIELD_NAME, AT(link.city) },
	{ 3, FIELD_NUMBER, AT(link.account) },
};

/* LinkBatchSealed, LinkBatchTaken and LinkBatchAdopted look alike. */
static const struct field link_batch[] = {
	{ 1, FIELD_NUMBER, AT(link.link) },
	{ 2, FIELD_BATCH, AT(link.batch) },
};

/* LinkWithdrawn, LinkAcknowledged. */
static const struct field link_at_seq[] = {
	{ 1, FIELD_NUMBER, AT(link.link) },
	{ 2, FIELD_ORDINAL, AT(link.seq) },
};

/* LinkLifeBegun, LinkLifeAdmitted. */
static const struct field link_life[] = {
	{ 1, FIELD_NUMBER, AT(link.link) },
	{ 2, FIELD_ORDINAL, AT(link.incarnation) },
	{ 3, FIELD_LIFE, AT(link.nonce) },
};

static const struct field link_reconciled[] = {
	{ 1, FIELD_NUMBER, AT(link.link) },
	{ 2, FIELD_ORDINAL, AT(link.incarnation) },
	{ 3, FIELD_ORDINAL, AT(link.seq) },
};

/* LinkPaused, LinkResumed, LinkWithdrawOrdered. */
static const struct field link_moved[] = {
	{ 1, FIELD_NUMBER, AT(link.link) },
	{ 2, FIELD_ID, AT(link.id) },
	{ 3, FIELD_NUMBER, AT(link.actor) },
	{ 4, FIELD_REASON, AT(link.reason) },
};

static const struct field link_commanded[] = {
	{ 1, FIELD_NUMBER, AT(link.link) },
	{ 2, FIELD_ID, AT(link.id) },
	{ 3, FIELD_NUMBER, AT(link.actor) },
	{ 4, FIELD_REASON, AT(link.reason) },
	{ 5, FIELD_COMMAND, AT(link.command) },
	{ 6, FIELD_MONEY, AT(link.line) },
};

static const struct field payment_held[] = {
	{ 1, FIELD_ID, AT(payment_held.id) },
	{ 2, FIELD_ID, AT(payment_held.hold_id) },
	{ 3, FIELD_ID_OR_NONE, AT(payment_held.parent) },
	{ 4, FIELD_NUMBER, AT(payment_held.actor) },
	{ 5, FIELD_OPTION, AT(payment_held.account) },
	{ 6, FIELD_OPTION, AT(payment_held.attempt) },
};

static const struct field rejoined[] = {
	{ 1, FIELD_NUMBER, AT(rejoined.actor) },
	{ 2, FIELD_REASON, AT(rejoined.reason) },
	{ 3, FIELD_FORBIDDEN, AT(rejoined.closed) },
};

static const struct field roster_adopted[] = {
	{ 1, FIELD_ORDINAL, AT(roster_adopted.version) },
	{ 2, FIELD_HASH, AT(roster_adopted.hash) },
};

static const struct field request_opened[] = {
	{ 1, FIELD_ID, AT(request.id) },
	{ 2, FIELD_NUMBER, AT(request.actor) },
	{ 3, FIELD_PARTY, AT(request.payer) },
	{ 4, FIELD_PARTY, AT(request.payee) },
	{ 5, FIELD_MONEY, AT(request.amount) },
	{ 6, FIELD_PURPOSE, AT(request.purpose) },
	{ 7, FIELD_ANY_REFERENCE, AT(request.reference) },
	{ 8, FIELD_TIME, AT(request.expires_us) },
};

static const struct field request_ended[] = {
	{ 1, FIELD_ID, AT(request.id) },
	{ 2, FIELD_NUMBER, AT(request.actor) },
	{ 3, FIELD_ENDED, AT(request.state) },
};

static const struct field link_gone[] = {
	{ 1, FIELD_NUMBER, AT(link.link) },
};

static const struct field in_leg_ended[] = {
	{ 1, FIELD_NUMBER, AT(leg_ended.link) },
	{ 2, FIELD_ORDINAL, AT(leg_ended.seq) },
	{ 3, FIELD_OPTION, AT(leg_ended.reason) },
	{ 4, FIELD_NAME_OR_NONE, AT(leg_ended.at_city) },
};

static const struct field out_leg_ended[] = {
	{ 1, FIELD_NUMBER, AT(leg_ended.link) },
	{ 2, FIELD_ORDINAL, AT(leg_ended.seq) },
	{ 3, FIELD_OPTION, AT(leg_ended.reason) },
	{ 4, FIELD_NAME_OR_NONE, AT(leg_ended.at_city) },
	{ 5, FIELD_ID, AT(leg_ended.id) },
	{ 6, FIELD_PROOF, AT(leg_ended.proof) },
};

static const struct field never_given[] = {
	{ 1, FIELD_ID, AT(never_given.id) },
	{ 2, FIELD_HASH, AT(never_given.terms_hash) },
};

static const struct shape shapes[] = {
	SHAPE(EVENT_EPOCH_STARTED, epoch_started),
	SHAPE(EVENT_ACTOR_SEEN, actor_seen),
	SHAPE(EVENT_ACCOUNT_OPENED, account_opened),
	SHAPE(EVENT_ACCOUNT_LIMITS_SET, account_limits_set),
	SHAPE(EVENT_ACCOUNT_FROZEN, account_moved),
	SHAPE(EVENT_ACCOUNT_UNFROZEN, account_moved),
	SHAPE(EVENT_ACCOUNT_CLOSED, account_moved),
	SHAPE(EVENT_HOLD_EXPIRED, hold_expired),
	SHAPE(EVENT_GENESIS, genesis),
	{ EVENT_RESUMED, NULL, 0 },
	SHAPE(EVENT_LINK_OPENED, link_opened),
	SHAPE(EVENT_LINK_BATCH_SEALED, link_batch),
	SHAPE(EVENT_LINK_BATCH_TAKEN, link_batch),
	SHAPE(EVENT_LINK_BATCH_ADOPTED, link_batch),
	SHAPE(EVENT_LINK_WITHDRAWN, link_at_seq),
	SHAPE(EVENT_LINK_ACKNOWLEDGED, link_at_seq),
	SHAPE(EVENT_LINK_LIFE_BEGUN, link_life),
	SHAPE(EVENT_LINK_LIFE_ADMITTED, link_life),
	SHAPE(EVENT_LINK_RECONCILED, link_reconciled),
	SHAPE(EVENT_LINK_PAUSED, link_moved),
	SHAPE(EVENT_LINK_RESUMED, link_moved),
	SHAPE(EVENT_LINK_COMMANDED, link_commanded),
	SHAPE(EVENT_PAYMENT_HELD, payment_held),
	SHAPE(EVENT_REJOINED, rejoined),
	SHAPE(EVENT_ROSTER_ADOPTED, roster_adopted),
	SHAPE(EVENT_REQUEST_OPENED, request_opened),
	SHAPE(EVENT_REQUEST_ENDED, request_ended),
	SHAPE(EVENT_LINK_GONE, link_gone),
	SHAPE(EVENT_IN_LEG_ENDED, in_leg_ended),
	SHAPE(EVENT_OUT_LEG_ENDED, out_leg_ended),
	SHAPE(EVENT_NEVER_GIVEN, never_given),
	{ EVENT_REJOIN_ENDED, NULL, 0 },
	SHAPE(EVENT_LINK_WITHDRAW_ORDERED, link_moved),
};

#define SHAPE_COUNT (sizeof(shapes) / sizeof(shapes[0]))
/* The one payload format there is. */
#define FORMAT 1

/* NULL for a number that is no event. */
static const struct shape *shape_of(uint32_t kind)
{
	for (size_t i = 0; i < SHAPE_COUNT; i++) {
		if ((uint32_t)shapes[i].kind == kind)
			return &shapes[i];
	}
	return NULL;
}

static const struct field *field_of(const struct shape *shape, uint32_t number)
{
	for (uint32_t i = 0; i < shape->count; i++) {
		if (shape->fields[i].number == number)
			return &shape->fields[i];
	}
	return NULL;
}

static const void *value_of(const struct event *event,
			    const struct field *field)
{
	return (const uint8_t *)event + field->offset;
}

/* Bytes of a value that has always the same; 0: not such a value. */
static size_t fixed_size(enum field_type type)
{
	if (type == FIELD_ID || type == FIELD_ID_OR_NONE)
		return ID_SIZE;
	if (type == FIELD_NONCE)
		return NONCE_SIZE;
	if (type == FIELD_HASH)
		return SHA256_SIZE;
	if (type == FIELD_LIFE)
		return LIFE_NONCE_SIZE;
	return type == FIELD_KEY ? NODE_KEY_SIZE : 0;
}

static bool is_text(enum field_type type)
{
	return type >= FIELD_NODE;
}

static bool is_wide(enum field_type type)
{
	return type == FIELD_ORDINAL || type == FIELD_TIME;
}

static uint64_t number_of(const void *value, enum field_type type)
{
	if (type == FIELD_FORBIDDEN)
		return !*(const bool *)value;
	if (type == FIELD_MONEY)
		return (uint64_t)money_minor(*(const struct money *)value);
	if (is_wide(type))
		return *(const uint64_t *)value;
	return *(const uint32_t *)value;
}

/* Bytes of tag and length before a value. */
static size_t head_size(uint32_t number, size_t size)
{
	return varint_size((uint64_t)number << 3) + varint_size(size);
}

/* Bytes of a field as encode_field() writes it. */
static size_t encoded_size(const void *value, const struct field *field)
{
	size_t size = fixed_size(field->type);
	uint64_t number;

	if (is_text(field->type))
		size = ((const struct slice *)value)->size;
	else if (field->type == FIELD_ID_OR_NONE && id_is_zero(value))
		size = 0;
	if (is_text(field->type) || fixed_size(field->type) > 0)
		return size == 0 ? 0 : head_size(field->number, size) + size;
	number = number_of(value, field->type);
	return number == 0 ? 0
			   : varint_size((uint64_t)field->number << 3) +
				     varint_size(number);
}

static void encode_field(const void *value, const struct field *field,
			 struct buffer *out)
{
	size_t size = fixed_size(field->type);
	bool absent = field->type == FIELD_ID_OR_NONE && id_is_zero(value);

	if (is_text(field->type))
		buffer_put_field_bytes(out, field->number,
				       *(const struct slice *)value);
	else if (size > 0 && !absent)
		buffer_put_field_bytes(out, field->number,
				       slice_of(value, size));
	else if (size == 0)
		buffer_put_field_varint(out, field->number,
					number_of(value, field->type));
}

static size_t body_size(const struct event *event, const struct shape *shape)
{
	size_t size = 0;

	for (uint32_t i = 0; i < shape->count; i++)
		size += encoded_size(value_of(event, &shape->fields[i]),
				     &shape->fields[i]);
	return size;
}

/* Bytes of the field that says after how many entries it comes. */
static size_t after_size(uint32_t after)
{
	return after == 0 ? 0
			  : varint_size(EVENT_FIELD_AFTER << 3) +
				    varint_size(after);
}

size_t block_event_size(const struct event *event)
{
	const struct shape *shape = shape_of(event->kind);
	size_t body, message;

	check(shape != NULL);
	body = body_size(event, shape);
	message =
		head_size(event->kind, body) + body + after_size(event->after);
	return head_size(BLOCK_FIELD_EVENTS, message) + message;
}

void block_event_encode(const struct event *event, struct buffer *out)
{
	const struct shape *shape = shape_of(event->kind);
	size_t body;

	check(shape != NULL);
	body = body_size(event, shape);
	buffer_put_tag(out, BLOCK_FIELD_EVENTS, WIRE_BYTES);
	buffer_put_varint(out, head_size(event->kind, body) + body +
				       after_size(event->after));
	/* Fields rise, and some kinds have numbers above that of the place. */
	if (event->kind > EVENT_FIELD_AFTER)
		buffer_put_field_varint(out, EVENT_FIELD_AFTER, event->after);
	/* The kind is told by its field being there, if only empty. */
	buffer_put_tag(out, event->kind, WIRE_BYTES);
	buffer_put_varint(out, body);
	for (uint32_t i = 0; i < shape->count; i++)
		encode_field(value_of(event, &shape->fields[i]),
			     &shape->fields[i], out);
	if (event->kind < EVENT_FIELD_AFTER)
		buffer_put_field_varint(out, EVENT_FIELD_AFTER, event->after);
}

void block_event_keep(struct event *event, struct buffer *texts)
{
	const struct shape *shape = shape_of(event->kind);

	check(shape != NULL);
	for (uint32_t i = 0; i < shape->count; i++) {
		const struct field *field = &shape->fields[i];
		struct slice *text =
			(struct slice *)((uint8_t *)event + field->offset);
		size_t start = texts->size;

		if (!is_text(field->type))
			continue;
		buffer_put(texts, *text);
		check(!texts->overflowed);
		*text = slice_of(texts->data + start, text->size);
	}
}

size_t block_event_texts_size(const struct event *event)
{
	const struct shape *shape = shape_of(event->kind);
	size_t size = 0;

	check(shape != NULL);
	for (uint32_t i = 0; i < shape->count; i++) {
		const struct field *field = &shape->fields[i];

		if (is_text(field->type))
			size += ((const struct slice *)value_of(event, field))
					->size;
	}
	return size;
}

static bool text_valid(struct slice text, size_t size_min, size_t size_max)
{
	return text.size >= size_min && text.size <= size_max &&
	       utf8_printable(text);
}

static bool uri_valid(struct slice uri)
{
	struct identity identity;

	return identity_parse(uri, &identity);
}

static bool field_text_valid(struct slice text, enum field_type type)
{
	check(is_text(type));
	if (type == FIELD_NODE)
		return text_valid(text, 0, IDENTITY_URI_SIZE_MAX);
	if (type == FIELD_URI)
		return uri_valid(text);
	if (type == FIELD_ADDRESS)
		return local_address_valid(text);
	if (type == FIELD_DISPLAY_NAME)
		return text_valid(text, 0, DISPLAY_NAME_SIZE_MAX);
	if (type == FIELD_REASON)
		return text_valid(text, 1, REASON_SIZE_MAX);
	if (type == FIELD_UNIT)
		return text_valid(text, 1, NAME_SIZE_MAX);
	if (type == FIELD_BATCH)
		return text.size >= 1 && text.size <= EVENT_BATCH_SIZE_MAX;
	if (type == FIELD_PARTY)
		return text_valid(text, 1, LINKLOG_ADDRESS_SIZE_MAX);
	if (type == FIELD_PURPOSE)
		return text_valid(text, 0, EVENT_NOTE_SIZE_MAX);
	if (type == FIELD_ANY_REFERENCE)
		return text.size <= LINKLOG_REFERENCE_SIZE_MAX;
	if (type == FIELD_PROOF)
		return text.size <= LINKLOG_PROOF_SIZE_MAX;
	if (type == FIELD_NAME_OR_NONE && text.size == 0)
		return true;
	return name_valid(text);
}

static bool number_valid(uint64_t number, enum field_type type)
{
	check(!is_text(type) && fixed_size(type) == 0);
	if (type == FIELD_NUMBER)
		return number >= 1 && number <= BLOCK_NUMBER_MAX;
	if (type == FIELD_OPTION)
		return number <= BLOCK_NUMBER_MAX;
	if (type == FIELD_DECIMALS)
		return number <= MONEY_DECIMALS_MAX;
	if (type == FIELD_FORMAT)
		return number == FORMAT;
	if (type == FIELD_MONEY)
		return number <= (uint64_t)MONEY_MAX_MINOR;
	if (type == FIELD_ORDINAL)
		return true;
	if (type == FIELD_TIME)
		return number <= BLOCK_TIME_US_MAX;
	if (type == FIELD_COMMAND)
		return number >= LINK_ENTRY_LINE_CHANGE &&
		       number <= LINK_ENTRY_UNFREEZE;
	if (type == FIELD_ENDED)
		return number >= PAYMENT_REQUEST_PAID &&
		       number <= PAYMENT_REQUEST_EXPIRED;
	return number <= 1;
}

static bool field_valid(const void *value, enum field_type type)
{
	if (is_text(type))
		return field_text_valid(*(const struct slice *)value, type);
	if (type == FIELD_ID)
		return id_is_v7(value);
	if (type == FIELD_ID_OR_NONE)
		return id_is_zero(value) || id_is_v7(value);
	if (fixed_size(type) > 0)
		return true;
	return number_valid(number_of(value, type), type);
}

bool block_event_valid(const struct event *event)
{
	const struct shape *shape = shape_of(event->kind);

	if (shape == NULL)
		return false;
	for (uint32_t i = 0; i < shape->count; i++) {
		if (!field_valid(value_of(event, &shape->fields[i]),
				 shape->fields[i].type))
			return false;
	}
	/* Genesis opens accounts without id and actor, anybody else with. */
	return event->kind != EVENT_ACCOUNT_OPENED ||
	       id_is_zero(&event->account.id) == (event->account.actor == 0);
}

/* Whatever @number is, it fits once it was found valid. */
static void set_number(void *value, enum field_type type, uint64_t number)
{
	check(is_wide(type) || number <= (uint64_t)MONEY_MAX_MINOR);
	if (is_wide(type))
		*(uint64_t *)value = number;
	else if (type == FIELD_FORBIDDEN)
		*(bool *)value = false;
	else if (type == FIELD_MONEY)
		*(struct money *)value = money_of((int64_t)number);
	else
		*(uint32_t *)value = (uint32_t)number;
}

static enum block_decode_result
decode_field(struct fields *fields, const struct field *field, void *value)
{
	size_t size = fixed_size(field->type);
	uint64_t number;

	if (is_text(field->type)) {
		*(struct slice *)value = fields_bytes(fields);
	} else if (size > 0) {
		struct slice bytes = fields_bytes(fields);

		if (bytes.size == size)
			memcpy(value, bytes.data, size);
		else if (reader_ok(&fields->reader))
			return BLOCK_BAD_VALUE;
	} else {
		number = fields_varint(fields);
		if (field->type == FIELD_FORBIDDEN && number > 1)
			return BLOCK_UNKNOWN_KIND;
		if (!number_valid(number, field->type))
			return reader_ok(&fields->reader) ? BLOCK_BAD_VALUE
							  : BLOCK_MALFORMED;
		set_number(value, field->type, number);
	}
	return fields_result(fields);
}

/* Is a value missing that has no default: an id, a nonce, a key? */
static bool is_missing(const struct field *field, uint32_t seen)
{
	return fixed_size(field->type) > 0 && field->type != FIELD_ID_OR_NONE &&
	       (seen >> field->number & 1) == 0;
}

static enum block_decode_result
decode_body(struct slice bytes, const struct shape *shape, struct event *event)
{
	struct fields fields = { .reader = reader_of(bytes) };
	uint32_t seen = 0; /* a bit for each field's number */

	while (fields_next(&fields)) {
		const struct field *field = field_of(shape, fields.number);
		enum block_decode_result result;

		if (field == NULL)
			return BLOCK_UNKNOWN_FIELD;
		seen |= UINT32_C(1) << field->number;
		result = decode_field(&fields, field,
				      (uint8_t *)event + field->offset);
		if (result != BLOCK_DECODED)
			return result;
	}
	for (uint32_t i = 0; i < shape->count; i++) {
		if (is_missing(&shape->fields[i], seen))
			return BLOCK_BAD_VALUE;
	}
	return fields_result(&fields);
}

/* Takes the message apart: which event, its body, and its place. */
static enum block_decode_result decode_message(struct slice bytes,
					       const struct shape **shape,
					       struct slice *body,
					       uint32_t *after)
{
	struct fields fields = { .reader = reader_of(bytes) };

	while (fields_next(&fields)) {
		if (fields.number == EVENT_FIELD_AFTER) {
			uint64_t place = fields_varint(&fields);

			if (place > BLOCK_ENTRIES_MAX)
				return BLOCK_BAD_PLACE;
			*after = (uint32_t)place;
			continue;
		}
		if (shape_of(fields.number) == NULL)
			return BLOCK_UNKNOWN_FIELD;
		if (*shape != NULL)
			return BLOCK_BAD_VALUE;
		*shape = shape_of(fields.number);
		*body = fields_message(&fields);
	}
	if (fields_result(&fields) != BLOCK_DECODED)
		return fields_result(&fields);
	return *shape == NULL ? BLOCK_MALFORMED : BLOCK_DECODED;
}

/* What is written where it is false, and was not written. */
static void set_allowed(const struct shape *shape, struct event *out)
{
	for (uint32_t i = 0; i < shape->count; i++) {
		const struct field *field = &shape->fields[i];

		if (field->type == FIELD_FORBIDDEN)
			*(bool *)((uint8_t *)out + field->offset) = true;
	}
}

enum block_decode_result block_event_decode(struct slice bytes,
					    struct event *out)
{
	const struct shape *shape = NULL;
	struct slice body = { 0 };
	enum block_decode_result result;

	*out = (struct event){ 0 };
	result = decode_message(bytes, &shape, &body, &out->after);
	if (result != BLOCK_DECODED)
		return result;
	check(shape != NULL);
	out->kind = (uint16_t)shape->kind;
	set_allowed(shape, out);
	result = decode_body(body, shape, out);
	if (result != BLOCK_DECODED)
		return result;
	return block_event_valid(out) ? BLOCK_DECODED : BLOCK_BAD_VALUE;
}
