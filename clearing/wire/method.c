/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "wire/method.h"

#include "clearing/v1/account.pb-c.h"
#include "clearing/v1/federation.pb-c.h"
#include "clearing/v1/hold.pb-c.h"
#include "clearing/v1/link.pb-c.h"
#include "clearing/v1/node.pb-c.h"
#include "clearing/v1/payment.pb-c.h"
#include "clearing/v1/peer.pb-c.h"
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
	METHOD(RPC_HELLO, "/clearing.v1.PeerService/Hello",
	       clearing__v1__hello),
	METHOD(RPC_DELIVER, "/clearing.v1.PeerService/Deliver",
	       clearing__v1__deliver),
	METHOD(RPC_FETCH_LOG, "/clearing.v1.PeerService/FetchLog",
	       clearing__v1__fetch_log),
	METHOD(RPC_QUOTE_PAYEE, "/clearing.v1.PeerService/QuotePayee",
	       clearing__v1__quote_payee),
	METHOD(RPC_QUERY_OUTCOME, "/clearing.v1.PeerService/QueryOutcome",
	       clearing__v1__query_outcome),
	METHOD(RPC_RELEASE_PAYMENT, "/clearing.v1.PeerService/ReleasePayment",
	       clearing__v1__release_payment),
	METHOD(RPC_FORWARD_PAYMENT_REQUEST,
	       "/clearing.v1.PeerService/ForwardPaymentRequest",
	       clearing__v1__forward_payment_request),
	METHOD(RPC_QUOTE_PAYMENT, "/clearing.v1.PaymentService/QuotePayment",
	       clearing__v1__quote_payment),
	METHOD(RPC_PAY, "/clearing.v1.PaymentService/Pay", clearing__v1__pay),
	METHOD(RPC_SETTLE_PAYMENT, "/clearing.v1.PaymentService/SettlePayment",
	       clearing__v1__settle_payment),
	METHOD(RPC_CANCEL_PAYMENT, "/clearing.v1.PaymentService/CancelPayment",
	       clearing__v1__cancel_payment),
	METHOD(RPC_GET_PAYMENT, "/clearing.v1.PaymentService/GetPayment",
	       clearing__v1__get_payment),
	METHOD(RPC_LIST_PAYMENTS, "/clearing.v1.PaymentService/ListPayments",
	       clearing__v1__list_payments),
	METHOD(RPC_GET_RECEIPT, "/clearing.v1.PaymentService/GetReceipt",
	       clearing__v1__get_receipt),
	METHOD(RPC_REQUEST_PAYMENT,
	       "/clearing.v1.PaymentService/RequestPayment",
	       clearing__v1__request_payment),
	METHOD(RPC_LIST_PAYMENT_REQUESTS,
	       "/clearing.v1.PaymentService/ListPaymentRequests",
	       clearing__v1__list_payment_requests),
	METHOD(RPC_DECLINE_PAYMENT_REQUEST,
	       "/clearing.v1.PaymentService/DeclinePaymentRequest",
	       clearing__v1__decline_payment_request),
	METHOD(RPC_GET_LINK, "/clearing.v1.LinkService/GetLink",
	       clearing__v1__get_link),
	METHOD(RPC_GET_LINK_STATEMENT,
	       "/clearing.v1.LinkService/GetLinkStatement",
	       clearing__v1__get_link_statement),
	METHOD(RPC_RECONCILE_LINK, "/clearing.v1.LinkService/ReconcileLink",
	       clearing__v1__reconcile_link),
	METHOD(RPC_SET_LINE, "/clearing.v1.LinkService/SetLine",
	       clearing__v1__set_line),
	METHOD(RPC_FREEZE_LINK, "/clearing.v1.LinkService/FreezeLink",
	       clearing__v1__freeze_link),
	METHOD(RPC_UNFREEZE_LINK, "/clearing.v1.LinkService/UnfreezeLink",
	       clearing__v1__unfreeze_link),
	METHOD(RPC_PAUSE_LINK, "/clearing.v1.LinkService/PauseLink",
	       clearing__v1__pause_link),
	METHOD(RPC_RESUME_LINK, "/clearing.v1.LinkService/ResumeLink",
	       clearing__v1__resume_link),
	METHOD(RPC_WITHDRAW_LINK, "/clearing.v1.LinkService/WithdrawLink",
	       clearing__v1__withdraw_link),
	METHOD(RPC_GET_ROSTER, "/clearing.v1.FederationService/GetRoster",
	       clearing__v1__get_roster),
	METHOD(RPC_LIST_CITIES, "/clearing.v1.FederationService/ListCities",
	       clearing__v1__list_cities),
	METHOD(RPC_LIST_LINKS, "/clearing.v1.FederationService/ListLinks",
	       clearing__v1__list_links),
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
