/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/bench/payments.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/linklog.h"
#include "tools/system.h"
#include "wire/messages_payment.h"
#include "wire/method.h"

#define REQUEST_SIZE 512
/* A little less than the load waits for an answer. */
#define WAIT_MS 25000

enum { STATE_POSTED = 2, STATE_REFUSED = 3 };

static void fill(void *context, struct buffer *request)
{
	struct payments *payments = context;
	struct draw *draw = payments->draw;
	struct id id = draw_id(draw, system_wall_us());
	uint32_t payer = draw_number(draw, draw->account_count);
	char payee[128];
	struct pay_request pay = {
		.command = { .id = slice_of(id.bytes, ID_SIZE),
			     .payer.id = draw->accounts[payer],
			     .amount_minor = 1 + draw_number(draw, 100) },
		.wait_ms = WAIT_MS,
	};

	snprintf(payee, sizeof(payee), "bench-%" PRIu32 "@%.60s",
		 1 + draw_number(draw, draw->account_count), payments->city);
	pay.command.payee = slice_from_text(payee);
	encode_pay_request(request, &pay);
}

static bool take(void *context, struct slice message)
{
	struct payments *payments = context;
	struct payment_view view;
	uint64_t position;

	if (!decode_pay_response(message, &view, &position))
		return false;
	if (view.state == STATE_POSTED) {
		payments->posted++;
		return true;
	}
	if (view.state == STATE_REFUSED)
		payments->refused++;
	else
		payments->pending++;
	snprintf(payments->last_why, sizeof(payments->last_why), "%s",
		 view.state == STATE_REFUSED ? link_reason_name(view.reason)
					     : "no answer yet");
	return true;
}

/* Not taken: that is an answer of the node's, unless it speaks of itself. */
static bool refused(void *context, const struct grpc_status *status)
{
	struct payments *payments = context;

	if (status->code != GRPC_FAILED_PRECONDITION)
		return false;
	payments->refused++;
	snprintf(payments->last_why, sizeof(payments->last_why), "%.*s",
		 status->message.size > 150 ? 150 : (int)status->message.size,
		 (const char *)status->message.data);
	return true;
}

struct load_work payments_work(struct payments *payments)
{
	return (struct load_work){
		.path = rpc_method_at(RPC_PAY)->path,
		.request_size = REQUEST_SIZE,
		.fill = fill,
		.take = take,
		.refused = refused,
		.context = payments,
	};
}
