/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * payment: pieces that the services about payments share: who waits for an
 * outcome, and the proof of one.  For this folder alone.
 */
#ifndef CLEARING_API_PAYMENT_H
#define CLEARING_API_PAYMENT_H

#include "api/handler.h"
#include "core/view.h"
#include "wire/messages_payment.h"
#include "wire/messages_peer.h"

/* PaymentState and PaymentDirection of payment.proto. */
enum {
	PAYMENT_IS_PENDING = 1,
	PAYMENT_IS_POSTED = 2,
	PAYMENT_IS_REFUSED = 3,
	PAYMENT_IS_OUT = 1,
	PAYMENT_IS_THROUGH = 2,
	PAYMENT_IS_IN = 3,
};

/* What a receipt needs between its reads; in the call's memory. */
struct receipt_search {
	struct slice terms;
	uint64_t answer_seq;
	void *work; /* the call's own, given back to it for found() */
	void (*found)(struct api_call *call, struct slice terms,
		      struct slice proof);
};

/* How the search ends: the proof is empty when there is none (yet). */
typedef void receipt_found(struct api_call *call, struct slice terms,
			   struct slice proof);

/*
 * receipt_find: the proof of a payment that has an answer: from the tables,
 * or made from the batch that has it.  There is none while the neighbour has
 * not acknowledged this city's own answer (rule PEER-35).
 *
 * @view   of READ_PAYMENT; copied.
 * @found  NULL: answer a GetReceipt.
 */
void receipt_find(struct api_call *call, const struct payment_view *view,
		  receipt_found *found);

/*
 * payment_order: carry out a decoded Pay, or wait for its end; the call is
 * let in, and the payment request that it names was looked at.
 */
void payment_order(struct api_call *call, const struct pay_request *request,
		   uint64_t now_us);

/*
 * payment_permitted: may the caller move the payer's credit?  A payer that is
 * left to a request which is not known here is for the refusal to say.
 */
bool payment_permitted(struct api_call *call,
		       const struct pay_command *command) MUST_CHECK;

/*
 * payment_order_here: the same for a payee in this city: a transfer with the
 * request's id as reference, and the end of the request.  It needs no
 * neighbours; refusals of the transfer are enum transfer_refusal.
 *
 * @request  as it was read; of the call's memory or longer.
 */
void payment_order_here(struct api_call *call,
			const struct pay_command *command,
			const struct payment_request_view *request,
			uint64_t now_us);

/*
 * payment_confirm: read the payment request @request, fill in what @order
 * leaves to it, then payment_order().  @order lives in the call's memory.
 */
void payment_confirm(struct api_call *call, const struct pay_request *order,
		     const struct id *request);

/*
 * request_check: refusals 20 to 38 of a payment request, by what it says
 * itself; 0: none, and @out is filled in, with views into @request.
 */
uint32_t request_check(const struct api *api,
		       const struct forwarded_request *request, uint64_t now_us,
		       struct event_request *out) MUST_CHECK;

/*
 * request_record: recorded before with the same content, or recorded now: 0;
 * else refusal 40 or higher.  UINT32_MAX: the call is answered, for want of
 * room.
 *
 * @event  of EVENT_REQUEST_OPENED, with what request_check() filled in.
 * @fresh  it was not known before.
 */
uint32_t request_record(struct api_call *call, struct event *event,
			uint64_t now_us, bool *fresh) MUST_CHECK;

/*
 * request_end: record that the open request @id was declined.  Answers the
 * call and returns false when there is no room, or the node takes no commands.
 */
bool request_end(struct api_call *call, const struct id *id) MUST_CHECK;

/* request_is_here: is the account of this side kept in this city? */
bool request_is_here(const struct api *api, struct slice address) MUST_CHECK;

/*
 * request_look_up: read the payment request @id, when all that was recorded so
 * far is durable (rule PEER-1).
 */
void request_look_up(struct api_call *call, const struct id *id,
		     read_done *done);

/*
 * request_send_on: tell the payer's city of the recorded request @id, and
 * answer the call with what it says.
 */
void request_send_on(struct api_call *call, const struct id *id, bool fresh);

/*
 * request_give_back: tell the payee's city, if it is another, that the request
 * @id was declined here, then answer the call: whether that city heard it or
 * not, it is declined.
 */
void request_give_back(struct api_call *call, const struct id *id);

/*
 * payment_attempt: the newest attempt of the command @id that is under way;
 * NULL: it has ended, or there is none.
 */
const struct payment *payment_attempt(const struct api *api,
				      const struct id *id);

/* payment_late: answer, as things stand, calls that waited long enough. */
void payment_late(struct api *api, uint64_t now_us);

/* payment_give_up: nothing will end any more (api_give_up()). */
void payment_give_up(struct api *api);

#endif
