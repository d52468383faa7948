/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Within each ordered pair of debtor and creditor: oldest due first. */
#include "core/netting.h"

size_t netting_oldest_memory_size(uint32_t obligation_count)
{
	return 2 * (size_t)obligation_count * sizeof(uint32_t);
}

struct ages {
	const struct netting_obligation *obligations;
	const int64_t *due;
};

static bool is_pair(const struct ages *ages, uint32_t a, uint32_t b)
{
	return ages->obligations[a].debtor == ages->obligations[b].debtor &&
	       ages->obligations[a].creditor == ages->obligations[b].creditor;
}

/* By pair, then age; equal ones keep their order. */
static bool goes_after(const struct ages *ages, uint32_t a, uint32_t b)
{
	const struct netting_obligation *one = &ages->obligations[a];
	const struct netting_obligation *other = &ages->obligations[b];

	if (one->debtor != other->debtor)
		return one->debtor > other->debtor;
	if (one->creditor != other->creditor)
		return one->creditor > other->creditor;
	return ages->due[a] > ages->due[b];
}

/* Two sorted runs of @from, [begin, middle) and [middle, end), into @to. */
static void merge(const struct ages *ages, const uint32_t *from, uint32_t *to,
		  const uint32_t bounds[3])
{
	uint32_t a = bounds[0], b = bounds[1];

	for (uint32_t at = bounds[0]; at < bounds[2]; at++) {
		bool second =
			a == bounds[1] ||
			(b < bounds[2] && goes_after(ages, from[a], from[b]));

		to[at] = second ? from[b++] : from[a++];
	}
}

static uint32_t lesser(uint64_t a, uint32_t b)
{
	return a < b ? (uint32_t)a : b;
}

/* Returns the half of @memory where the sorted indexes are. */
static const uint32_t *sort(const struct ages *ages, uint32_t count,
			    uint32_t *memory)
{
	uint32_t *from = memory, *to = memory + count;

	for (uint32_t i = 0; i < count; i++)
		from[i] = i;
	for (uint64_t width = 1; width < count; width *= 2) {
		uint32_t *other = from;

		for (uint64_t at = 0; at < count; at += 2 * width) {
			uint32_t bounds[3] = { (uint32_t)at,
					       lesser(at + width, count),
					       lesser(at + 2 * width, count) };

			merge(ages, from, to, bounds);
		}
		from = to;
		to = other;
	}
	return from;
}

void netting_oldest_first(const struct netting_input *input, const int64_t *due,
			  const int64_t *before, int64_t *set_off, void *memory)
{
	struct ages ages = { input->obligations, due };
	uint32_t count = input->obligation_count, begin = 0, end;
	const uint32_t *order = sort(&ages, count, memory);

	for (; begin < count; begin = end) {
		int64_t sum = 0;

		for (end = begin;
		     end < count && is_pair(&ages, order[begin], order[end]);
		     end++)
			sum += set_off[order[end]];
		for (uint32_t i = begin; i < end; i++) {
			int64_t open = ages.obligations[order[i]].amount;

			if (before != NULL)
				open -= before[order[i]];
			set_off[order[i]] = sum < open ? sum : open;
			sum -= set_off[order[i]];
		}
		check(sum == 0);
	}
}
