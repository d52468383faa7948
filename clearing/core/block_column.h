/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * block_column: the varints of packed columns, without a branch a byte.
 * Private to block_encode.c and block_decode.c; inline because they stand in
 * the innermost loops.
 *
 * Every value of a column stays below 2^56, so 8 bytes hold any of them.
 */
#ifndef CLEARING_CORE_BLOCK_COLUMN_H
#define CLEARING_CORE_BLOCK_COLUMN_H

#include <string.h>

#include "base/buffer.h"
#include "base/slice.h"

/* Bytes that a value takes at most, and that column_put() may write. */
#define COLUMN_VALUE_SIZE_MAX 8
#define COLUMN_VALUE_MAX ((UINT64_C(1) << 56) - 1)

/* What column_take() gives instead of a value; all above COLUMN_VALUE_MAX. */
#define COLUMN_ENDED UINT64_MAX		  /* nothing was left */
#define COLUMN_CUT (UINT64_MAX - 1)	  /* the column ends inside a varint */
#define COLUMN_MISSHAPEN (UINT64_MAX - 2) /* too large, or not canonical */

static inline uint64_t column_little_endian(uint64_t word)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	return __builtin_bswap64(word);
#else
	return word;
#endif
}

/*
 * column_put: append @value, at most COLUMN_VALUE_MAX, at @at: its groups of
 * 7 bits spread over 8 bytes, the high bit set in all but the last.
 *
 * Always writes 8 bytes; returns where the next value goes.
 */
static inline uint8_t *column_put(uint8_t *at, uint64_t value)
{
	size_t size = varint_size(value);

	value = (value & 0x000000000fffffff) | (value & 0x00fffffff0000000)
						       << 4;
	value = (value & 0x00003fff00003fff) | (value & 0x0fffc0000fffc000)
						       << 2;
	value = (value & 0x007f007f007f007f) | (value & 0x3f803f803f803f80)
						       << 1;
	value |= 0x8080808080808080 & ((UINT64_C(1) << (8 * (size - 1))) - 1);
	value = column_little_endian(value);
	memcpy(at, &value, sizeof(value));
	return at + size;
}

/* column_gather: the value of the 8 bytes @word, high bits cleared. */
static inline uint64_t column_gather(uint64_t word)
{
	word = (word & 0x007f007f007f007f) | (word & 0x7f007f007f007f00) >> 1;
	word = (word & 0x00003fff00003fff) | (word & 0x3fff00003fff0000) >> 2;
	return (word & 0x000000000fffffff) | (word & 0x0fffffff00000000) >> 4;
}

/* column_take_last: the same where fewer than 8 bytes are left. */
static inline uint64_t column_take_last(struct slice *column)
{
	uint64_t value = 0;
	size_t size = 0;

	while (size < column->size && column->data[size] >= 0x80) {
		value |= (uint64_t)(column->data[size] & 0x7f) << (7 * size);
		size++;
	}
	if (size == column->size)
		return size == 0 ? COLUMN_ENDED : COLUMN_CUT;
	if (size > 0 && column->data[size] == 0)
		return COLUMN_MISSHAPEN;
	value |= (uint64_t)column->data[size] << (7 * size);
	*column = slice_of(column->data + size + 1, column->size - size - 1);
	return value;
}

/*
 * column_take: take the next value off the front of @column.
 *
 * Returns one of the above instead, @column then unchanged.  Never reads
 * behind the column.
 */
static inline uint64_t column_take(struct slice *column)
{
	uint64_t word, stop, size;

	if (column->size < 8)
		return column_take_last(column);
	memcpy(&word, column->data, sizeof(word));
	word = column_little_endian(word);
	stop = ~word & 0x8080808080808080;
	if (stop == 0)
		return COLUMN_MISSHAPEN;
	/* All bits up to the high bit of the last byte. */
	word &= stop ^ (stop - 1);
	size = ((uint64_t)__builtin_ctzll(stop) + 1) / 8;
	if (size > 1 && word >> (8 * (size - 1)) == 0)
		return COLUMN_MISSHAPEN;
	column->data += size;
	column->size -= size;
	return column_gather(word & 0x7f7f7f7f7f7f7f7f);
}

#endif
