/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * planted: known bugs that the simulator must find, so that its silence means
 * something.  A build of the product has none of them: PLANTED(NAME) is 0
 * unless the test's build says -DCLEARING_PLANTED=PLANTED_NAME.
 */
#ifndef CLEARING_PEER_PLANTED_H
#define CLEARING_PEER_PLANTED_H

enum planted {
	PLANTED_NOTHING = 0,
	PLANTED_RELEASE_ON_CLOCK = 1,  /* a middle city gives up at decide_by */
	PLANTED_RELEASE_WHILE_OUT = 2, /* releases while its out-leg is open */
	PLANTED_FREE_ON_PENDING = 3,   /* own promises free capacity */
	PLANTED_LINE_WITHOUT_OPEN = 4, /* exposure without what is pending */
	PLANTED_SEAL_AT_SEND = 5,      /* batches formed anew when sent */
	PLANTED_APPEND_EARLY = 6,      /* before reconciliation in this life */
	PLANTED_HEAD_UNCHECKED = 7,    /* a hash mismatch is accepted */
	PLANTED_OLD_LIFE_TAKEN = 8,    /* a batch of an old incarnation */
	PLANTED_ANSWER_BEFORE_COMMIT = 9,
	PLANTED_NOT_CAUGHT_UP = 10,    /* promises taken before catching up */
	PLANTED_PROOF_UNCHECKED = 11,  /* a Settle that nobody decided */
	PLANTED_VOID_UNASKED = 12,     /* a middle city is GONE: just void */
	PLANTED_SETTLE_OVER_GONE = 13, /* after it was said: never */
};

#ifndef CLEARING_PLANTED
#define CLEARING_PLANTED PLANTED_NOTHING
#endif

#define PLANTED(name) (CLEARING_PLANTED == PLANTED_##name)

#endif
