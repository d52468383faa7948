/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "core/netting_check.h"

const char *netting_verdict_name(enum netting_verdict verdict)
{
	switch (verdict) {
	case NETTING_PROVEN:
		return "PROVEN";
	case NETTING_INPUT_UNSOUND:
		return "INPUT_UNSOUND";
	case NETTING_OUT_OF_BOUNDS:
		return "OUT_OF_BOUNDS";
	case NETTING_UNBALANCED:
		return "UNBALANCED";
	case NETTING_PAST_LIMIT:
		return "PAST_LIMIT";
	case NETTING_SUM_WRONG:
		return "SUM_WRONG";
	case NETTING_POTENTIAL_TOO_FAR:
		return "POTENTIAL_TOO_FAR";
	case NETTING_NOT_PROVEN_GREATEST:
		return "NOT_PROVEN_GREATEST";
	}
	return "UNKNOWN";
}

const char *netting_verdict_sentence(enum netting_verdict verdict)
{
	switch (verdict) {
	case NETTING_PROVEN:
		return "sound, and no set-off clears more";
	case NETTING_INPUT_UNSOUND:
		return "the obligations themselves are not sound";
	case NETTING_OUT_OF_BOUNDS:
		return "a set-off is below zero or above what was open";
	case NETTING_UNBALANCED:
		return "a node gives more or less than it gets";
	case NETTING_PAST_LIMIT:
		return "an account passes its credit limit or its ceiling";
	case NETTING_SUM_WRONG:
		return "the sum is not that of the set-offs";
	case NETTING_POTENTIAL_TOO_FAR:
		return "a potential is out of range";
	case NETTING_NOT_PROVEN_GREATEST:
		return "the potentials allow to clear more: not proven to be "
		       "the greatest";
	}
	return "an unknown verdict";
}

/* Per node. */
struct sums {
	__int128 net;	  /* given less got */
	int64_t open_out; /* of what it owes */
	int64_t open_in;  /* of what it is owed */
};

/* A check under way. */
struct checking {
	const struct netting_input *input;
	const struct netting_solution *solution;
	const struct netting_pool *pool; /* NULL: the first stage */
	struct sums *sums;
	int64_t cost; /* of an obligation: what clearing 1 of it is worth */
};

size_t netting_check_memory_size(uint32_t node_count)
{
	return (size_t)node_count * sizeof(struct sums);
}

static bool input_is_sound(const struct netting_input *input)
{
	__int128 total = 0;

	if (input->node_count > NETTING_NODES_MAX ||
	    input->obligation_count > NETTING_OBLIGATIONS_MAX)
		return false;
	for (uint32_t i = 0; i < input->obligation_count; i++) {
		const struct netting_obligation *obligation =
			&input->obligations[i];

		if (obligation->debtor >= input->node_count ||
		    obligation->creditor >= input->node_count ||
		    obligation->amount <= 0)
			return false;
		total += obligation->amount;
	}
	return total <= NETTING_TOTAL_MAX;
}

/* What may be taken of obligation @index; below 0: too much was before. */
static int64_t open_of(const struct checking *checking, uint32_t index)
{
	int64_t amount = checking->input->obligations[index].amount;
	int64_t before = 0;

	if (checking->pool != NULL)
		before = checking->pool->set_off[index];
	return before < 0 ? -1 : amount - before;
}

/* Bounds; and what each node gives and gets. */
static enum netting_verdict add_up(const struct checking *checking)
{
	const struct netting_input *input = checking->input;
	__int128 cleared = 0;

