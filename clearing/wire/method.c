/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "wire/method.h"

#include "clearing/v1/account.pb-c.h"
#include "clearing/v1/hold.pb-c.h"
#include "clearing/v1/node.pb-c.h"
#include "clearing/v1/statement.pb-c.h"
#include "clearing/v1/transfer.pb-c.h"
#include "grpc/health/v1/health.pb-c.h"
#include "grpc/reflection/v1/reflection.pb-c.h"
#include "grpc/reflection/v1alpha/reflection.pb-c.h"

#include "base/check.h"
#include "wire/validate.h"

#define METHOD(rpc_, path_, prefix)                            \
	[rpc_] = { .path = (path_),                            \
		   .request = &prefix##_request__descriptor,   \
		   .response = &prefix##_response__descriptor, \
		   .rpc = (rpc_) }

#define REFLECTION(rpc_, path_, prefix)                        \
	[rpc_] = { .path = (path_),                            \
		   .request = &prefix##_request__descriptor,   \
		   .response = &prefix##_response__descriptor, \
		   .rpc = (rpc_),                              \
		   .client_streams = true }

static const struct rpc_method methods[RPC_COUNT] = {
	METHOD(RPC_OPEN_ACCOUNT, "/clearing.v1.AccountService/OpenAccount",
	       clearing__v1__open_account),
	METHOD(RPC_GET_ACCOUNT, "/clearing.v1.AccountService/GetAccount",
	       clearing__v1__get_account),
	METHOD(RPC_LIST_ACCOUNTS, "/clearing.v1.AccountService/ListAccounts",
	       clearing__v1__list_accounts),
	METHOD(RPC_SET_ACCOUNT_LIMITS,
	       "/clearing.v1.AccountService/SetAccountLimits",
	       clearing__v1__set_account_limits),
	METHOD(RPC_FREEZE_ACCOUNT, "/clearing.v1.AccountService/FreezeAccount",
	       clearing__v1__freeze_account),
	METHOD(RPC_UNFREEZE_ACCOUNT,
	       "/clearing.v1.AccountService/UnfreezeAccount",
	       clearing__v1__unfreeze_account),
	METHOD(RPC_CLOSE_ACCOUNT, "/clearing.v1.AccountService/CloseAccount",
	       clearing__v1__close_account),
	METHOD(RPC_POST_TRANSFERS, "/clearing.v1.TransferService/PostTransfers",
	       clearing__v1__post_transfers),
	METHOD(RPC_GET_TRANSFER, "/clearing.v1.TransferService/GetTransfer",
	       clearing__v1__get_transfer),
	METHOD(RPC_PLACE_HOLD, "/clearing.v1.HoldService/PlaceHold",
	       clearing__v1__place_hold),
	METHOD(RPC_POST_HOLD, "/clearing.v1.HoldService/PostHold",
	       clearing__v1__post_hold),
	METHOD(RPC_VOID_HOLD, "/clearing.v1.HoldService/VoidHold",
	       clearing__v1__void_hold),
	METHOD(RPC_GET_HOLD, "/clearing.v1.HoldService/GetHold",
	       clearing__v1__get_hold),
	METHOD(RPC_LIST_HOLDS, "/clearing.v1.HoldService/ListHolds",
	       clearing__v1__list_holds),
	METHOD(RPC_GET_BALANCE, "/clearing.v1.StatementService/GetBalance",
	       clearing__v1__get_balance),
	METHOD(RPC_GET_STATEMENT, "/clearing.v1.StatementService/GetStatement",
	       clearing__v1__get_statement),
	METHOD(RPC_LIST_ENTRIES, "/clearing.v1.StatementService/ListEntries",
	       clearing__v1__list_entries),
	METHOD(RPC_GET_NODE, "/clearing.v1.NodeService/GetNode",
	       clearing__v1__get_node),
	METHOD(RPC_HEALTH_CHECK, "/grpc.health.v1.Health/Check",
	       grpc__health__v1__health_check),
	METHOD(RPC_HEALTH_WATCH, "/grpc.health.v1.Health/Watch",
	       grpc__health__v1__health_check),
	REFLECTION(RPC_REFLECTION_V1,
		   "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
		   grpc__reflection__v1__server_reflection),
	REFLECTION(RPC_REFLECTION_V1ALPHA,
		   "/grpc.reflection.v1alpha.ServerReflection/"
		   "ServerReflectionInfo",
		   grpc__reflection__v1alpha__server_reflection),
};

const struct rpc_method *rpc_method_find(struct slice path)
{
	for (uint32_t i = 0; i < RPC_COUNT; i++) {
		if (slice_equal(path, slice_from_text(methods[i].path)))
			return &methods[i];
	}
	return NULL;
}

const struct rpc_method *rpc_method_at(enum rpc rpc)
{
	check((uint32_t)rpc < RPC_COUNT);
	check(methods[rpc].rpc == rpc && methods[rpc].path != NULL);
	return &methods[rpc];
}

bool rpc_request_valid(const struct rpc_method *method, struct slice bytes)
{
	check(method != NULL);
	return message_valid(method->request, bytes);
}

bool rpc_service_known(struct slice service)
{
	for (uint32_t i = 0; i < RPC_COUNT; i++) {
		struct slice path =
			slice_from(slice_from_text(methods[i].path), 1);

		if (slice_equal(service,
				slice_upto(path, slice_find(path, '/'))))
			return true;
	}
	return false;
}
