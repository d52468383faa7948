/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* clearctl pay, and what it has in common with `request pay`. */
#include "tools/clearctl/payment.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/linklog.h"
#include "tools/clearctl/documents.h"
#include "tools/clearctl/verbs.h"

/* Longer than a decision takes (decide_by is 30 s); then it is PENDING. */
#define WAIT_US_DEFAULT UINT64_C(20000000)
/* A call outlives what it waits for. */
#define WAIT_SLACK_US UINT64_C(5000000)

/* ---- what came of it before */

bool payment_known(struct session *session, bool *known)
{
	char id_text[ID_TEXT_SIZE + 1];
	struct failure failure;
	json_t *answer;
	struct id id;

	*known = false;
	if (session_value(session, "id") == NULL)
		return true;
	if (!session_id(session, &id, id_text))
		return false;
	answer = session_try(session, RPC_GET_PAYMENT,
			     json_pack("{s:s, s:I}", "id", id_text,
				       "min_position",
				       (json_int_t)session->node.position),
			     &failure);
	*known = answer != NULL;
	json_decref(answer);
	/* Not there, another's, or of a form that Pay refuses. */
	if (*known || failure.status == CTL_NOT_FOUND ||
	    failure.status == CTL_IDENTITY || failure.status == CTL_REFUSED)
		return true;
	(void)session_fail(session, &failure);
	return false;
}

/* ---- the quote */

static bool asks(const struct session *session)
{
	return !arguments_has(&session->arguments, "yes") &&
	       !arguments_has(&session->arguments, "quote") &&
	       isatty(STDIN_FILENO) == 1;
}

FILE *payment_told_on(const struct session *session)
{
	if (!session->json)
		return stdout;
	return asks(session) ? stderr : NULL;
}

static void add_hop(const struct session *session, struct table *table,
		    const json_t *hop)
{
	char name[160], amount[AMOUNT_TEXT_SIZE];

	snprintf(name, sizeof(name), "  %s > %s", field_text(hop, "from"),
		 field_text(hop, "to"));
	table_add(
		table,
		(const char *const[]){
			name, amount_text(field_number(hop, "new_credit_minor"),
					  session->node.decimals, amount) });
}

/* "barcelona > boston > lisbon" */
static void route_text(const json_t *hops, char *out, size_t capacity)
{
	struct buffer text;
	json_t *hop;
	size_t index;

	buffer_init(&text, out, capacity - 1);
	json_array_foreach(hops, index, hop)
	{
		if (index == 0)
			buffer_put_text(&text, field_text(hop, "from"));
		buffer_put_text(&text, " > ");
		buffer_put_text(&text, field_text(hop, "to"));
	}
	out[text.overflowed ? 0 : text.size] = '\0';
}

static void show_quote(const struct session *session, const json_t *request,
		       const json_t *quote, FILE *out)
{
	const char *name = field_text(quote, "display_name");
	json_t *hops = json_object_get(quote, "hops"), *hop;
	char route[400], amount[AMOUNT_TEXT_SIZE], text[128];
	struct table table;
	size_t index;

	route_text(hops, route, sizeof(route));
	table_init(
		&table,
		(const char *const[]){ "payee", field_text(request, "payee") },
		2, 0);
	table_add(&table,
		  (const char *const[]){
			  "name", name[0] != '\0' ? name
						  : "not told: its city does "
						    "not answer, or it has "
						    "none" });
	snprintf(text, sizeof(text), "%s %s",
		 amount_text(field_number(request, "amount_minor"),
			     session->node.decimals, amount),
		 session->node.unit);
	table_add(&table, (const char *const[]){ "amount", text });
	table_add(&table, (const char *const[]){ "route", route });
	table_add(&table,
		  (const char *const[]){
			  "new credit",
			  amount_text(field_number(quote, "new_credit_minor"),
				      session->node.decimals, amount) });
	json_array_foreach(hops, index, hop) add_hop(session, &table, hop);
	table_print(&table, out);
	fflush(out);
}

/* @by: a quote or a payment with a reason that a city gave. */
static int tell_refused(struct session *session, const json_t *by)
{
	uint32_t reason = (uint32_t)field_number(by, "reason");
	bool unknown = reason == LINK_REASON_PAYEE_UNKNOWN;
	char message[512];

	snprintf(message, sizeof(message), "%s (said by %s)",
		 field_text(by, "sentence"), field_text(by, "at_city"));
	return session_fail(
		session, &(struct failure){
				 unknown ? CTL_NOT_FOUND : CTL_REFUSED,
				 unknown ? "NOT_FOUND" : "FAILED_PRECONDITION",
				 field_text(by, "reason_name"), message,
				 link_reason_retry(reason) });
}

/* Why it would not be paid; false after telling. */
static bool quote_allows(struct session *session, const json_t *quote)
{
	struct failure failure;

	if (field_number(quote, "reason") != LINK_REASON_NONE) {
		(void)tell_refused(session, quote);
		return false;
	}
	if (json_array_size(json_object_get(quote, "hops")) > 0)
		return true;
	failure_of_refusal(&payment_refusals, PAYMENT_NO_ROUTE, &failure);
	(void)session_fail(session, &failure);
	return false;
}

json_t *payment_quote(struct session *session, json_t *request)
{
	json_t *kept = json_incref(request);
	json_t *quote = session_call(session, RPC_QUOTE_PAYMENT, request);
	FILE *out = payment_told_on(session);

	if (quote != NULL && !quote_allows(session, quote)) {
		json_decref(quote);
		quote = NULL;
	}
	if (quote != NULL && out != NULL)
		show_quote(session, kept, quote, out);
	json_decref(kept);
	return quote;
}