	for (uint32_t v = 0; v < input->node_count; v++)
		checking->sums[v] = (struct sums){ 0 };
	for (uint32_t i = 0; i < input->obligation_count; i++) {
		struct sums *debtor =
			&checking->sums[input->obligations[i].debtor];
		struct sums *creditor =
			&checking->sums[input->obligations[i].creditor];
		int64_t taken = checking->solution->set_off[i];
		int64_t open = open_of(checking, i);

		if (open < 0 || taken < 0 || taken > open)
			return NETTING_OUT_OF_BOUNDS;
		debtor->net += taken;
		creditor->net -= taken;
		/* What one owes oneself needs nothing of a pool. */
		if (debtor != creditor) {
			debtor->open_out += open;
			creditor->open_in += open;
		}
		cleared += taken;
	}
	return cleared == checking->solution->cleared ? NETTING_PROVEN
						      : NETTING_SUM_WRONG;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The account's bounds, no larger than its open obligations. */
static struct netting_account account_of(const struct checking *checking,
					 uint32_t node)
{
	const struct sums *sums = &checking->sums[node];
	struct netting_account account = { 0 };

	if (checking->pool == NULL)
		return account;
	account = checking->pool->accounts[node];
	account.own = least(account.own, sums->open_out);
	if (account.own < 0)
		account.own = 0;
	account.credit = least(account.credit, sums->open_out - account.own);
	if (account.credit < 0)
		account.credit = 0;
	account.room = least(account.room, sums->open_in);
	if (account.room < 0)
		account.room = 0;
	return account;
}

/* Nets within what each node may; the credit drawn is what was said. */
static enum netting_verdict check_nets(const struct checking *checking)
{
	__int128 credit = 0;

	for (uint32_t v = 0; v < checking->input->node_count; v++) {
		struct netting_account account = account_of(checking, v);
		__int128 net = checking->sums[v].net;

		if (checking->pool == NULL && net != 0)
			return NETTING_UNBALANCED;
		if (net > (__int128)account.own + account.credit ||
		    net < -(__int128)account.room)
			return NETTING_PAST_LIMIT;
		if (net > account.own)
			credit += net - account.own;
	}
	if (checking->pool != NULL && credit != checking->solution->credit)
		return NETTING_SUM_WRONG;
	return NETTING_PROVEN;
}

static __int128 gain(int64_t amount, int64_t each)
{
	return each > 0 ? (__int128)amount * each : 0;
}

/* D: what no set-off can be worth more than, whatever the potentials. */
static __int128 bound(const struct checking *checking)
{
	const struct netting_input *input = checking->input;
	const int64_t *potentials = checking->solution->potentials;
	__int128 sum = 0;

	for (uint32_t i = 0; i < input->obligation_count; i++) {
		const struct netting_obligation *obligation =
			&input->obligations[i];
		int64_t drop = potentials[obligation->debtor] -
			       potentials[obligation->creditor];

		sum += gain(open_of(checking, i), checking->cost - drop);
	}
	for (uint32_t v = 0; v < input->node_count; v++) {
		struct netting_account account = account_of(checking, v);

		sum += gain(account.own, potentials[v]) +
		       gain(account.credit, potentials[v] - 1) +
		       gain(account.room, -potentials[v]);
	}
	return sum;
}

static enum netting_verdict check_greatest(const struct checking *checking)
{
	const struct netting_solution *solution = checking->solution;
	__int128 value = (__int128)solution->cleared * checking->cost;

	if (checking->pool != NULL)
		value -= solution->credit;
	for (uint32_t v = 0; v < checking->input->node_count; v++) {
		if (solution->potentials[v] > NETTING_POTENTIAL_MAX ||
		    solution->potentials[v] < -NETTING_POTENTIAL_MAX)
			return NETTING_POTENTIAL_TOO_FAR;
	}
	return value == bound(checking) ? NETTING_PROVEN
					: NETTING_NOT_PROVEN_GREATEST;
}

static enum netting_verdict run(const struct checking *checking)
{
	enum netting_verdict verdict, nets;

	check(checking->sums != NULL || checking->input->node_count == 0);
	if (!input_is_sound(checking->input))
		return NETTING_INPUT_UNSOUND;
	verdict = add_up(checking);
	if (verdict == NETTING_OUT_OF_BOUNDS)
		return verdict;
	/* A wrong sum is told after a net that is wrong. */
	nets = check_nets(checking);
	if (nets != NETTING_PROVEN)
		return nets;
	if (verdict != NETTING_PROVEN)
		return verdict;
	return check_greatest(checking);
}

enum netting_verdict netting_check(const struct netting_input *input,
				   const struct netting_solution *solution,
				   void *memory)
{
	struct checking checking = { input, solution, NULL, memory, 1 };

	return run(&checking);
}

enum netting_verdict netting_check_draw(const struct netting_input *input,
					const struct netting_pool *pool,
					const struct netting_solution *solution,
					void *memory)
{
	struct checking checking = { input, solution, pool, memory, 2 };

	return run(&checking);
}
