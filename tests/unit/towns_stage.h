/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * towns_stage: cities for tests that tell one story each: two or three in a
 * row, the first two by name; set up and struck around each test.
 */
#ifndef CLEARING_TESTS_UNIT_TOWNS_STAGE_H
#define CLEARING_TESTS_UNIT_TOWNS_STAGE_H

#include "unit/towns.h"

extern struct towns *towns;
extern struct town *alpha, *beta;

/* For cmocka_unit_test_setup_teardown(). */
int towns_stage_two(void **state);
int towns_stage_three(void **state);
int towns_strike(void **state);

#endif