/* ---- sending it */

bool payment_confirmed(struct session *session)
{
	char line[16] = "";

	if (!asks(session))
		return true;
	fputs("pay? [y/N] ", stderr);
	if (fgets(line, sizeof(line), stdin) != NULL &&
	    (strcmp(line, "y\n") == 0 || strcmp(line, "yes\n") == 0))
		return true;
	(void)session_fail(session,
			   &(struct failure){ CTL_REFUSED, "CANCELLED",
					      "NOT_CONFIRMED",
					      "nothing was sent", false });
	return false;
}

/* --wait into @request; the call must last longer. */
static bool put_wait(struct session *session, json_t *request)
{
	const char *text = session_value(session, "wait");
	uint64_t wait_us = WAIT_US_DEFAULT;

	if (text != NULL && strcmp(text, "0") == 0) {
		wait_us = 0;
	} else if (text != NULL && !settings_parse_timeout(text, &wait_us)) {
		(void)session_misuse(session,
				     "--wait '%s': write seconds, such as 30, "
				     "1.5s or 200ms",
				     text);
		return false;
	} else if (text == NULL && wait_us > session->settings.timeout_us) {
		wait_us = session->settings.timeout_us;
	}
	if (text != NULL &&
	    session->settings.timeout_us < wait_us + WAIT_SLACK_US)
		session->settings.timeout_us = wait_us + WAIT_SLACK_US;
	json_object_set_new(request, "wait_ms",
			    json_integer((json_int_t)(wait_us / 1000)));
	return true;
}

static int tell_pending(struct session *session, const char *id)
{
	char message[256];

	snprintf(message, sizeof(message),
		 "it is under way and has not ended: ask with `clearctl "
		 "payment show %s`",
		 id);
	return session_fail(
		session, &(struct failure){ CTL_NO_ANSWER, "DEADLINE_EXCEEDED",
					    "PENDING", message, true });
}

static int tell_end(struct session *session, const char *id,
		    const json_t *answer, json_t *quote)
{
	json_t *payment = json_object_get(answer, "payment");
	const char *state = field_text(payment, "state");
	char amount[AMOUNT_TEXT_SIZE];

	if (strcmp(state, "REFUSED") == 0)
		return tell_refused(session, payment);
	if (strcmp(state, "POSTED") != 0)
		return tell_pending(session, id);
	if (session->json)
		return session_print(
			json_pack("{s:s, s:O?, s:O, s:O}", "id", id, "quote",
				  quote, "payment", payment, "position",
				  json_object_get(answer, "position")));
	printf("posted: %s to %s, position %lld\n",
	       amount_text(field_number(payment, "amount_minor"),
			   session->node.decimals, amount),
	       field_text(payment, "payee"),
	       (long long)field_number(answer, "position"));
	return CTL_DONE;
}

int payment_send(struct session *session, json_t *request, json_t *quote)
{
	char id_text[ID_TEXT_SIZE + 1];
	json_t *answer = NULL;
	struct id id;

	put_given(session, request, "memo");
	if (put_wait(session, request) && session_id(session, &id, id_text)) {
		json_object_set_new(request, "id", json_string(id_text));
		answer = session_call(session, RPC_PAY, json_incref(request));
	}
	if (answer != NULL)
		session->status = tell_end(session, id_text, answer, quote);
	json_decref(answer);
	json_decref(request);
	json_decref(quote);
	return session->status;
}

/* Quoted, and the person wants it; false after telling why not. */
static bool may_send(struct session *session, const json_t *request,
		     json_t **quote)
{
	json_t *asked;
	bool known = false;

	if (!payment_known(session, &known))
		return false;
	if (known)
		return true;
	asked = json_deep_copy(request);
	json_object_del(asked, "reference");
	*quote = payment_quote(session, asked);
	return *quote != NULL && payment_confirmed(session);
}

static int tell_quote(struct session *session, json_t *request)
{
	json_t *quote = payment_quote(session, request);

	if (quote != NULL && session->json)
		return session_print(quote);
	json_decref(quote);
	return session->status;
}

/* False after telling that another city keeps the payer's account. */
static bool payer_is_here(struct session *session, const char *payer)
{
	const char *at = strchr(payer, '@');
	char message[512];

	if (at == NULL || strcmp(at + 1, session->node.city) == 0)
		return true;
	snprintf(message, sizeof(message),
		 "'%s' is of another city, and this node keeps the accounts "
		 "of %s: pay from one of these, or ask %s's node (--endpoint)",
		 payer, session->node.city, at + 1);
	(void)session_fail(session,
			   &(struct failure){ CTL_REFUSED, "INVALID_ARGUMENT",
					      "ADDRESS_OTHER_CITY", message,
					      false });
	return false;
}

int verb_pay(struct session *session)
{
	json_t *request, *quote = NULL;
	int64_t minor;

	if (!session_amount(session, "amount", session_operand(session, 2),
			    &minor) ||
	    !payer_is_here(session, session_operand(session, 0)))
		return session->status;
	request = json_pack(
		"{s:o, s:s, s:I}", "payer",
		session_account(session, session_operand(session, 0)), "payee",
		session_operand(session, 1), "amount_minor", (json_int_t)minor);
	if (arguments_has(&session->arguments, "quote"))
		return tell_quote(session, request);
	if (put_reference(session, request) &&
	    may_send(session, request, &quote))
		return payment_send(session, request, quote);
	json_decref(request);
	json_decref(quote);
	return session->status;
}
