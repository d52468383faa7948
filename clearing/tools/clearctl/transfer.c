/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* clearctl transfer post|show, hold ... */
#include <string.h>

#include "core/refusal.h"
#include "tools/clearctl/documents.h"
#include "tools/clearctl/verbs.h"
#include "tools/system.h"

/*
 * A TransferItem, which is also most of a PlaceHoldRequest, out of the
 * operands FROM TO AMOUNT and the options; NULL after a complaint.
 */
static json_t *item_of(struct session *session, char id_text[ID_TEXT_SIZE + 1])
{
	json_t *item = json_object();
	struct id id;
	int64_t minor;

	if (!session_amount(session, "amount", session_operand(session, 2),
			    &minor) ||
	    !put_reference(session, item) ||
	    !session_id(session, &id, id_text)) {
		json_decref(item);
		return NULL;
	}
	json_object_set_new(item, "id", json_string(id_text));
	json_object_set_new(
		item, "debit",
		session_account(session, session_operand(session, 0)));
	json_object_set_new(
		item, "credit",
		session_account(session, session_operand(session, 1)));
	json_object_set_new(item, "amount_minor", json_integer(minor));
	put_given(session, item, "kind");
	put_given(session, item, "memo");
	return item;
}

/* The number of the refusal whose name stands in @result, or 0. */
static uint32_t refusal_number(const json_t *result)
{
	const char *name = field_text(result, "refusal");

	for (uint32_t i = 0; i < transfer_refusals.count; i++) {
		if (strcmp(transfer_refusals.refusals[i].name, name) == 0)
			return transfer_refusals.refusals[i].number;
	}
	return 0;
}

static int tell_result(struct session *session, json_t *answer, const char *id)
{
	json_t *result = json_array_get(json_object_get(answer, "results"), 0);
	struct failure failure;

	if (field_number(result, "position") == 0) {
		failure_of_refusal(&transfer_refusals, refusal_number(result),
				   &failure);
		if (field_text(result, "message")[0] != '\0')
			failure.message = field_text(result, "message");
		return session_fail(session, &failure);
	}
	if (session->json) {
		json_t *document = json_pack("{s:s}", "id", id);

		json_object_update(document, result);
		json_object_del(document, "message");
		json_object_del(document, "retry");
		return session_print(document);
	}
	printf("posted%s as entry %lld, position %lld\n",
	       json_is_true(json_object_get(result, "recorded")) ? " before"
								 : "",
	       (long long)field_number(result, "number"),
	       (long long)field_number(result, "position"));
	return CTL_DONE;
}

int verb_transfer_post(struct session *session)
{
	char id_text[ID_TEXT_SIZE + 1];
	json_t *item = item_of(session, id_text);
	json_t *answer;
	int status;

	if (item == NULL)
		return session->status;
	answer = session_call(session, RPC_POST_TRANSFERS,
			      json_pack("{s:[o]}", "transfers", item));
	if (answer == NULL)
		return session->status;
	status = tell_result(session, answer, id_text);
	json_decref(answer);
	return status;
}

/* GetTransfer, GetHold: look one thing up by its id. */
static int show_by_id(struct session *session, enum rpc rpc, const char *what)
{
	json_t *answer = fetch_by_id(session, rpc);

	if (answer == NULL)
		return session->status;
	if (session->json)
		return session_print(answer);
	print_pairs(session, json_object_get(answer, what));
	json_decref(answer);
	return CTL_DONE;
}

int verb_transfer_show(struct session *session)
{
	return show_by_id(session, RPC_GET_TRANSFER, "transfer");
}

int verb_hold_place(struct session *session)
{
	const char *text = session_value(session, "expires");
	char id_text[ID_TEXT_SIZE + 1];
	int64_t expires_at_us = 0;
	json_t *item;

	if (text == NULL ||
	    !time_parse(text, (int64_t)system_wall_us(), &expires_at_us))
		return session_misuse(session, "give --expires as +24h or as "
					       "2026-01-31T12:00:00Z");
	item = item_of(session, id_text);
	if (item == NULL)
		return session->status;
	json_object_set_new(item, "expires_at_us", json_integer(expires_at_us));
	return carry_out(session, RPC_PLACE_HOLD, item, id_text);
}

