/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "wire/messages.h"

#include "wire/codec.h"

static const struct codec_field open_account_fields[] = {
	{ 1, CODEC_BYTES, offsetof(struct open_account_command, id) },
	{ 2, CODEC_BYTES, offsetof(struct open_account_command, address) },
	{ 3, CODEC_BYTES, offsetof(struct open_account_command, display_name) },
	{ 4, CODEC_NUMBER,
	  offsetof(struct open_account_command, credit_limit_minor) },
	{ 5, CODEC_NUMBER,
	  offsetof(struct open_account_command, balance_ceiling_minor) },
	{ 6, CODEC_BOOL,
	  offsetof(struct open_account_command, gateway_allowed) },
};

bool decode_open_account(struct slice bytes, struct arena *arena,
			 struct open_account_command *out)
{
	struct open_account_command request = { 0 };

	if (!CODEC_READ(open_account_fields, bytes, arena, &request))
		return false;
	/* On the wire the exception is told: forbidden. */
	request.gateway_allowed = !request.gateway_allowed;
	*out = request;
	return true;
}

static const struct codec_field set_limits_fields[] = {
	{ 1, CODEC_BYTES, offsetof(struct account_command, id) },
	{ 2, CODEC_ACCOUNT, offsetof(struct account_command, account) },
	{ 3, CODEC_NUMBER,
	  offsetof(struct account_command, credit_limit_minor) },
	{ 4, CODEC_NUMBER,
	  offsetof(struct account_command, balance_ceiling_minor) },
	{ 5, CODEC_BYTES, offsetof(struct account_command, reason) },
};

static bool decode_set_limits(struct slice bytes, struct arena *arena,
			      struct account_command *out)
{
	struct account_command request = { 0 };

	if (!CODEC_READ(set_limits_fields, bytes, arena, &request))
		return false;
	*out = request;
	return true;
}

/* Freeze, Unfreeze and Close have the same fields under the same numbers. */
static const struct codec_field with_reason_fields[] = {
	{ 1, CODEC_BYTES, offsetof(struct account_command, id) },
	{ 2, CODEC_ACCOUNT, offsetof(struct account_command, account) },
	{ 3, CODEC_BYTES, offsetof(struct account_command, reason) },
};

static bool decode_with_reason(struct slice bytes, struct arena *arena,
			       struct account_command *out)
{
	struct account_command request = { 0 };

	if (!CODEC_READ(with_reason_fields, bytes, arena, &request))
		return false;
	*out = request;
	return true;
}

bool decode_account_command(enum account_command_kind kind, struct slice bytes,
			    struct arena *arena, struct account_command *out)
{
	switch (kind) {
	case ACCOUNT_COMMAND_SET_LIMITS:
		return decode_set_limits(bytes, arena, out);
	case ACCOUNT_COMMAND_FREEZE:
	case ACCOUNT_COMMAND_UNFREEZE:
	case ACCOUNT_COMMAND_CLOSE:
		return decode_with_reason(bytes, arena, out);
	}
	check(false);
	return false;
}

static const struct codec_field get_account_fields[] = {
	{ 1, CODEC_READ_ACCOUNT, 0 },
	{ 2, CODEC_NUMBER, offsetof(struct read_request, min_position) },
};

bool decode_get_account(struct slice bytes, struct arena *arena,
			struct read_request *out)
{
	struct read_request request = { 0 };

	if (!CODEC_READ(get_account_fields, bytes, arena, &request))
		return false;
	*out = request;
	return true;
}

static const struct codec_field list_accounts_fields[] = {
	{ 1, CODEC_READ_PAGE, 0 },
	{ 2, CODEC_NUMBER, offsetof(struct read_request, min_position) },
};

bool decode_list_accounts(struct slice bytes, struct arena *arena,
			  struct read_request *out)
{
	struct read_request request = { 0 };

	if (!CODEC_READ(list_accounts_fields, bytes, arena, &request))
		return false;
	*out = request;
	return true;
}

void encode_position(struct buffer *out, uint64_t position)
{
	buffer_put_field_varint(out, 1, position);
}

void encode_open_account(struct buffer *out, uint64_t account_id,
			 uint64_t position)
{
	buffer_put_field_varint(out, 1, account_id);
	buffer_put_field_varint(out, 2, position);
}

static void put_address(struct buffer *out, uint32_t number, struct slice local,
			struct slice city)
{
	buffer_put_tag(out, number, WIRE_BYTES);
	buffer_put_varint(out, local.size + 1 + city.size);
	buffer_put(out, local);
	buffer_put_byte(out, '@');
	buffer_put(out, city);
}

static void put_money(struct buffer *out, uint32_t number, struct money amount)
{
	codec_put_int64(out, number, money_minor(amount));
}

static void put_account(struct buffer *out, const struct account *account,
			struct slice city)
{
	size_t begin = codec_begin(out, 1);

	buffer_put_field_varint(out, 1, account->id);
	put_address(out, 2, account_local(account), city);
	buffer_put_field_bytes(out, 3, account_display_name(account));
	buffer_put_field_varint(out, 4, account->state);
	put_money(out, 5, account->credit_limit);
	put_money(out, 6, account->balance_ceiling);
	put_money(out, 7, account_balance(account));
	put_money(out, 8, account->debits_posted);
	put_money(out, 9, account->credits_posted);
	put_money(out, 10, account->debits_pending);
	put_money(out, 11, account->credits_pending);
	buffer_put_field_varint(out, 12, account->holds_open);
	codec_put_bool(out, 13, account->gateway_allowed);
	codec_end(out, begin);
}

void encode_get_account(struct buffer *out, const struct account *account,
			struct slice city, uint64_t position)
{
	put_account(out, account, city);
	buffer_put_field_varint(out, 2, position);
}

void encode_list_accounts(struct buffer *out,
			  const struct account *const *accounts, uint32_t count,
			  struct slice city, struct slice next_token,
			  uint64_t position)
{
	for (uint32_t i = 0; i < count; i++)
		put_account(out, accounts[i], city);
	buffer_put_field_bytes(out, 2, next_token);
	buffer_put_field_varint(out, 3, position);
}
