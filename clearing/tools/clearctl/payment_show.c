/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* clearctl payment show|list. */
#include <string.h>

#include "tools/clearctl/documents.h"
#include "tools/clearctl/verbs.h"

/* What was not refused has no reason; the path is shown as one text. */
static void simplify(json_t *payment)
{
	static const char *const reasons[] = { "reason", "reason_name",
					       "sentence", "at_city" };
	const json_t *path = json_object_get(payment, "path");
	char text[400] = "";
	struct buffer route;

	buffer_init(&route, text, sizeof(text) - 1);
	for (size_t i = 0; i < json_array_size(path); i++) {
		if (i > 0)
			buffer_put_text(&route, " > ");
		buffer_put_text(&route,
				json_string_value(json_array_get(path, i)));
	}
	json_object_set_new(payment, "route", json_string(text));
	if (field_number(payment, "reason") != 0)
		return;
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		json_object_del(payment, reasons[i]);
}

int verb_payment_show(struct session *session)
{
	json_t *answer = fetch_by_id(session, RPC_GET_PAYMENT);
	json_t *payment;

	if (answer == NULL)
		return session->status;
	if (session->json)
		return session_print(answer);
	payment = json_object_get(answer, "payment");
	simplify(payment);
	print_pairs(session, payment);
	json_decref(answer);
	return CTL_DONE;
}

static void add_payment(const struct session *session, struct table *table,
			const json_t *payment)
{
	char amount[AMOUNT_TEXT_SIZE], started[TIME_TEXT_SIZE];

	table_add(table,
		  (const char *const[]){
			  field_text(payment, "id"),
			  field_text(payment, "state"),
			  field_text(payment, "direction"),
			  field_text(payment, "payer"),
			  field_text(payment, "payee"),
			  amount_text(field_number(payment, "amount_minor"),
				      session->node.decimals, amount),
			  time_text(field_number(payment, "started_at_us"),
				    started),
			  field_text(payment, "reason_name") });
}

int verb_payment_list(struct session *session)
{
	static const char *const heads[] = { "id",    "state", "direction",
					     "payer", "payee", "amount",
					     "begun", "reason" };
	json_t *request = json_pack("{s:I}", "min_position",
				    (json_int_t)session->node.position);
	json_t *payments, *payment;
	struct table table;
	size_t index;

	if (!put_listed_account(session, request)) {
		json_decref(request);
		return session->status;
	}
	payments = fetch_pages(session, RPC_LIST_PAYMENTS, request, "payments");
	if (payments == NULL)
		return session->status;
	if (session->json)
		return session_print(json_pack("{s:o}", "payments", payments));
	table_init(&table, heads, 8, 0x20);
	json_array_foreach(payments, index, payment)
		add_payment(session, &table, payment);
	table_print(&table, stdout);
	json_decref(payments);
	return CTL_DONE;
}
