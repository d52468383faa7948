/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * rejoin: the operator's order to go on from a journal that may lack what the
 * city once said: a restored backup, or an empty database (rule PEER-22).
 * clearctl rejoin puts it into DATA/state; the node records it (event
 * REJOINED), and takes it away once that is durable.
 */
#ifndef CLEARING_NODE_REJOIN_H
#define CLEARING_NODE_REJOIN_H

#include <limits.h>
#include <stdbool.h>

#include "base/check.h"
#include "core/event.h"
#include "core/identity.h"

#define REJOIN_FILE "state/rejoin"
#define REJOIN_HEAD_FILE "state/head"
/* Where the acknowledged head goes that the journal no longer has. */
#define REJOIN_HEAD_KEPT_FILE "state/head.before-rejoin"

struct rejoin_order {
	char actor[IDENTITY_URI_SIZE_MAX + 1]; /* an operator of the city */
	char reason[EVENT_NOTE_SIZE_MAX + 1];  /* 1 to 140 bytes of text */
	bool open_early; /* to local commands, before the books are rebuilt */
};

enum rejoin_result {
	REJOIN_ORDERED = 0,
	REJOIN_NOT_ORDERED, /* no file */
	REJOIN_DAMAGED,	    /* not what rejoin_order() writes */
	REJOIN_UNREADABLE,  /* errno tells why */
};

/*
 * rejoin_order: put @order into @data_dir, and the head acknowledged before
 * aside, so that the node starts.  It must not run.
 *
 * Returns false with errno set; nothing has been ordered then.
 */
bool rejoin_order(const char *data_dir,
		  const struct rejoin_order *order) MUST_CHECK;

/* rejoin_read: the order in @data_dir; @out is written on REJOIN_ORDERED. */
enum rejoin_result rejoin_read(const char *data_dir,
			       struct rejoin_order *out) MUST_CHECK;

/* rejoin_done: take the order away.  False with errno set. */
bool rejoin_done(const char *data_dir) MUST_CHECK;

#endif
