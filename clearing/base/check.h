/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * check: the difference between a programmer error and everything else.
 *
 * check() stays on in every build and stops the process; it never guards data
 * that came from outside (that is a refusal or an environment error).  The
 * pure layers have no way of their own to stop a process: the program that
 * links them provides clearing_panic(), the one symbol they may lack.
 */
#ifndef CLEARING_BASE_CHECK_H
#define CLEARING_BASE_CHECK_H

/* The result of a fallible function must be looked at. */
#define MUST_CHECK __attribute__((warn_unused_result))

/*
 * clearing_panic: say where the programmer was wrong, and end the process.
 *
 * @file, @line, @what  the check that failed.
 *
 * Provided by the program (node/panic.c, tests/unit/support.c).
 */
_Noreturn void clearing_panic(const char *file, int line, const char *what);

#define check(cond) \
	((cond) ? (void)0 : clearing_panic(__FILE__, __LINE__, #cond))

#endif
