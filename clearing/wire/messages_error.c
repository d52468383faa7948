/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * google.rpc.Status and what we put into it, by hand: protobuf-c would need
 * Any, and the three messages are small (proto/google/rpc).
 */
#include "wire/messages.h"

#include "base/reader.h"
#include "wire/codec.h"

#define DOMAIN "clearing.v1"
#define TYPE_ERROR_INFO "type.googleapis.com/google.rpc.ErrorInfo"
#define TYPE_RETRY_INFO "type.googleapis.com/google.rpc.RetryInfo"
#define US_PER_S 1000000
#define NS_PER_US 1000

enum { STATUS_CODE = 1, STATUS_MESSAGE = 2, STATUS_DETAILS = 3 };
enum { ANY_TYPE_URL = 1, ANY_VALUE = 2 };
enum { INFO_REASON = 1, INFO_DOMAIN = 2, INFO_METADATA = 3 };
enum { ENTRY_KEY = 1, ENTRY_VALUE = 2 };
enum { RETRY_DELAY = 1 };
enum { DURATION_SECONDS = 1, DURATION_NANOS = 2 };

static void put_metadata(struct buffer *out, const char *key, const char *value)
{
	size_t begin;

	if (value == NULL)
		return;
	begin = codec_begin(out, INFO_METADATA);
	buffer_put_field_bytes(out, ENTRY_KEY, slice_from_text(key));
	buffer_put_field_bytes(out, ENTRY_VALUE, slice_from_text(value));
	codec_end(out, begin);
}

static void put_reason(struct buffer *out, const struct error_details *details)
{
	size_t any = codec_begin(out, STATUS_DETAILS), content;

	buffer_put_field_bytes(out, ANY_TYPE_URL, SLICE(TYPE_ERROR_INFO));
	content = codec_begin(out, ANY_VALUE);
	buffer_put_field_bytes(out, INFO_REASON,
			       slice_from_text(details->reason));
	buffer_put_field_bytes(out, INFO_DOMAIN, SLICE(DOMAIN));
	put_metadata(out, "field", details->field);
	put_metadata(out, "limit", details->limit);
	put_metadata(out, "value", details->value);
	codec_end(out, content);
	codec_end(out, any);
}

static void put_retry(struct buffer *out, uint64_t delay_us)
{
	size_t any = codec_begin(out, STATUS_DETAILS), content, delay;

	buffer_put_field_bytes(out, ANY_TYPE_URL, SLICE(TYPE_RETRY_INFO));
	content = codec_begin(out, ANY_VALUE);
	delay = codec_begin(out, RETRY_DELAY);
	buffer_put_field_varint(out, DURATION_SECONDS, delay_us / US_PER_S);
	buffer_put_field_varint(out, DURATION_NANOS,
				delay_us % US_PER_S * NS_PER_US);
	codec_end(out, delay);
	codec_end(out, content);
	codec_end(out, any);
}

/* Who refuses says why in ErrorInfo, and when to return (rule RPC-6). */
void encode_error_details(struct buffer *out,
			  const struct error_details *details)
{
	check(details->reason != NULL);
	buffer_put_field_varint(out, STATUS_CODE, details->code);
	buffer_put_field_bytes(out, STATUS_MESSAGE, details->message);
	put_reason(out, details);
	if (details->retry_delay_us > 0)
		put_retry(out, details->retry_delay_us);
}

/*
 * Takes the next field: a length-prefixed one into @piece, a varint into
 * @value; anything else is stepped over.  0 at the end or on failure.
 */
static uint32_t next_field(struct reader *reader, struct slice *piece,
			   uint64_t *value)
{
	uint32_t type, number = reader_tag(reader, &type);

	*piece = (struct slice){ 0 };
	*value = 0;
	if (number == 0)
		return 0;
	if (type == WIRE_BYTES)
		*piece = reader_bytes(reader);
	else if (type == WIRE_VARINT)
		*value = reader_varint(reader);
	else
		reader_skip(reader, type);
	return reader_ok(reader) ? number : 0;
}

static bool read_metadata(struct slice bytes, struct error_view *view)
{
	struct reader reader = reader_of(bytes);
	struct slice key = { 0 }, text = { 0 }, piece;
	uint64_t value;
	uint32_t number;

	while ((number = next_field(&reader, &piece, &value)) != 0) {
		if (number == ENTRY_KEY)
			key = piece;
		else if (number == ENTRY_VALUE)
			text = piece;
	}
	if (slice_equal(key, SLICE("field")))
		view->field = text;
	else if (slice_equal(key, SLICE("limit")))
		view->limit = text;
	else if (slice_equal(key, SLICE("value")))
		view->value = text;
	return reader_ok(&reader);
}

static bool read_reason(struct slice bytes, struct error_view *view)
{
	struct reader reader = reader_of(bytes);
	struct slice piece;
	uint64_t value;
	uint32_t number;

	while ((number = next_field(&reader, &piece, &value)) != 0) {
		if (number == INFO_REASON)
			view->reason = piece;
		else if (number == INFO_METADATA && !read_metadata(piece, view))
			return false;
	}
	return reader_ok(&reader);
}

static bool read_duration(struct slice bytes, uint64_t *delay_us)
{
	struct reader reader = reader_of(bytes);
	uint64_t seconds = 0, nanos = 0, value;
	struct slice piece;
	uint32_t number;

	while ((number = next_field(&reader, &piece, &value)) != 0) {
		if (number == DURATION_SECONDS)
			seconds = value;
		else if (number == DURATION_NANOS)
			nanos = value;
	}
	/* A delay that is no sane one is no delay. */
	if (seconds > UINT32_MAX || nanos >= UINT64_C(1000) * US_PER_S)
		return reader_ok(&reader);
	*delay_us = seconds * US_PER_S + nanos / NS_PER_US;
	return reader_ok(&reader);
}

static bool read_retry(struct slice bytes, struct error_view *view)
{
	struct reader reader = reader_of(bytes);
	struct slice piece;
	uint64_t value;
	uint32_t number;

	while ((number = next_field(&reader, &piece, &value)) != 0) {
		if (number == RETRY_DELAY &&
		    !read_duration(piece, &view->retry_delay_us))
			return false;
	}
	return reader_ok(&reader);
}

/* One Any of the details; of a type not ours it is stepped over. */
static bool read_detail(struct slice bytes, struct error_view *view,
			bool *found)
{
	struct reader reader = reader_of(bytes);
	struct slice type = { 0 }, content = { 0 }, piece;
	uint64_t value;
	uint32_t number;

	while ((number = next_field(&reader, &piece, &value)) != 0) {
		if (number == ANY_TYPE_URL)
			type = piece;
		else if (number == ANY_VALUE)
			content = piece;
	}
	if (!reader_ok(&reader))
		return false;
	if (slice_equal(type, SLICE(TYPE_RETRY_INFO)))
		return read_retry(content, view);
	if (!slice_equal(type, SLICE(TYPE_ERROR_INFO)))
		return true;
	*found = true;
	return read_reason(content, view);
}

bool decode_error_details(struct slice bytes, struct error_view *out)
{
	struct reader reader = reader_of(bytes);
	struct error_view view = { 0 };
	bool found = false;
	struct slice piece;
	uint64_t value;
	uint32_t number;

	while ((number = next_field(&reader, &piece, &value)) != 0) {
		if (number == STATUS_DETAILS &&
		    !read_detail(piece, &view, &found))
			return false;
	}
	if (!reader_ok(&reader) || !found)
		return false;
	*out = view;
	return true;
}
