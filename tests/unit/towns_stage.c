/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/towns_stage.h"

struct towns *towns;
struct town *alpha, *beta;

static int stage(uint32_t count)
{
	towns = towns_create(count);
	alpha = &towns->town[0];
	beta = &towns->town[1];
	return 0;
}

int towns_stage_two(void **state)
{
	(void)state;
	return stage(2);
}

int towns_stage_three(void **state)
{
	(void)state;
	return stage(3);
}

int towns_strike(void **state)
{
	(void)state;
	towns_free(towns);
	return 0;
}
