/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * payment: what `pay` and `request pay` do alike: quote, ask the person, send,
 * wait, tell how it ended.
 */
#ifndef CLEARING_TOOLS_CLEARCTL_PAYMENT_H
#define CLEARING_TOOLS_CLEARCTL_PAYMENT_H

#include <stdio.h>

#include "tools/clearctl/session.h"

/*
 * payment_known: is the payment of --id begun, or ended, already?  Then the
 * order is sent again to hear how it stands: a quote of now, and whether the
 * person would pay now, have nothing to do with that.
 *
 * Returns false after telling that it could not be looked up.
 */
bool payment_known(struct session *session, bool *known) MUST_CHECK;

/*
 * payment_quote: ask what the payment would take, and show it to a person.
 *
 * @request  of QuotePayment; released.
 * Returns the answer; NULL after telling why it cannot be paid: the payee
 * could not receive it, or there is no way.  Nothing was sent then.
 */
json_t *payment_quote(struct session *session, json_t *request) MUST_CHECK;

/*
 * payment_told_on: where a person reads what is to be paid: stdout; with --json
 * stderr, if payment_confirmed() will ask, else NULL: nobody reads it.
 */
FILE *payment_told_on(const struct session *session) MUST_CHECK;

/*
 * payment_confirmed: at a terminal, and without --yes, ask; without a terminal
 * go on.  False after telling that nothing was sent.
 */
bool payment_confirmed(struct session *session) MUST_CHECK;

/*
 * payment_send: Pay with an id, --memo and --wait added, then tell how it
 * ended; the exit status.
 *
 * @request  what is paid; released.
 * @quote    shown with --json; released; NULL: none was asked for.
 */
int payment_send(struct session *session, json_t *request, json_t *quote);

#endif
