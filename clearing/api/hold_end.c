/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * clearing.v1.HoldService: posting and voiding.
 *
 * Memory knows open holds only.  How an ended one ended, and whose it was, is
 * in the table:
 *
 *   open, or the command's id is remembered ------------> carry out
 *   else, permission depends on the sides --> read ------> carry out
 *   carried out: refused HOLD_UNKNOWN ------> read ------> say how it ended
 */
#include "api/handler.h"

#include <string.h>

#define COMMAND_EVENTS 2

/* A command on a hold while it may have to wait for the table. */
struct hold_end {
	bool posts; /* else it voids */
	struct post_hold_command post;
	struct void_hold_command voids;
	struct id hold_id;
	uint32_t state; /* HoldState of the table's row; 0: not read */
	uint64_t now_us;
	/* One more than fits, so that what is too long stays so. */
	uint8_t id_bytes[ID_SIZE + 1];
	uint8_t hold_id_bytes[ID_SIZE + 1];
	uint8_t reason[MEMO_SIZE_MAX + 1];
};

/* HoldState of hold.proto. */
enum { STATE_POSTED = 2, STATE_VOIDED = 3, STATE_EXPIRED = 4 };

/* The command's slices into memory of its own: the message goes. */
static void keep_slice(struct slice *slice, uint8_t *room, size_t room_size)
{
	if (slice->size > room_size)
		slice->size = room_size;
	if (slice->size > 0)
		memcpy(room, slice->data, slice->size);
	slice->data = room;
}

static void keep(struct hold_end *end)
{
	struct slice *id = end->posts ? &end->post.id : &end->voids.id;
	struct slice *hold_id =
		end->posts ? &end->post.hold_id : &end->voids.hold_id;

	keep_slice(id, end->id_bytes, sizeof(end->id_bytes));
	keep_slice(hold_id, end->hold_id_bytes, sizeof(end->hold_id_bytes));
	if (!end->posts)
		keep_slice(&end->voids.reason, end->reason,
			   sizeof(end->reason));
}

static uint32_t refusal_of(uint32_t state)
{
	switch (state) {
	case STATE_POSTED:
		return HOLD_HOLD_POSTED;
	case STATE_VOIDED:
		return HOLD_HOLD_VOIDED;
	case STATE_EXPIRED:
		return HOLD_HOLD_EXPIRED;
	}
	/* Not one that has ended. */
	return HOLD_HOLD_UNKNOWN;
}

static void refuse_ended(struct api_call *call, uint32_t state)
{
	struct answer answer = { .refusal = refusal_of(state) };

	reply_refusal(call, &hold_refusals, &answer);
}

static void how_it_ended(void *user, const struct read_result *result)
{
	struct api_call *call = user;

	if (handler_read_ended(call, result))
		return;
	refuse_ended(call,
		     result->status == READ_OK ? result->holds->state : 0);
}

static void read_hold(struct api_call *call, const struct hold_end *end,
		      read_done *done)
{
	struct read_query query = {
		.kind = READ_HOLD,
		.id = end->hold_id,
		.limit = 1,
		.min_position = journal_newest(call->api->journal),
	};

	handler_submit(call, &query, done);
}

static void encode_end(struct api_call *call, const struct hold_end *end,
		       const struct answer *answer)
{
	do {
		if (end->posts)
			encode_post_hold(&call->reply, answer->position,
					 answer->number);
		else
			encode_position(&call->reply, answer->position);
	} while (handler_encode_again(call));
}

static void carry_out(struct api_call *call, struct hold_end *end)
{
	struct caller caller = handler_caller(call);
	struct recorder recorder;
	struct answer answer;

	if (!handler_accepts(call, true) ||
	    !handler_recorder(call, 1, COMMAND_EVENTS, end->now_us, &recorder))
		return;
	if (end->posts)
		record_post_hold(&recorder, &end->post, &caller, end->now_us,
				 &answer);
	else
		record_void_hold(&recorder, &end->voids, &caller, end->now_us,
				 &answer);
	if (answer.refusal == HOLD_HOLD_UNKNOWN && end->state == 0) {
		read_hold(call, end, how_it_ended);
	} else if (answer.refusal == HOLD_HOLD_UNKNOWN) {
		refuse_ended(call, end->state);
	} else if (answer.refusal != 0) {
		reply_refusal(call, &hold_refusals, &answer);
	} else {
		encode_end(call, end, &answer);
		reply_ok(call);
	}
}

