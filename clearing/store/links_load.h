/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * links_load: links and open payments from the tables, for the node's ledger
 * at a start and for the projector's own copy.  Blocking.
 */
#ifndef CLEARING_STORE_LINKS_LOAD_H
#define CLEARING_STORE_LINKS_LOAD_H

#include "core/links.h"
#include "store/pg.h"

enum links_load_result {
	LINKS_LOADED = 0,
	LINKS_LOAD_AWAY,      /* the database does not answer */
	LINKS_LOAD_DAMAGED,   /* a row that no table may have */
	LINKS_LOAD_TOO_SMALL, /* more links or payments than there is room */
};

/*
 * links_load: everything into @links, which is empty but for its name; in the
 * caller's snapshot.
 *
 * @table  receives the name of the table that does not load.
 */
enum links_load_result links_load(PGconn *connection, struct links *links,
				  const char **table) MUST_CHECK;

#endif
