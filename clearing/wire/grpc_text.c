/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "wire/grpc_text.h"

#include <string.h>

#define TIMEOUT_DIGITS_MAX 8
#define TIMEOUT_VALUE_MAX 99999999

static const struct {
	uint8_t letter;
	uint64_t unit_us;
} TIMEOUT_UNITS[] = {
	{ 'u', 1 },	   { 'm', 1000 },	{ 'S', 1000000 },
	{ 'M', 60000000 }, { 'H', 3600000000 },
};

#define TIMEOUT_UNIT_COUNT (sizeof(TIMEOUT_UNITS) / sizeof(TIMEOUT_UNITS[0]))

static bool timeout_scale(uint8_t letter, uint64_t value, uint64_t *timeout_us)
{
	if (letter == 'n') {
		*timeout_us = (value + 999) / 1000;
		return true;
	}
	for (size_t i = 0; i < TIMEOUT_UNIT_COUNT; i++) {
		if (TIMEOUT_UNITS[i].letter == letter) {
			*timeout_us = value * TIMEOUT_UNITS[i].unit_us;
			return true;
		}
	}
	return false;
}

bool grpc_timeout_parse(struct slice text, uint64_t *timeout_us)
{
	uint64_t value = 0;
	uint64_t scaled;

	if (text.size < 2 || text.size > TIMEOUT_DIGITS_MAX + 1)
		return false;
	for (size_t i = 0; i + 1 < text.size; i++) {
		uint8_t digit = text.data[i];

		if (digit < '0' || digit > '9')
			return false;
		value = value * 10 + (digit - '0');
	}
	if (!timeout_scale(text.data[text.size - 1], value, &scaled))
		return false;
	*timeout_us = scaled > 0 ? scaled : 1;
	return true;
}

void grpc_timeout_put(struct buffer *out, uint64_t timeout_us)
{
	size_t i = 0;
	uint64_t value = timeout_us;

	check(timeout_us > 0);
	while (value > TIMEOUT_VALUE_MAX && i + 1 < TIMEOUT_UNIT_COUNT) {
		uint64_t unit = TIMEOUT_UNITS[++i].unit_us;

		value = timeout_us / unit + (timeout_us % unit != 0);
	}
	if (value > TIMEOUT_VALUE_MAX)
		value = TIMEOUT_VALUE_MAX;
	buffer_put_decimal(out, value);
	buffer_put_byte(out, TIMEOUT_UNITS[i].letter);
}

void grpc_percent_encode(struct slice text, struct buffer *out)
{
	static const char HEX[] = "0123456789ABCDEF";

	for (size_t i = 0; i < text.size; i++) {
		uint8_t byte = text.data[i];

		if (byte >= 0x20 && byte <= 0x7e && byte != '%') {
			buffer_put_byte(out, byte);
			continue;
		}
		buffer_put_byte(out, '%');
		buffer_put_byte(out, (uint8_t)HEX[byte >> 4]);
		buffer_put_byte(out, (uint8_t)HEX[byte & 15]);
	}
}

/* The value of a hex digit, or 16. */
static uint32_t hex_value(uint8_t digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - (uint32_t)'0';
	if (digit >= 'A' && digit <= 'F')
		return digit - (uint32_t)'A' + 10;
	if (digit >= 'a' && digit <= 'f')
		return digit - (uint32_t)'a' + 10;
	return 16;
}

void grpc_percent_decode(struct slice text, struct buffer *out)
{
	size_t i = 0;

	while (i < text.size) {
		uint8_t byte = text.data[i++];

		if (byte == '%' && text.size - i >= 2) {
			uint32_t high = hex_value(text.data[i]);
			uint32_t low = hex_value(text.data[i + 1]);

			if (high < 16 && low < 16) {
				byte = (uint8_t)(high << 4 | low);
				i += 2;
			}
		}
		buffer_put_byte(out, byte);
	}
}

static const char BASE64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			     "abcdefghijklmnopqrstuvwxyz0123456789+/";

void grpc_base64_encode(struct slice bytes, struct buffer *out)
{
	uint32_t bits = 0;
	uint32_t bit_count = 0;

	for (size_t i = 0; i < bytes.size; i++) {
		bits = bits << 8 | bytes.data[i];
		bit_count += 8;
		while (bit_count >= 6) {
			bit_count -= 6;
			buffer_put_byte(
				out, (uint8_t)BASE64[bits >> bit_count & 63]);
		}
	}
	if (bit_count > 0)
		buffer_put_byte(out,
				(uint8_t)BASE64[bits << (6 - bit_count) & 63]);
}

static struct slice without_padding(struct slice text)
{
	for (uint32_t i = 0; i < 2; i++) {
		if (text.size > 0 && text.data[text.size - 1] == '=')
			text.size--;
	}
	return text;
}

bool grpc_base64_decode(struct slice text, struct buffer *out)
{
	struct slice digits = without_padding(text);
	uint32_t bits = 0;
	uint32_t bit_count = 0;

	if (digits.size % 4 == 1)
		return false;
	for (size_t i = 0; i < digits.size; i++) {
		const char *at = memchr(BASE64, digits.data[i], 64);

		if (at == NULL)
			return false;
		bits = bits << 6 | (uint32_t)(at - BASE64);
		bit_count += 6;
		if (bit_count >= 8) {
			bit_count -= 8;
			buffer_put_byte(out, (uint8_t)(bits >> bit_count));
		}
	}
	return true;
}
