/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * system: what the tools read from the machine: two clocks, fresh ids, whole
 * small files.  Nothing here decides anything.
 */
#ifndef CLEARING_TOOLS_SYSTEM_H
#define CLEARING_TOOLS_SYSTEM_H

#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "core/event.h"
#include "core/id.h"

/* system_wall_us: microseconds since 1970, UTC. */
uint64_t system_wall_us(void);

/* system_monotonic_us: for spans of time. */
uint64_t system_monotonic_us(void);

/* system_id: a fresh UUIDv7 of now, with random bits from the system. */
struct id system_id(void);

/* system_random: good random bytes; ends the process when there are none. */
void system_random(uint8_t *bytes, size_t size);

/* system_sha256: SHA-256 of @bytes (OpenSSL's); a sha256_function. */
void system_sha256(struct slice bytes, uint8_t out[SHA256_SIZE]);

/* system_verify: an Ed25519 signature (OpenSSL's); a verify_function. */
bool system_verify(const uint8_t key[NODE_KEY_SIZE], struct slice bytes,
		   const uint8_t *signature);

/*
 * system_read_file: the whole file, at most 4 MiB.
 *
 * Returns malloc'ed bytes that the caller frees, with a NUL behind them, or
 * NULL with errno telling why.
 */
char *system_read_file(const char *path, size_t *size) MUST_CHECK;

/*
 * system_large: @size bytes, aligned to 64; where they are many, to 2 MiB and
 * asked for in huge pages, because nodes in no order miss the TLB at each
 * look.
 *
 * Returns what the caller frees, or NULL.
 */
void *system_large(size_t size) MUST_CHECK;

#endif
