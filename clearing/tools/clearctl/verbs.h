/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * verbs: what clearctl can do.  Each function carries out one verb on a
 * session that is connected (the local ones: that is not), tells what came of
 * it, and gives the exit status.
 */
#ifndef CLEARING_TOOLS_CLEARCTL_VERBS_H
#define CLEARING_TOOLS_CLEARCTL_VERBS_H

#include "tools/clearctl/session.h"

extern const struct language clearctl_language;

/* verb_usage: --help of one verb, or of all for NULL. */
void verb_usage(const struct verb *verb, FILE *out);

int verb_account_open(struct session *session);
int verb_account_list(struct session *session);
int verb_account_show(struct session *session);
int verb_account_limits(struct session *session);
int verb_account_freeze(struct session *session);
int verb_account_unfreeze(struct session *session);
int verb_account_close(struct session *session);
int verb_account_import(struct session *session);
int verb_transfer_post(struct session *session);
int verb_transfer_show(struct session *session);
int verb_transfer_import(struct session *session);
int verb_hold_place(struct session *session);
int verb_hold_post(struct session *session);
int verb_hold_void(struct session *session);
int verb_hold_show(struct session *session);
int verb_hold_list(struct session *session);
int verb_pay(struct session *session);
int verb_payment_show(struct session *session);
int verb_payment_list(struct session *session);
int verb_receipt_save(struct session *session);
int verb_receipt_verify(struct session *session);
int verb_request_send(struct session *session);
int verb_request_list(struct session *session);
int verb_request_pay(struct session *session);
int verb_request_decline(struct session *session);
int verb_link_list(struct session *session);
int verb_link_show(struct session *session);
int verb_link_statement(struct session *session);
int verb_link_reconcile(struct session *session);
int verb_link_line(struct session *session);
int verb_link_pause(struct session *session);
int verb_link_resume(struct session *session);
int verb_link_withdraw(struct session *session);
int verb_link_freeze(struct session *session);
int verb_link_unfreeze(struct session *session);
int verb_city_list(struct session *session);
int verb_balance(struct session *session);
int verb_statement(struct session *session);
int verb_export(struct session *session);
int verb_health(struct session *session);
int verb_id(struct session *session);
int verb_node(struct session *session);
int verb_init(struct session *session);
int verb_rejoin(struct session *session);
int verb_net_solve(struct session *session);
int verb_net_verify(struct session *session);
int verb_keygen(struct session *session);
int verb_federation_init(struct session *session);
int verb_federation_add_city(struct session *session);
int verb_federation_set_city(struct session *session);
int verb_federation_add_link(struct session *session);
int verb_federation_set_key(struct session *session);
int verb_federation_sign(struct session *session);
int verb_federation_show(struct session *session);
int verb_federation_verify(struct session *session);

#endif
