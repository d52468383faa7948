/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* clearctl link list|show|reconcile|line|pause|..., city list. */
#include <string.h>

#include "tools/clearctl/documents.h"
#include "tools/clearctl/verbs.h"

/* ---- looking */

/* "frozen here, paused": what keeps payments away; "" is nothing. */
static void flags_text(const json_t *link, char *out, size_t capacity)
{
	static const struct {
		const char *field, *text;
		bool bad;
	} flags[] = {
		{ "connected", "not connected", false },
		{ "caught_up", "not caught up", false },
		{ "frozen_here", "frozen here", true },
		{ "frozen_there", "frozen there", true },
		{ "paused", "paused", true },
	};
	struct buffer text;

	buffer_init(&text, out, capacity - 1);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (json_is_true(json_object_get(link, flags[i].field)) !=
		    flags[i].bad)
			continue;
		if (text.size > 0)
			buffer_put_text(&text, ", ");
		buffer_put_text(&text, flags[i].text);
	}
	out[text.size] = '\0';
}

/* The time of the oldest promise, of which there is none. */
static void drop_no_promise(json_t *link)
{
	if (field_number(link, "oldest_promise_us") == 0)
		json_object_del(link, "oldest_promise_us");
}

/* "boston owes us 12.00": who owes whom, instead of a sign. */
static void say_position(const struct session *session, json_t *link)
{
	const char *city = field_text(link, "city");
	int64_t owed = field_number(link, "owed_minor");
	char amount[AMOUNT_TEXT_SIZE];
	json_t *text = NULL;

	if (owed == 0)
		text = json_string("settled");
	else if (owed > 0)
		text = json_sprintf(
			"%s owes us %s", city,
			amount_text(owed, session->node.decimals, amount));
	else
		text = json_sprintf(
			"we owe %s %s", city,
			amount_text(-owed, session->node.decimals, amount));
	json_object_set_new(link, "owed_minor", text);
}

static void add_link(const struct session *session, struct table *table,
		     const json_t *link)
{
	static const char *const amounts[] = { "owed_minor", "line_minor",
					       "peer_line_minor",
					       "pending_in_minor",
					       "pending_out_minor" };
	char text[5][AMOUNT_TEXT_SIZE], flags[120];

	for (int i = 0; i < 5; i++)
		(void)amount_text(field_number(link, amounts[i]),
				  session->node.decimals, text[i]);
	flags_text(link, flags, sizeof(flags));
	table_add(table, (const char *const[]){ field_text(link, "city"),
						field_text(link, "state"),
						text[0], text[1], text[2],
						text[3], text[4], flags });
}

int verb_link_list(struct session *session)
{
	static const char *const heads[] = {
		"city",	      "state",	     "owes us",	    "may owe us",
		"we may owe", "promised us", "promised it", "notes",
	};
	json_t *answer = session_call(session, RPC_LIST_LINKS, json_object());
	struct table table;
	json_t *link;
	size_t index;

	if (answer == NULL)
		return session->status;
	json_array_foreach(json_object_get(answer, "links"), index, link)
		drop_no_promise(link);
	if (session->json)
		return session_print(answer);
	table_init(&table, heads, 8, 0x7c);
	json_array_foreach(json_object_get(answer, "links"), index, link)
		add_link(session, &table, link);
	table_print(&table, stdout);
	json_decref(answer);
	return CTL_DONE;
}

int verb_link_show(struct session *session)
{
	json_t *answer = session_call(
		session, RPC_GET_LINK,
		json_pack("{s:s}", "city", session_operand(session, 0)));
	json_t *link = json_object_get(answer, "link");

	if (answer == NULL)
		return session->status;
	drop_no_promise(link);
	if (session->json)
		return session_print(answer);
	say_position(session, link);
	print_pairs(session, link);
	json_decref(answer);
	return CTL_DONE;
}

static void add_city(struct table *table, const json_t *city)
{
	bool near = json_is_true(json_object_get(city, "neighbour"));
	bool gone = json_is_true(json_object_get(city, "gone"));

	table_add(table, (const char *const[]){ field_text(city, "name"),
						field_text(city, "place"),
						field_text(city, "bioregion"),
						field_text(city, "endpoint"),
						gone   ? "gone"
						: near ? "neighbour"
						       : "" });
}

int verb_city_list(struct session *session)
{
	static const char *const heads[] = { "city", "place", "bioregion",
					     "endpoint", "what" };
	json_t *answer = session_call(session, RPC_LIST_CITIES, json_object());
	struct table table;
	json_t *city;
	size_t index;

	if (answer == NULL)
		return session->status;
	if (session->json)
		return session_print(answer);
	table_init(&table, heads, 5, 0);
	json_array_foreach(json_object_get(answer, "cities"), index, city)
		add_city(&table, city);
	table_print(&table, stdout);
	json_decref(answer);
	return CTL_DONE;
}

/* ---- changing */

int verb_link_reconcile(struct session *session)
{
	const char *city = session_operand(session, 0);
	json_t *answer = session_call(session, RPC_RECONCILE_LINK,
				      json_pack("{s:s}", "city", city));

	if (answer == NULL)
		return session->status;
	if (session->json)
		return session_print(answer);
	printf("asked %s: `clearctl link show %s` tells what came of it\n",
	       city, city);
	json_decref(answer);
	return CTL_DONE;
}

/* A command on the link that operand 0 names; @request may be begun. */
static int command(struct session *session, enum rpc rpc, json_t *request)
{
	const char *reason = session_value(session, "reason");
	char id_text[ID_TEXT_SIZE + 1];
	struct id id;

	if (reason == NULL)
		(void)session_misuse(session, "give --reason TEXT: it stays "
					      "in the journal for ever");
	if (reason == NULL || !session_id(session, &id, id_text)) {
		json_decref(request);
		return session->status;
	}
	json_object_set_new(request, "id", json_string(id_text));
	json_object_set_new(request, "city",
			    json_string(session_operand(session, 0)));
	json_object_set_new(request, "reason", json_string(reason));
	return carry_out(session, rpc, request, id_text);
}

int verb_link_line(struct session *session)
{
	int64_t minor;

	if (!session_amount(session, "line", session_operand(session, 1),
			    &minor))
		return session->status;
	return command(session, RPC_SET_LINE,
		       json_pack("{s:I}", "line_minor", (json_int_t)minor));
}

int verb_link_pause(struct session *session)
{
	return command(session, RPC_PAUSE_LINK, json_object());
}

int verb_link_resume(struct session *session)
{
	return command(session, RPC_RESUME_LINK, json_object());
}

/* (rule PEER-23): the node refuses it when it is not confirmed. */
int verb_link_withdraw(struct session *session)
{
	return command(
		session, RPC_WITHDRAW_LINK,
		json_pack("{s:b}", "confirmed_not_restored",
			  arguments_has(&session->arguments, "confirmed")));
}

int verb_link_freeze(struct session *session)
{
	return command(session, RPC_FREEZE_LINK, json_object());
}

int verb_link_unfreeze(struct session *session)
{
	return command(session, RPC_UNFREEZE_LINK, json_object());
}
