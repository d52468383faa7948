/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "wire/grpc_header.h"

#include "base/buffer.h"
#include "wire/grpc_text.h"

/* nghttp2's fields are not const, though it does not write to them. */
static uint8_t *unconst(struct slice bytes)
{
	return (uint8_t *)(uintptr_t)bytes.data;
}

nghttp2_nv grpc_header(struct slice name, struct slice value)
{
	return (nghttp2_nv){
		.name = unconst(name),
		.namelen = name.size,
		.value = unconst(value),
		.valuelen = value.size,
		.flags = NGHTTP2_NV_FLAG_NO_COPY_NAME,
	};
}

nghttp2_nv grpc_header_static(struct slice name, struct slice value)
{
	nghttp2_nv field = grpc_header(name, value);

	field.flags |= NGHTTP2_NV_FLAG_NO_COPY_VALUE;
	return field;
}

struct slice grpc_message_cut(struct slice text)
{
	size_t size = GRPC_MESSAGE_SIZE_MAX;

	if (text.size <= size)
		return text;
	/* Not between the bytes of one UTF-8 character. */
	while (size > 0 && (text.data[size] & 0xc0) == 0x80)
		size--;
	return slice_upto(text, size);
}

static void add_message(struct grpc_trailers *trailers, struct slice text)
{
	struct buffer out;

	buffer_init(&out, trailers->message, sizeof(trailers->message));
	grpc_percent_encode(grpc_message_cut(text), &out);
	check(!out.overflowed);
	trailers->fields[trailers->count++] =
		grpc_header(SLICE("grpc-message"), buffer_view(&out));
}

static void add_details(struct grpc_trailers *trailers, struct slice details)
{
	struct buffer out;

	if (details.size > GRPC_DETAILS_SIZE_MAX)
		return;
	buffer_init(&out, trailers->details, sizeof(trailers->details));
	grpc_base64_encode(details, &out);
	check(!out.overflowed);
	trailers->fields[trailers->count++] = grpc_header(
		SLICE("grpc-status-details-bin"), buffer_view(&out));
}

void grpc_trailers_fill(struct grpc_trailers *trailers,
			const struct grpc_status *status)
{
	struct buffer code;

	check(status->code <= GRPC_UNAUTHENTICATED);
	buffer_init(&code, trailers->code, sizeof(trailers->code));
	buffer_put_decimal(&code, status->code);
	trailers->fields[0] =
		grpc_header(SLICE("grpc-status"), buffer_view(&code));
	trailers->count = 1;
	if (status->message.size > 0)
		add_message(trailers, status->message);
	if (status->details.size > 0)
		add_details(trailers, status->details);
}

enum grpc_encoding grpc_encoding_parse(struct slice text)
{
	if (slice_equal(text, SLICE("identity")))
		return GRPC_ENCODING_IDENTITY;
	if (slice_equal(text, SLICE("gzip")))
		return GRPC_ENCODING_GZIP;
	return GRPC_ENCODING_UNKNOWN;
}

bool grpc_content_type_good(struct slice text)
{
	const struct slice plain = SLICE("application/grpc");
	const struct slice proto = SLICE("+proto");

	if (!slice_starts_with(text, plain))
		return false;
	text = slice_from(text, plain.size);
	if (slice_starts_with(text, proto))
		text = slice_from(text, proto.size);
	return text.size == 0 || text.data[0] == ';';
}

bool grpc_settings_submit(nghttp2_session *session,
			  const nghttp2_settings_entry *entries, size_t count)
{
	return nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, entries,
				       count) == 0 &&
	       nghttp2_session_set_local_window_size(
		       session, NGHTTP2_FLAG_NONE, 0,
		       (int32_t)GRPC_CONNECTION_WINDOW) == 0;
}
