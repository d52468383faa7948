/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * reflection: the embedded descriptor set as a list of files, and which of
 * them declares a name.  The set is what protoc wrote at build time
 * (protobuf.cmake): an imported file stands before those that import it.
 */
#ifndef CLEARING_WIRE_REFLECTION_H
#define CLEARING_WIRE_REFLECTION_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

/* Generated: a google.protobuf.FileDescriptorSet. */
extern const uint8_t descriptor_set[];
extern const size_t descriptor_set_size;

#define DESCRIPTOR_FILES_MAX 64

/* Files of the set: each the bytes of a FileDescriptorProto. */
struct descriptor_files {
	struct slice files[DESCRIPTOR_FILES_MAX];
	uint32_t count;
};

/* descriptor_files_load: the files of the embedded set. */
void descriptor_files_load(struct descriptor_files *out);

/*
 * descriptor_files_named: index of the file @name ("clearing/v1/hold.proto"),
 * or @files->count.
 */
uint32_t descriptor_files_named(const struct descriptor_files *files,
				struct slice name);

/*
 * descriptor_files_declaring: index of the file that declares the service,
 * method, message or enum @symbol ("clearing.v1.HoldService.GetHold"), or
 * @files->count.
 */
uint32_t descriptor_files_declaring(const struct descriptor_files *files,
				    struct slice symbol);

/*
 * descriptor_files_needed: bit i is set when file @index needs file i,
 * directly or not; its own bit is set too.
 */
uint64_t descriptor_files_needed(const struct descriptor_files *files,
				 uint32_t index);

/*
 * descriptor_next_piece: steps over the fields of a descriptor.
 *
 * @at      what is left of it; moved on.
 * @number  of the length-prefixed field wanted.
 * @piece   receives its content.
 * Returns false when there is none left.
 */
bool descriptor_next_piece(struct slice *at, uint32_t number,
			   struct slice *piece);

/* descriptor_piece: content of the first such field, or empty. */
struct slice descriptor_piece(struct slice descriptor, uint32_t number);

/* Field numbers of google/protobuf/descriptor.proto that are used here. */
enum {
	SET_FILE = 1,
	FILE_NAME = 1,
	FILE_PACKAGE = 2,
	FILE_DEPENDENCY = 3,
	FILE_MESSAGE = 4,
	FILE_ENUM = 5,
	FILE_SERVICE = 6,
	ANY_NAME = 1, /* of a message, an enum, a service, a method */
	SERVICE_METHOD = 2,
	MESSAGE_MESSAGE = 3,
	MESSAGE_ENUM = 4,
};

#endif
