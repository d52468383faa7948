/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/netting_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/netting_text.h"

#define FOLDER "/../data/netting/"
#define FILE_SIZE_MAX (1u << 20)

static void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count + 1, size);

	assert_non_null(memory);
	return memory;
}

void case_init(struct netting_case *one, uint32_t nodes, uint32_t room)
{
	*one = (struct netting_case){ .room = room };
	one->obligations = allocate(room, sizeof(one->obligations[0]));
	one->accounts = allocate(nodes, sizeof(one->accounts[0]));
	one->solution.set_off = allocate(room, sizeof(int64_t));
	one->solution.potentials = allocate(nodes, sizeof(int64_t));
	one->drawn.set_off = allocate(room, sizeof(int64_t));
	one->drawn.potentials = allocate(nodes, sizeof(int64_t));
	one->input = (struct netting_input){ one->obligations, 0, nodes };
}

void case_release(struct netting_case *one)
{
	free(one->obligations);
	free(one->accounts);
	free(one->solution.set_off);
	free(one->solution.potentials);
	free(one->drawn.set_off);
	free(one->drawn.potentials);
}

void case_add(struct netting_case *one, uint32_t debtor, uint32_t creditor,
	      int64_t amount)
{
	assert_true(one->input.obligation_count < one->room);
	one->obligations[one->input.obligation_count++] =
		(struct netting_obligation){ debtor, creditor, amount };
}

void case_make_source(struct netting_case *one)
{
	uint32_t nodes = 26, loops = 6;

	case_init(one, nodes, nodes * (loops + 1));
	for (uint32_t loop = 1; loop <= loops; loop++) {
		/* 1, 3, 5, ... are prime to 26, so a loop has all nodes. */
		uint32_t hop = 2 * loop - 1;
		int64_t amount = 1 + case_random(9);

		for (uint32_t v = 0; v < nodes; v++)
			case_add(one, v, (v + hop) % nodes, amount);
	}
	for (uint32_t v = 1; v < nodes; v++)
		case_add(one, 0, v, 1 + case_random(12));
}

struct slice case_file(const char *name)
{
	char path[512];
	const char *slash = strrchr(__FILE__, '/');
	uint8_t *bytes = malloc(FILE_SIZE_MAX);
	size_t size;
	FILE *file;

	assert_true(bytes != NULL && slash != NULL);
	snprintf(path, sizeof(path), "%.*s" FOLDER "%s",
		 (int)(slash - __FILE__), __FILE__, name);
	file = fopen(path, "rb");
	if (file == NULL)
		fail_msg("%s is missing", path);
	size = fread(bytes, 1, FILE_SIZE_MAX, file);
	assert_true(size < FILE_SIZE_MAX);
	fclose(file);
	return slice_of(bytes, size);
}

void case_read(struct netting_case *one, const char *name)
{
	struct slice text = case_file(name);
	struct netting_fault fault = { 0 };
	uint32_t nodes, count;

	if (!netting_text_head(text, &nodes, &count, &fault))
		fail_msg("%s:%u: %s", name, fault.line, fault.what);
	case_init(one, nodes, count);
	if (!netting_text_obligations(text, one->obligations, &fault))
		fail_msg("%s:%u: %s", name, fault.line, fault.what);
	one->input.obligation_count = count;
	free((void *)(uintptr_t)text.data);
}

static size_t aligned(size_t size)
{
	return (size + 63) / 64 * 64 + 64;
}

/* Memory is handed over dirty: nobody may count on zeros. */
static void *dirty(size_t size)
{
	void *memory = aligned_alloc(64, aligned(size));

	assert_non_null(memory);
	memset(memory, 0xa5, aligned(size));
	return memory;
}

enum netting_result case_solve(struct netting_case *one)
{
	void *memory = dirty(netting_memory_size(one->input.node_count,
						 one->input.obligation_count));
	enum netting_result result = netting_solve(&one->input, &one->options,
						   memory, &one->solution);

	free(memory);
	return result;
}

static struct netting_pool pool_of(const struct netting_case *one)
{
	return (struct netting_pool){ one->accounts, one->solution.set_off };
}

enum netting_result case_draw(struct netting_case *one)
{
	void *memory = dirty(netting_draw_memory_size(
		one->input.node_count, one->input.obligation_count));
	struct netting_pool pool = pool_of(one);
	enum netting_result result = netting_draw(
		&one->input, &pool, &one->options, memory, &one->drawn);

	free(memory);
	return result;
}

enum netting_verdict case_verdict(struct netting_case *one)
{
	void *memory = dirty(netting_check_memory_size(one->input.node_count));
	enum netting_verdict verdict =
		netting_check(&one->input, &one->solution, memory);

