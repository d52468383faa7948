/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* clearctl statement, node, health, id. */
#include <string.h>

#include "tools/clearctl/documents.h"
#include "tools/clearctl/verbs.h"
#include "tools/system.h"

/* A moment from --@option into @request as @field. */
static bool put_moment(struct session *session, json_t *request,
		       const char *option, const char *field)
{
	const char *text = session_value(session, option);
	int64_t time_us = 0;

	if (text == NULL)
		return true;
	if (!time_parse(text, (int64_t)system_wall_us(), &time_us)) {
		(void)session_misuse(session,
				     "--%s '%s': write 2026-01-31 or "
				     "2026-01-31T12:00:00Z",
				     option, text);
		return false;
	}
	json_object_set_new(request, field, json_integer(time_us));
	return true;
}

/* All pages: newest first on the wire and in the document. */
static json_t *fetch_statement(struct session *session, json_t *request)
{
	json_t *all = NULL;
	const char *token = "";

	do {
		json_t *page;

		json_object_set_new(
			request, "page",
			json_pack("{s:i, s:s}", "size", 1000, "token", token));
		page = session_call(session, RPC_GET_STATEMENT,
				    json_deep_copy(request));
		if (page == NULL) {
			json_decref(all);
			all = NULL;
			break;
		}
		if (all == NULL) {
			all = json_incref(page);
		} else {
			json_array_extend(json_object_get(all, "entries"),
					  json_object_get(page, "entries"));
			json_object_set(all, "opening_minor",
					json_object_get(page, "opening_minor"));
			json_object_set(all, "next_token",
					json_object_get(page, "next_token"));
		}
		json_decref(page);
		token = field_text(all, "next_token");
	} while (token[0] != '\0');
	json_decref(request);
	if (all != NULL)
		json_object_del(all, "next_token");
	return all;
}

static void add_entry(const struct session *session, struct table *table,
		      const json_t *entry)
{
	const json_t *transfer = json_object_get(entry, "transfer");
	int64_t change = field_number(entry, "change_minor");
	char when[TIME_TEXT_SIZE], number[24], moved[AMOUNT_TEXT_SIZE],
		after[AMOUNT_TEXT_SIZE];

	snprintf(number, sizeof(number), "%lld",
		 (long long)field_number(transfer, "number"));
	table_add(
		table,
		(const char *const[]){
			time_text(field_number(transfer, "posted_at_us"), when),
			number,
			field_text(transfer, change < 0 ? "credit_address"
							: "debit_address"),
			amount_text(change, session->node.decimals, moved),
			amount_text(field_number(entry, "balance_minor"),
				    session->node.decimals, after),
			field_text(transfer, "memo") });
}

static void print_statement(const struct session *session, const json_t *all)
{
	static const char *const heads[] = {
		"time", "entry", "with", "change", "balance", "memo",
	};
	const json_t *entries = json_object_get(all, "entries");
	char text[AMOUNT_TEXT_SIZE];
	struct table table;

	table_init(&table, heads, 6, 0x1a);
	table_add(&table,
		  (const char *const[]){
			  "", "", "opening", "",
			  amount_text(field_number(all, "opening_minor"),
				      session->node.decimals, text),
			  "" });
	for (size_t i = json_array_size(entries); i > 0; i--)
		add_entry(session, &table, json_array_get(entries, i - 1));
	table_add(&table,
		  (const char *const[]){
			  "", "", "closing", "",
			  amount_text(field_number(all, "closing_minor"),
				      session->node.decimals, text),
			  "" });
	table_print(&table, stdout);
}

int verb_statement(struct session *session)
{
	json_t *request =
		json_pack("{s:o, s:I}", "account",
			  session_account(session, session_operand(session, 0)),
			  "min_position", (json_int_t)session->node.position);
	json_t *all;

	if (!put_moment(session, request, "from", "from_us") ||
	    !put_moment(session, request, "until", "until_us")) {
		json_decref(request);
		return session->status;
	}
	all = fetch_statement(session, request);
	if (all == NULL)
		return session->status;
	if (session->json)
		return session_print(all);
	print_statement(session, all);
	json_decref(all);
	return CTL_DONE;
}

int verb_node(struct session *session)
{
	json_t *answer = session_call(session, RPC_GET_NODE, json_object());

	if (answer == NULL)
		return session->status;
	if (session->json)
		return session_print(answer);
	print_pairs(session, answer);
	json_decref(answer);
	return CTL_DONE;
}

int verb_health(struct session *session)
{
	const char *service = session_operand(session, 0);
	json_t *answer = session_call(
		session, RPC_HEALTH_CHECK,
		json_pack("{s:s}", "service", service != NULL ? service : ""));
	bool serving;

	if (answer == NULL)
		return session->status;
	serving = strcmp(field_text(answer, "status"), "SERVING") == 0;
	if (!serving)
		return session_fail(
			session,
			&(struct failure){ CTL_NO_ANSWER, "UNAVAILABLE",
					   "NOT_SERVING",
					   "the node does not serve "
					   "now",
					   true });
	if (session->json)
		return session_print(answer);
	printf("%s\n", field_text(answer, "status"));
	json_decref(answer);
	return CTL_DONE;
}

int verb_id(struct session *session)
{
	struct id id = system_id();
	char text[ID_TEXT_SIZE];
	struct buffer buffer;

	buffer_init(&buffer, text, sizeof(text));
	id_print(&buffer, &id);
	if (session->json)
		return session_print(
			json_pack("{s:s#}", "id", text, ID_TEXT_SIZE));
	printf("%.*s\n", ID_TEXT_SIZE, text);
	return CTL_DONE;
}