/* A request of its own id on the hold that operand 0 names. */
static json_t *hold_request(struct session *session,
			    char id_text[ID_TEXT_SIZE + 1])
{
	const char *text = session_operand(session, 0);
	struct id id;

	if (!id_parse(slice_from_text(text), &id)) {
		(void)session_misuse(session, "'%s' is no UUID of a hold",
				     text);
		return NULL;
	}
	if (!session_id(session, &id, id_text))
		return NULL;
	return json_pack("{s:s, s:s}", "id", id_text, "hold_id", text);
}

/* Without an amount the whole hold is posted. */
static bool hold_amount(struct session *session, int64_t *out_minor)
{
	const char *text = session_operand(session, 1);
	json_t *answer;

	if (text != NULL)
		return session_amount(session, "amount", text, out_minor);
	answer = session_call(
		session, RPC_GET_HOLD,
		json_pack("{s:s, s:I}", "id", session_operand(session, 0),
			  "min_position", (json_int_t)session->node.position));
	if (answer == NULL)
		return false;
	*out_minor =
		field_number(json_object_get(answer, "hold"), "amount_minor");
	json_decref(answer);
	return true;
}

int verb_hold_post(struct session *session)
{
	char id_text[ID_TEXT_SIZE + 1];
	int64_t minor = 0;
	json_t *request = hold_request(session, id_text);

	if (request == NULL)
		return session->status;
	if (!hold_amount(session, &minor)) {
		json_decref(request);
		return session->status;
	}
	json_object_set_new(request, "amount_minor", json_integer(minor));
	return carry_out(session, RPC_POST_HOLD, request, id_text);
}

int verb_hold_void(struct session *session)
{
	char id_text[ID_TEXT_SIZE + 1];
	json_t *request = hold_request(session, id_text);

	if (request == NULL)
		return session->status;
	put_given(session, request, "reason");
	return carry_out(session, RPC_VOID_HOLD, request, id_text);
}

int verb_hold_show(struct session *session)
{
	return show_by_id(session, RPC_GET_HOLD, "hold");
}

static void add_hold(const struct session *session, struct table *table,
		     const json_t *hold)
{
	char amount[AMOUNT_TEXT_SIZE], posted[AMOUNT_TEXT_SIZE],
		expires[TIME_TEXT_SIZE];

	table_add(table,
		  (const char *const[]){
			  field_text(hold, "id"), field_text(hold, "state"),
			  field_text(hold, "debit_address"),
			  field_text(hold, "credit_address"),
			  amount_text(field_number(hold, "amount_minor"),
				      session->node.decimals, amount),
			  amount_text(field_number(hold, "posted_amount_minor"),
				      session->node.decimals, posted),
			  time_text(field_number(hold, "expires_at_us"),
				    expires) });
}

int verb_hold_list(struct session *session)
{
	static const char *const heads[] = { "id",     "state",	 "from",   "to",
					     "amount", "posted", "expires" };
	json_t *request = json_pack("{s:I}", "min_position",
				    (json_int_t)session->node.position);
	json_t *holds, *hold;
	struct table table;
	size_t index;

	if (!put_listed_account(session, request)) {
		json_decref(request);
		return session->status;
	}
	put_given(session, request, "state");
	holds = fetch_pages(session, RPC_LIST_HOLDS, request, "holds");
	if (holds == NULL)
		return session->status;
	if (session->json)
		return session_print(json_pack("{s:o}", "holds", holds));
	table_init(&table, heads, 7, 0x30);
	json_array_foreach(holds, index, hold) add_hold(session, &table, hold);
	table_print(&table, stdout);
	json_decref(holds);
	return CTL_DONE;
}