	free(memory);
	return verdict;
}

enum netting_verdict case_draw_verdict(struct netting_case *one)
{
	void *memory = dirty(netting_check_memory_size(one->input.node_count));
	struct netting_pool pool = pool_of(one);
	enum netting_verdict verdict =
		netting_check_draw(&one->input, &pool, &one->drawn, memory);

	free(memory);
	return verdict;
}

void case_expect(struct netting_case *one, int64_t cleared)
{
	assert_int_equal(case_solve(one), NETTING_OK);
	assert_int_equal(one->solution.cleared, cleared);
	assert_string_equal(netting_verdict_sentence(case_verdict(one)),
			    netting_verdict_sentence(NETTING_PROVEN));
	for (uint32_t v = 0; v < one->input.node_count; v++)
		assert_in_range(one->solution.potentials[v], 0,
				one->input.node_count);
}

/* ---- the slow one */

#define SLOW_ARCS_MAX 300
#define SLOW_NODES_MAX 32

struct slow_arc {
	uint32_t from, to;
	int64_t left, gain;
};

struct slow {
	struct slow_arc arcs[2 * SLOW_ARCS_MAX]; /* each, then its reverse */
	uint32_t count, nodes;
	int64_t sum;
};

static void slow_add(struct slow *slow, uint32_t from, uint32_t to,
		     int64_t left, int64_t gain)
{
	assert_true(slow->count + 2 <= COUNT_OF(slow->arcs));
	slow->arcs[slow->count++] = (struct slow_arc){ from, to, left, gain };
	slow->arcs[slow->count++] = (struct slow_arc){ to, from, 0, -gain };
}

/* Longest ways from anywhere; a node that still gains is behind a loop. */
static uint32_t slow_find(const struct slow *slow, uint32_t *before)
{
	int64_t gains[SLOW_NODES_MAX] = { 0 };
	uint32_t changed = UINT32_MAX;

	for (uint32_t pass = 0; pass <= slow->nodes; pass++) {
		changed = UINT32_MAX;
		for (uint32_t i = 0; i < slow->count; i++) {
			const struct slow_arc *arc = &slow->arcs[i];

			if (arc->left > 0 &&
			    gains[arc->from] + arc->gain > gains[arc->to]) {
				gains[arc->to] = gains[arc->from] + arc->gain;
				before[arc->to] = i;
				changed = arc->to;
			}
		}
		if (changed == UINT32_MAX)
			return UINT32_MAX;
	}
	for (uint32_t i = 0; i < slow->nodes; i++)
		changed = slow->arcs[before[changed]].from;
	return changed;
}

static int64_t slow_run(struct slow *slow)
{
	uint32_t before[SLOW_NODES_MAX] = { 0 }, node;

	assert_true(slow->nodes <= SLOW_NODES_MAX);
	while ((node = slow_find(slow, before)) != UINT32_MAX) {
		int64_t least = INT64_MAX;
		uint32_t at = node;

		do {
			struct slow_arc *arc = &slow->arcs[before[at]];

			least = arc->left < least ? arc->left : least;
			at = arc->from;
		} while (at != node);
		do {
			uint32_t i = before[at];

			slow->arcs[i].left -= least;
			slow->arcs[i ^ 1].left += least;
			slow->sum += least * slow->arcs[i].gain;
			at = slow->arcs[i].from;
		} while (at != node);
	}
	return slow->sum;
}

int64_t case_slow(const struct netting_case *one)
{
	struct slow slow = { .nodes = one->input.node_count };

	for (uint32_t i = 0; i < one->input.obligation_count; i++)
		slow_add(&slow, one->obligations[i].debtor,
			 one->obligations[i].creditor,
			 one->obligations[i].amount, 1);
	return slow_run(&slow);
}

int64_t case_slow_draw(const struct netting_case *one, int64_t weight)
{
	uint32_t pool = one->input.node_count;
	struct slow slow = { .nodes = pool + 1 };

	for (uint32_t i = 0; i < one->input.obligation_count; i++)
		slow_add(&slow, one->obligations[i].debtor,
			 one->obligations[i].creditor,
			 one->obligations[i].amount - one->solution.set_off[i],
			 weight);
	for (uint32_t v = 0; v < pool; v++) {
		slow_add(&slow, pool, v, one->accounts[v].own, 0);
		slow_add(&slow, pool, v, one->accounts[v].credit, -1);
		slow_add(&slow, v, pool, one->accounts[v].room, 0);
	}
	return slow_run(&slow);
}

static uint64_t state = 1;

void case_seed(uint64_t seed)
{
	state = seed;
}

uint32_t case_random(uint32_t limit)
{
	state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(state >> 33) % limit;
}
