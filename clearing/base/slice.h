/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * slice: a view of bytes that somebody else owns.  Never NUL-terminated,
 * never freed through the slice, valid as long as its owner says.
 */
#ifndef CLEARING_BASE_SLICE_H
#define CLEARING_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slice {
	const uint8_t *data;
	size_t size;
};

/* A slice over a string literal, without its NUL. */
#define SLICE(literal) \
	((struct slice){ (const uint8_t *)(literal), sizeof(literal) - 1 })

/* slice_of: view of @size bytes at @data. */
static inline struct slice slice_of(const void *data, size_t size)
{
	return (struct slice){ data, size };
}

/* slice_from_text: view of a NUL-terminated text, without its NUL. */
struct slice slice_from_text(const char *text);

/* slice_equal: same length and same bytes. */
bool slice_equal(struct slice a, struct slice b);

/* slice_compare: order by bytes, shorter first when one is a prefix. */
int slice_compare(struct slice a, struct slice b);

/* slice_find: index of the first @byte, or @s.size when there is none. */
size_t slice_find(struct slice s, uint8_t byte);

/* slice_from: what follows the first @count bytes; @count <= @s.size. */
struct slice slice_from(struct slice s, size_t count);

/* slice_upto: the first @count bytes; @count <= @s.size. */
struct slice slice_upto(struct slice s, size_t count);

/* slice_starts_with: does @s begin with @prefix? */
bool slice_starts_with(struct slice s, struct slice prefix);

#endif
