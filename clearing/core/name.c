/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "core/name.h"

static bool is_letter(uint8_t byte)
{
	return byte >= 'a' && byte <= 'z';
}

static bool is_digit(uint8_t byte)
{
	return byte >= '0' && byte <= '9';
}

/* (rule LEDGER-2): a dash stands only between two letters or digits. */
bool name_valid(struct slice name)
{
	bool after_dash = false;

	check(name.size == 0 || name.data != NULL);
	if (name.size == 0 || name.size > NAME_SIZE_MAX ||
	    !is_letter(name.data[0]))
		return false;
	for (size_t i = 1; i < name.size; i++) {
		bool dash = name.data[i] == '-';

		if (dash && after_dash)
			return false;
		if (!dash && !is_letter(name.data[i]) &&
		    !is_digit(name.data[i]))
			return false;
		after_dash = dash;
	}
	return !after_dash;
}

bool local_address_valid(struct slice local)
{
	size_t slash = slice_find(local, '/');

	if (!name_valid(slice_upto(local, slash)))
		return false;
	return slash == local.size || name_valid(slice_from(local, slash + 1));
}

bool address_parse(struct slice text, struct address *out)
{
	size_t at = slice_find(text, '@');
	struct address address = { .local = slice_upto(text, at) };

	if (at == text.size || !local_address_valid(address.local))
		return false;
	address.city = slice_from(text, at + 1);
	if (!name_valid(address.city))
		return false;
	address.coop = address_coop(address.local);
	if (address.coop.size < address.local.size)
		address.purpose =
			slice_from(address.local, address.coop.size + 1);
	*out = address;
	return true;
}

struct slice address_coop(struct slice local)
{
	return slice_upto(local, slice_find(local, '/'));
}

/* (rule LEDGER-2) */
bool address_is_reserved(struct slice local)
{
	struct slice coop = address_coop(local);

	return slice_equal(coop, SLICE("city")) ||
	       slice_equal(coop, SLICE("link"));
}
