/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "wire/messages.h"

#include "grpc/health/v1/health.pb-c.h"

#include "wire/codec.h"

void encode_get_node(struct buffer *out, const struct node_view *view)
{
	buffer_put_field_bytes(out, 1, view->federation);
	buffer_put_field_bytes(out, 2, view->city);
	buffer_put_field_bytes(out, 3, view->unit);
	buffer_put_field_varint(out, 4, view->decimals);
	buffer_put_field_bytes(out, 5, view->version);
	buffer_put_field_bytes(out, 6, view->schema);
	buffer_put_field_varint(out, 7, view->state);
	buffer_put_field_varint(out, 8, view->position);
	buffer_put_field_varint(out, 9, view->projected_position);
	buffer_put_field_varint(out, 10, view->epoch);
	buffer_put_field_varint(out, 11, view->accounts);
	codec_put_int64(out, 12, view->credit_issued_minor);
	codec_put_int64(out, 13, view->time_us);
	buffer_put_field_varint(out, 14, view->batch_max);
	buffer_put_field_varint(out, 15, view->message_max_bytes);
}

bool decode_health_check(struct slice bytes, struct arena *arena,
			 struct slice *service)
{
	const Grpc__Health__V1__HealthCheckRequest *msg = codec_unpack(
		&grpc__health__v1__health_check_request__descriptor, bytes,
		arena);

	if (msg == NULL)
		return false;
	*service = codec_text(msg->service);
	return true;
}

void encode_health_check(struct buffer *out, uint32_t status)
{
	buffer_put_field_varint(out, 1, status);
}
