/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * fuzz_netting: any bytes as a file of obligations, with a certificate behind
 * a NUL, if there is one.
 *
 * What is taken has one form; what may be solved is solved and proven, with
 * either guard; no bytes make a checker read or add past an end.
 */
#include <stdlib.h>
#include <string.h>

#include "core/netting_check.h"
#include "core/netting_text.h"

#define NODES_MAX 4096 /* more would only take longer */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *allocate(size_t size)
{
	void *memory = aligned_alloc(64, (size + 127) / 64 * 64);

	check(memory != NULL);
	memset(memory, 0xa5, (size + 127) / 64 * 64);
	return memory;
}

static void check_text_again(struct slice text,
			     const struct netting_input *input)
{
	size_t size = netting_text_size(input);
	uint8_t *memory = allocate(size);
	struct buffer again;

	buffer_init(&again, memory, size);
	netting_text_write(&again, input);
	check(!again.overflowed && slice_equal(buffer_view(&again), text));
	free(memory);
}

static void check_certificate(struct slice text,
			      const struct netting_input *input,
			      struct netting_solution *solution, void *memory)
{
	struct netting_fault fault = { 0 };

	if (netting_certificate_read(text, input, solution, &fault))
		(void)!netting_check(input, solution, memory);
	else
		check(fault.line > 0 && fault.what != NULL);
}

static void check_solved(const struct netting_input *input,
			 struct netting_solution *solution, void *memory)
{
	uint32_t nodes = input->node_count;
	uint32_t count = input->obligation_count, fault = UINT32_MAX;
	void *room = allocate(netting_memory_size(nodes, count));
	int64_t cleared;

	if (netting_check_input(input, &fault) != NETTING_OK) {
		check(fault < count);
		check(netting_check(input, solution, memory) ==
		      NETTING_INPUT_UNSOUND);
		free(room);
		return;
	}
	check(netting_solve(input, &(struct netting_options){ 0 }, room,
			    solution) == NETTING_OK);
	check(netting_check(input, solution, memory) == NETTING_PROVEN);
	cleared = solution->cleared;
	check(netting_solve(input, &(struct netting_options){ .update_max = 1 },
			    room, solution) == NETTING_OK);
	check(netting_check(input, solution, memory) == NETTING_PROVEN);
	check(solution->cleared == cleared);
	free(room);
}

static void check_all(struct slice text, struct slice certificate,
		      const struct netting_input *input)
{
	struct netting_solution solution = { 0 };
	void *memory = allocate(netting_check_memory_size(input->node_count));

	solution.set_off = allocate(input->obligation_count * sizeof(int64_t));
	solution.potentials = allocate(input->node_count * sizeof(int64_t));
	check_text_again(text, input);
	check_certificate(certificate, input, &solution, memory);
	check_solved(input, &solution, memory);
	free(solution.set_off);
	free(solution.potentials);
	free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice all = slice_of(data, size);
	size_t end = slice_find(all, 0);
	struct slice text = slice_upto(all, end);
	struct netting_obligation *obligations;
	struct netting_input input = { 0 };
	struct netting_fault fault = { 0 };

	if (!netting_text_head(text, &input.node_count, &input.obligation_count,
			       &fault)) {
		check(fault.line > 0 && fault.what != NULL);
		return 0;
	}
	if (input.node_count > NODES_MAX)
		return 0;
	obligations = allocate(input.obligation_count * sizeof(obligations[0]));
	input.obligations = obligations;
	if (netting_text_obligations(text, obligations, &fault))
		check_all(text, slice_from(all, end < size ? end + 1 : size),
			  &input);
	else
		check(fault.line > 0 && fault.what != NULL);
	free(obligations);
	return 0;
}
