/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * method: every method this node serves, with its message types; and the
 * embedded descriptor set that reflection answers from.
 */
#ifndef CLEARING_WIRE_METHOD_H
#define CLEARING_WIRE_METHOD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* Order of the table in method.c; api/ keeps tables in the same order. */
enum rpc {
	RPC_OPEN_ACCOUNT,
	RPC_GET_ACCOUNT,
	RPC_LIST_ACCOUNTS,
	RPC_SET_ACCOUNT_LIMITS,
	RPC_FREEZE_ACCOUNT,
	RPC_UNFREEZE_ACCOUNT,
	RPC_CLOSE_ACCOUNT,
	RPC_POST_TRANSFERS,
	RPC_GET_TRANSFER,
	RPC_PLACE_HOLD,
	RPC_POST_HOLD,
	RPC_VOID_HOLD,
	RPC_GET_HOLD,
	RPC_LIST_HOLDS,
	RPC_GET_BALANCE,
	RPC_GET_STATEMENT,
	RPC_LIST_ENTRIES,
	RPC_GET_NODE,
	RPC_HELLO,
	RPC_DELIVER,
	RPC_FETCH_LOG,
	RPC_QUOTE_PAYEE,
	RPC_QUERY_OUTCOME,
	RPC_RELEASE_PAYMENT,
	RPC_FORWARD_PAYMENT_REQUEST,
	RPC_QUOTE_PAYMENT,
	RPC_PAY,
	RPC_SETTLE_PAYMENT,
	RPC_CANCEL_PAYMENT,
	RPC_GET_PAYMENT,
	RPC_LIST_PAYMENTS,
	RPC_GET_RECEIPT,
	RPC_REQUEST_PAYMENT,
	RPC_LIST_PAYMENT_REQUESTS,
	RPC_DECLINE_PAYMENT_REQUEST,
	RPC_GET_LINK,
	RPC_GET_LINK_STATEMENT,
	RPC_RECONCILE_LINK,
	RPC_SET_LINE,
	RPC_FREEZE_LINK,
	RPC_UNFREEZE_LINK,
	RPC_PAUSE_LINK,
	RPC_RESUME_LINK,
	RPC_WITHDRAW_LINK,
	RPC_GET_ROSTER,
	RPC_LIST_CITIES,
	RPC_LIST_LINKS,
	RPC_HEALTH_CHECK,
	RPC_HEALTH_WATCH,
	RPC_REFLECTION_V1,
	RPC_REFLECTION_V1ALPHA,
};

#define RPC_COUNT 51

struct rpc_method {
	const char *path;    /* "/clearing.v1.AccountService/OpenAccount" */
	const void *request; /* ProtobufCMessageDescriptor */
	const void *response;
	enum rpc rpc;
	bool client_streams; /* reflection */
};

/* rpc_method_find: the method served under @path, or NULL. */
const struct rpc_method *rpc_method_find(struct slice path);

/* rpc_method_at: the table's entry for @rpc. */
const struct rpc_method *rpc_method_at(enum rpc rpc);

/*
 * rpc_request_valid: is @bytes a well-formed request of @method?
 * (validate.h over the method's request type.)
 */
bool rpc_request_valid(const struct rpc_method *method, struct slice bytes);

/* rpc_service_known: is @service ("clearing.v1.HoldService") served here? */
bool rpc_service_known(struct slice service);

#endif
