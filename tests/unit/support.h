/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * support: what every unit test includes: cmocka with its prerequisites.
 * support.c provides clearing_panic(), which fails the running test.
 */
#ifndef CLEARING_TESTS_SUPPORT_H
#define CLEARING_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
