/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/bench/draw.h"

#include <string.h>

#include "tools/system.h"

void draw_init(struct draw *draw, const uint64_t *accounts,
	       uint32_t account_count)
{
	check(account_count >= 2);
	*draw = (struct draw){
		.accounts = accounts,
		.account_count = account_count,
	};
	system_random((uint8_t *)&draw->state, sizeof(draw->state));
	draw->state |= 1;
}

/* xorshift64*, Vigna 2014. */
static uint64_t next(struct draw *draw)
{
	draw->state ^= draw->state >> 12;
	draw->state ^= draw->state << 25;
	draw->state ^= draw->state >> 27;
	return draw->state * UINT64_C(2685821657736338717);
}

uint32_t draw_number(struct draw *draw, uint32_t limit)
{
	return (uint32_t)((next(draw) >> 32) * limit >> 32);
}

struct id draw_id(struct draw *draw, uint64_t now_us)
{
	uint64_t random[2] = { next(draw), next(draw) };
	uint8_t tail[ID_TAIL_SIZE];

	memcpy(tail, random, sizeof(tail));
	return id_make(now_us, tail);
}

void draw_transfers(struct draw *draw, struct transfer_command *commands,
		    struct id *ids, uint32_t count, uint64_t now_us)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t debit = draw_number(draw, draw->account_count);
		uint32_t credit = draw_number(draw, draw->account_count - 1);

		if (draw->back_and_forth) {
			debit = draw->made % 2;
			credit = 0;
		}
		credit += credit >= debit;
		draw->made++;
		ids[i] = draw_id(draw, now_us);
		commands[i] = (struct transfer_command){
			.id = slice_of(ids[i].bytes, ID_SIZE),
			.debit.id = draw->accounts[debit],
			.credit.id = draw->accounts[credit],
			.amount_minor = 1 + draw_number(draw, 100),
		};
		if (draw->back_and_forth)
			commands[i].amount_minor = 1;
	}
}
