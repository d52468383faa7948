/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "wire/reflection.h"

#include "base/check.h"
#include "base/reader.h"
#include "base/buffer.h"

bool descriptor_next_piece(struct slice *at, uint32_t number,
			   struct slice *piece)
{
	struct reader reader = reader_of(*at);

	while (!reader_at_end(&reader)) {
		uint32_t type, found = reader_tag(&reader, &type);
		struct slice content;

		if (type != WIRE_BYTES) {
			reader_skip(&reader, type);
			continue;
		}
		content = reader_bytes(&reader);
		if (found != number || !reader_ok(&reader))
			continue;
		*at = slice_of(reader.at, (size_t)(reader.end - reader.at));
		*piece = content;
		return true;
	}
	/* The set is part of the program: protoc wrote it. */
	check(reader_ok(&reader));
	return false;
}

struct slice descriptor_piece(struct slice descriptor, uint32_t number)
{
	struct slice piece = { 0 };

	(void)descriptor_next_piece(&descriptor, number, &piece);
	return piece;
}

void descriptor_files_load(struct descriptor_files *out)
{
	struct slice at = slice_of(descriptor_set, descriptor_set_size);
	struct slice file;

	out->count = 0;
	while (descriptor_next_piece(&at, SET_FILE, &file)) {
		check(out->count < DESCRIPTOR_FILES_MAX);
		out->files[out->count++] = file;
	}
}

uint32_t descriptor_files_named(const struct descriptor_files *files,
				struct slice name)
{
	uint32_t i;

	for (i = 0; i < files->count; i++) {
		if (slice_equal(name,
				descriptor_piece(files->files[i], FILE_NAME)))
			break;
	}
	return i;
}

/*
 * Takes @name and, when more follows, the point behind it from the front of
 * @symbol; false when it begins otherwise.
 */
static bool take_name(struct slice *symbol, struct slice name)
{
	if (name.size == 0 || !slice_starts_with(*symbol, name))
		return false;
	if (symbol->size == name.size) {
		*symbol = slice_from(*symbol, name.size);
		return true;
	}
	if (symbol->data[name.size] != '.')
		return false;
	*symbol = slice_from(*symbol, name.size + 1);
	return true;
}

/*
 * Looks in @outer for a child of kind @number whose name begins @symbol.
 * Takes that name off and returns true with the child.
 */
static bool find_child(struct slice outer, uint32_t number,
		       struct slice *symbol, struct slice *child)
{
	while (descriptor_next_piece(&outer, number, child)) {
		if (take_name(symbol, descriptor_piece(*child, ANY_NAME)))
			return true;
	}
	return false;
}

/* Is @symbol a message or an enum in @file, or one nested in a message? */
static bool declares_type(struct slice file, struct slice symbol)
{
	uint32_t message = FILE_MESSAGE, enumeration = FILE_ENUM;
	struct slice outer = file, child;

	while (find_child(outer, message, &symbol, &child)) {
		if (symbol.size == 0)
			return true;
		outer = child;
		message = MESSAGE_MESSAGE;
		enumeration = MESSAGE_ENUM;
	}
	return find_child(outer, enumeration, &symbol, &child) &&
	       symbol.size == 0;
}

static bool declares_service(struct slice file, struct slice symbol)
{
	struct slice service, method;

	if (!find_child(file, FILE_SERVICE, &symbol, &service))
		return false;
	if (symbol.size == 0)
		return true;
	return find_child(service, SERVICE_METHOD, &symbol, &method) &&
	       symbol.size == 0;
}

uint32_t descriptor_files_declaring(const struct descriptor_files *files,
				    struct slice symbol)
{
	uint32_t i;

	/* A point with nothing behind it would be taken for the end. */
	if (symbol.size > 0 && symbol.data[symbol.size - 1] == '.')
		return files->count;
	for (i = 0; i < files->count; i++) {
		struct slice file = files->files[i], rest = symbol;

		if (!take_name(&rest, descriptor_piece(file, FILE_PACKAGE)))
			continue;
		if (rest.size > 0 &&
		    (declares_service(file, rest) || declares_type(file, rest)))
			break;
	}
	return i;
}

uint64_t descriptor_files_needed(const struct descriptor_files *files,
				 uint32_t index)
{
	uint64_t needed;

	check(index < files->count);
	needed = UINT64_C(1) << index;
	/* What a file imports stands before it: one pass downwards does. */
	for (uint32_t i = index + 1; i-- > 0;) {
		struct slice at = files->files[i], name;

		if ((needed >> i & 1) == 0)
			continue;
		while (descriptor_next_piece(&at, FILE_DEPENDENCY, &name)) {
			uint32_t found = descriptor_files_named(files, name);

			check(found < i);
			needed |= UINT64_C(1) << found;
		}
	}
	return needed;
}
