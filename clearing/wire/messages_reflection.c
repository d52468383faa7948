/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The answers of grpc.reflection.  v1 and v1alpha are the same on the wire,
 * so the types of v1 serve for both.
 */
#include "wire/messages.h"

#include "grpc/reflection/v1/reflection.pb-c.h"

#include "wire/codec.h"
#include "wire/reflection.h"
#include "wire/validate.h"

/* What is asked: the field of the request's oneof that is set. */
enum { ASK_NOTHING = 0, ASK_FILE = 3, ASK_SYMBOL = 4, ASK_SERVICES = 7 };
enum {
	RESPONSE_HOST = 1,
	RESPONSE_REQUEST = 2,
	RESPONSE_FILES = 4,
	RESPONSE_SERVICES = 6,
	RESPONSE_ERROR = 7,
};
enum { FILES_FILE = 1 };
enum { SERVICES_SERVICE = 1, SERVICE_NAME = 1 };
enum { ERROR_CODE = 1, ERROR_MESSAGE = 2 };

static void put_error(struct buffer *out, enum grpc_code code,
		      const char *message)
{
	size_t begin = codec_begin(out, RESPONSE_ERROR);

	buffer_put_field_varint(out, ERROR_CODE, code);
	buffer_put_field_bytes(out, ERROR_MESSAGE, slice_from_text(message));
	codec_end(out, begin);
}

/*
 * The file first, then what it imports: some clients never ask for those.
 */
static void put_files(struct buffer *out, const struct descriptor_files *files,
		      uint32_t index)
{
	size_t begin;
	uint64_t needed;

	if (index == files->count) {
		put_error(out, GRPC_NOT_FOUND,
			  "no file here has or declares that");
		return;
	}
	needed = descriptor_files_needed(files, index);
	begin = codec_begin(out, RESPONSE_FILES);
	for (uint32_t i = index + 1; i-- > 0;) {
		if ((needed >> i & 1) != 0)
			buffer_put_field_bytes(out, FILES_FILE,
					       files->files[i]);
	}
	codec_end(out, begin);
}

static void put_service(struct buffer *out, struct slice package,
			struct slice name)
{
	size_t begin = codec_begin(out, SERVICES_SERVICE);

	buffer_put_tag(out, SERVICE_NAME, WIRE_BYTES);
	buffer_put_varint(out, package.size + 1 + name.size);
	buffer_put(out, package);
	buffer_put_byte(out, '.');
	buffer_put(out, name);
	codec_end(out, begin);
}

static void put_services(struct buffer *out,
			 const struct descriptor_files *files)
{
	size_t begin = codec_begin(out, RESPONSE_SERVICES);

	for (uint32_t i = 0; i < files->count; i++) {
		struct slice at = files->files[i], service;

		while (descriptor_next_piece(&at, FILE_SERVICE, &service))
			put_service(
				out,
				descriptor_piece(files->files[i], FILE_PACKAGE),
				descriptor_piece(service, ANY_NAME));
	}
	codec_end(out, begin);
}

static void put_answer(struct buffer *out, const struct descriptor_files *files,
		       const Grpc__Reflection__V1__ServerReflectionRequest *msg)
{
	uint32_t asked = (uint32_t)msg->message_request_case, found;

	if (asked == ASK_FILE) {
		found = descriptor_files_named(
			files, codec_text(msg->file_by_filename));
		put_files(out, files, found);
	} else if (asked == ASK_SYMBOL) {
		found = descriptor_files_declaring(
			files, codec_text(msg->file_containing_symbol));
		put_files(out, files, found);
	} else if (asked == ASK_SERVICES) {
		put_services(out, files);
	} else if (asked == ASK_NOTHING) {
		put_error(out, GRPC_INVALID_ARGUMENT, "nothing is asked");
	} else {
		put_error(out, GRPC_NOT_FOUND,
			  "no message here has extensions");
	}
}

bool encode_reflection(struct slice bytes, struct arena *arena,
		       struct buffer *out)
{
	const ProtobufCMessageDescriptor *type =
		&grpc__reflection__v1__server_reflection_request__descriptor;
	const Grpc__Reflection__V1__ServerReflectionRequest *msg;
	struct descriptor_files files;

	if (!message_valid(type, bytes))
		return false;
	msg = codec_unpack(type, bytes, arena);
	if (msg == NULL)
		return false;
	descriptor_files_load(&files);
	buffer_put_field_bytes(out, RESPONSE_HOST, codec_text(msg->host));
	buffer_put_field_bytes(out, RESPONSE_REQUEST, bytes);
	put_answer(out, &files, msg);
	return !out->overflowed;
}