static bool permitted(const struct api_call *call, const struct hold_end *end,
		      uint64_t debit, uint64_t credit)
{
	const struct ledger *ledger = call->api->ledger;

	return permission_ends_hold(handler_permission(call), call->caller,
				    ledger_account(ledger, debit),
				    ledger_account(ledger, credit),
				    end->voids.reason);
}

static void whose_it_was(void *user, const struct read_result *result)
{
	struct api_call *call = user;
	struct hold_end *end = call->work;

	if (handler_read_ended(call, result))
		return;
	if (result->status == READ_OK) {
		const struct hold_view *view = result->holds;

		if (!permitted(call, end, view->debit_account,
			       view->credit_account)) {
			reply_error(call, REQUEST_NOT_PERMITTED, NULL);
			return;
		}
		end->state = view->state;
	}
	/* The reading took time. */
	end->now_us = call->api->now_us;
	carry_out(call, end);
}

static bool depends_on_sides(enum permission permission)
{
	return permission == PERMISSION_PAYER ||
	       permission == PERMISSION_PAYEE || permission == PERMISSION_COOPS;
}

/* Was the command carried out before?  Then its caller was permitted. */
static bool is_remembered(const struct api *api, struct slice id_bytes)
{
	struct id id;

	return id_from_bytes(id_bytes, &id) &&
	       idwindow_find(&api->ledger->ids, &id) != NULL;
}

static void end_hold(struct api_call *call, struct hold_end *end)
{
	struct api *api = call->api;
	struct slice id = end->posts ? end->post.id : end->voids.id;
	struct slice hold_id =
		end->posts ? end->post.hold_id : end->voids.hold_id;
	bool sound = id_from_bytes(hold_id, &end->hold_id);
	const struct hold *hold =
		sound ? ledger_hold(api->ledger, &end->hold_id) : NULL;
	bool sides = depends_on_sides(handler_permission(call));

	call->work = end;
	keep(end);
	if (hold != NULL || !sides) {
		if (!permitted(call, end, hold == NULL ? 0 : hold->debit,
			       hold == NULL ? 0 : hold->credit)) {
			struct error_about about = { .field = "reason" };

			reply_error(call, REQUEST_NOT_PERMITTED,
				    sides ? NULL : &about);
			return;
		}
		carry_out(call, end);
	} else if (!sound || is_remembered(api, id)) {
		carry_out(call, end);
	} else if (handler_accepts(call, true)) {
		read_hold(call, end, whose_it_was);
	}
}

void handle_post_hold(struct api *api, struct api_call *call, uint64_t now_us)
{
	struct hold_end *end = handler_take(call, sizeof(*end));
	bool ok;

	if (end == NULL)
		return;
	*end = (struct hold_end){ .posts = true, .now_us = now_us };
	do {
		ok = decode_post_hold(call->message, &call->arena, &end->post);
	} while (handler_decode_again(call, ok));
	if (!ok)
		reply_error_now(call, REQUEST_OVERLOADED, NULL);
	else if (api->ledger != NULL)
		end_hold(call, end);
	else
		/* Not loaded yet, which is said. */
		check(!handler_accepts(call, true));
}

void handle_void_hold(struct api *api, struct api_call *call, uint64_t now_us)
{
	struct hold_end *end = handler_take(call, sizeof(*end));
	bool ok;

	if (end == NULL)
		return;
	*end = (struct hold_end){ .now_us = now_us };
	do {
		ok = decode_void_hold(call->message, &call->arena, &end->voids);
	} while (handler_decode_again(call, ok));
	if (!ok)
		reply_error_now(call, REQUEST_OVERLOADED, NULL);
	else if (api->ledger != NULL)
		end_hold(call, end);
	else
		/* Not loaded yet, which is said. */
		check(!handler_accepts(call, true));
}
