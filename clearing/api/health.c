/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* grpc.health.v1.Health/Check; Watch is a stream, which the node serves. */
#include "api/handler.h"

/* HealthCheckResponse.ServingStatus */
enum { HEALTH_SERVING = 1, HEALTH_NOT_SERVING = 2, HEALTH_UNKNOWN = 3 };

uint32_t api_health(const struct api *api, struct slice service)
{
	if (service.size > 0 && !rpc_service_known(service))
		return HEALTH_UNKNOWN;
	/* (rule RPC-11): draining too is not serving. */
	return api->state == NODE_SERVING ? HEALTH_SERVING : HEALTH_NOT_SERVING;
}

void handle_health_check(struct api *api, struct api_call *call,
			 uint64_t now_us)
{
	struct slice service = { 0 };
	uint32_t status;
	bool ok;

	(void)now_us;
	do {
		ok = decode_health_check(call->message, &call->arena, &service);
	} while (handler_decode_again(call, ok));
	if (!ok) {
		reply_error_now(call, REQUEST_OVERLOADED, NULL);
		return;
	}
	status = api_health(api, service);
	if (status == HEALTH_UNKNOWN) {
		reply_error_now(call, REQUEST_SERVICE_UNKNOWN, NULL);
		return;
	}
	do {
		encode_health_check(&call->reply, status);
	} while (handler_encode_again(call));
	reply_ok_now(call);
}
