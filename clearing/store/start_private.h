/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * start_private: what the files of the start share, and nobody else sees.
 */
#ifndef CLEARING_STORE_START_PRIVATE_H
#define CLEARING_STORE_START_PRIVATE_H

#include "store/block_source.h"
#include "store/pg.h"
#include "store/start.h"

struct start {
	const struct start_options *options;
	struct ledger *ledger;
	struct projector *projector;
	PGconn *connection;
	char *error; /* START_ERROR_SIZE */
	struct started found;
	uint32_t warnings; /* notices of that severity on the connection */
	/* where the tables stand */
	int64_t tables_seq; /* -1: before block 0 */
	uint8_t tables_hash[SHA256_SIZE];
};

/* start_fail: say why, and which result it is. */
enum start_result start_fail(struct start *start, enum start_result result,
			     const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* start_away: the database gave no answer; its message is the reason. */
enum start_result start_away(struct start *start);

/* start_connect: a connection for the journal, or why not. */
enum start_result start_connect(const struct database *database, PGconn **out,
				char *error);

/*
 * start_open: connect as start_connect() does, count its warnings, and see
 * which cluster it is.
 */
enum start_result start_open(struct start *start);

/* start_stopped: has the caller asked to stop? */
bool start_stopped(const struct start *start);

/* start_check_genesis: is block 0 of this federation, city and unit? */
enum start_result start_check_genesis(struct start *start);

/* start_check_head: the state file against the journal (rule JOURNAL-12). */
enum start_result start_check_head(struct start *start);

/* start_watch: is another node at work (DESIGN.md, "the writer row")? */
enum start_result start_watch(struct start *start);

/* start_take_over: put a block on the head; sets found.head. */
enum start_result start_take_over(struct start *start);

/* start_load: tables, ids of the window, tail (rules JOURNAL-19, 20). */
enum start_result start_load(struct start *start);

#endif
