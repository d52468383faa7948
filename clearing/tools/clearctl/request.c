/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* clearctl request send|list|pay|decline. */
#include <string.h>

#include "tools/clearctl/documents.h"
#include "tools/clearctl/payment.h"
#include "tools/clearctl/verbs.h"
#include "tools/system.h"

/* --expires, --reference and --purpose into @request. */
static bool put_options(struct session *session, json_t *request)
{
	const char *purpose = session_value(session, "purpose");
	const char *expires = session_value(session, "expires");
	int64_t expires_at_us = 0;

	if (purpose == NULL) {
		(void)session_misuse(session, "give --purpose TEXT: the payer "
					      "reads it, and it stays in both "
					      "journals for ever");
		return false;
	}
	if (expires != NULL &&
	    !time_parse(expires, (int64_t)system_wall_us(), &expires_at_us)) {
		(void)session_misuse(session,
				     "--expires '%s': write +24h or "
				     "2026-01-31T12:00:00Z",
				     expires);
		return false;
	}
	json_object_set_new(request, "expires_at_us",
			    json_integer(expires_at_us));
	put_given(session, request, "purpose");
	return put_reference(session, request);
}

/* An account of this city as a whole address into @request. */
static bool put_address(struct session *session, json_t *request,
			const char *field, const char *text)
{
	json_t *account = session_account(session, text);
	json_t *address = json_object_get(account, "address");

	if (address != NULL)
		json_object_set(request, field, address);
	else
		(void)session_misuse(session,
				     "'%s': name who pays and who is paid by "
				     "addresses, coop[/purpose]@city",
				     text);
	json_decref(account);
	return json_object_get(request, field) != NULL;
}

int verb_request_send(struct session *session)
{
	char id_text[ID_TEXT_SIZE + 1];
	json_t *request = json_object();
	struct id id;
	int64_t minor;

	if (!session_amount(session, "amount", session_operand(session, 2),
			    &minor) ||
	    !put_address(session, request, "payee",
			 session_operand(session, 0)) ||
	    !put_address(session, request, "payer",
			 session_operand(session, 1)) ||
	    !put_options(session, request) ||
	    !session_id(session, &id, id_text)) {
		json_decref(request);
		return session->status;
	}
	json_object_set_new(request, "id", json_string(id_text));
	json_object_set_new(request, "amount_minor", json_integer(minor));
	return carry_out(session, RPC_REQUEST_PAYMENT, request, id_text);
}

static void add_request(const struct session *session, struct table *table,
			const json_t *request)
{
	char amount[AMOUNT_TEXT_SIZE], expires[TIME_TEXT_SIZE];

	table_add(table,
		  (const char *const[]){
			  field_text(request, "id"),
			  field_text(request, "state"),
			  field_text(request, "payer"),
			  field_text(request, "payee"),
			  amount_text(field_number(request, "amount_minor"),
				      session->node.decimals, amount),
			  time_text(field_number(request, "expires_at_us"),
				    expires),
			  field_text(request, "purpose") });
}

int verb_request_list(struct session *session)
{
	static const char *const heads[] = { "id",     "state",	 "payer",
					     "payee",  "amount", "expires",
					     "purpose" };
	json_t *wanted = json_pack("{s:I}", "min_position",
				   (json_int_t)session->node.position);
	json_t *requests, *request;
	struct table table;
	size_t index;

	if (!put_listed_account(session, wanted)) {
		json_decref(wanted);
		return session->status;
	}
	put_given(session, wanted, "state");
	requests = fetch_pages(session, RPC_LIST_PAYMENT_REQUESTS, wanted,
			       "requests");
	if (requests == NULL)
		return session->status;
	if (session->json)
		return session_print(json_pack("{s:o}", "requests", requests));
	table_init(&table, heads, 7, 0x10);
	json_array_foreach(requests, index, request)
		add_request(session, &table, request);
	table_print(&table, stdout);
	json_decref(requests);
	return CTL_DONE;
}

static bool is_of_own_city(const struct session *session, const char *payee)
{
	const char *at = strchr(payee, '@');

	return at != NULL && strcmp(at + 1, session->node.city) == 0;
}

/*
 * What is to be paid, and over which cities: none for a payee in the own one.
 * False after telling why it cannot be.
 */
static bool show_request(struct session *session, const json_t *request,
			 json_t **quote)
{
	const char *payee = field_text(request, "payee");
	FILE *out = payment_told_on(session);
	char amount[AMOUNT_TEXT_SIZE];

	if (out != NULL)
		fprintf(out, "for    %s\n", field_text(request, "purpose"));
	if (is_of_own_city(session, payee)) {
		if (out != NULL)
			fprintf(out, "pay    %s to %s\n",
				amount_text(
					field_number(request, "amount_minor"),
					session->node.decimals, amount),
				payee);
		return true;
	}
	*quote = payment_quote(
		session,
		json_pack("{s:{s:O}, s:O, s:O}", "payer", "address",
			  json_object_get(request, "payer"), "payee",
			  json_object_get(request, "payee"), "amount_minor",
			  json_object_get(request, "amount_minor")));
	return *quote != NULL;
}

/*
 * One that is not open is asked for all the same: the node says why not, or,
 * with the --id of who paid it, how that ended.
 */
static bool may_pay(struct session *session, const json_t *request,
		    json_t **quote)
{
	bool known = false;

	if (strcmp(field_text(request, "state"), "OPEN") != 0)
		return true;
	if (!payment_known(session, &known))
		return false;
	return known || (show_request(session, request, quote) &&
			 payment_confirmed(session));
}

int verb_request_pay(struct session *session)
{
	json_t *answer = fetch_by_id(session, RPC_LIST_PAYMENT_REQUESTS);
	json_t *request, *quote = NULL;
	bool go_on;

	if (answer == NULL)
		return session->status;
	request = json_array_get(json_object_get(answer, "requests"), 0);
	go_on = may_pay(session, request, &quote);
	json_decref(answer);
	if (!go_on) {
		json_decref(quote);
		return session->status;
	}
	return payment_send(
		session,
		json_pack("{s:s}", "request_id", session_operand(session, 0)),
		quote);
}

int verb_request_decline(struct session *session)
{
	const char *text = session_operand(session, 0);
	struct id id;

	if (!id_parse(slice_from_text(text), &id))
		return session_misuse(session, "'%s' is no UUID", text);
	return carry_out(session, RPC_DECLINE_PAYMENT_REQUEST,
			 json_pack("{s:s}", "id", text), text);
}
