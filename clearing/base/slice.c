/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/slice.h"

#include <string.h>

#include "base/check.h"

struct slice slice_from_text(const char *text)
{
	size_t size = 0;

	check(text != NULL);
	while (text[size] != '\0')
		size++;
	return slice_of(text, size);
}

bool slice_equal(struct slice a, struct slice b)
{
	check(a.size == 0 || a.data != NULL);
	check(b.size == 0 || b.data != NULL);
	return a.size == b.size &&
	       (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

int slice_compare(struct slice a, struct slice b)
{
	size_t common = a.size < b.size ? a.size : b.size;
	int order = common == 0 ? 0 : memcmp(a.data, b.data, common);

	check(a.size == 0 || a.data != NULL);
	if (order != 0)
		return order;
	return (a.size > b.size) - (a.size < b.size);
}

size_t slice_find(struct slice s, uint8_t byte)
{
	size_t at = 0;

	check(s.size == 0 || s.data != NULL);
	while (at < s.size && s.data[at] != byte)
		at++;
	return at;
}

struct slice slice_from(struct slice s, size_t count)
{
	check(count <= s.size);
	/* An empty slice may have no address to count from. */
	if (count == 0)
		return s;
	return slice_of(s.data + count, s.size - count);
}

struct slice slice_upto(struct slice s, size_t count)
{
	check(count <= s.size);
	return slice_of(s.data, count);
}

bool slice_starts_with(struct slice s, struct slice prefix)
{
	check(prefix.size == 0 || prefix.data != NULL);
	return s.size >= prefix.size &&
	       slice_equal(slice_upto(s, prefix.size), prefix);
}
