/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/clearctl/documents.h"

#include <string.h>

#include "core/identity.h"

#define PAGE_SIZE 1000

const char *field_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

int64_t field_number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

json_t *fetch_pages(struct session *session, enum rpc rpc, json_t *request,
		    const char *items)
{
	json_t *all = json_array();
	bool more = true;

	json_object_set_new(request, "page",
			    json_pack("{s:i}", "size", PAGE_SIZE));
	while (more) {
		json_t *page =
			session_call(session, rpc, json_deep_copy(request));
		const char *token;

		if (page == NULL) {
			json_decref(all);
			all = NULL;
			break;
		}
		json_array_extend(all, json_object_get(page, items));
		token = field_text(page, "next_token");
		more = token[0] != '\0';
		json_object_set_new(json_object_get(request, "page"), "token",
				    json_string(token));
		json_decref(page);
	}
	json_decref(request);
	return all;
}

json_t *fetch_by_id(struct session *session, enum rpc rpc)
{
	const char *text = session_operand(session, 0);
	struct id id;

	if (!id_parse(slice_from_text(text), &id)) {
		(void)session_misuse(session, "'%s' is no UUID", text);
		return NULL;
	}
	return session_call(session, rpc,
			    json_pack("{s:s, s:I}", "id", text, "min_position",
				      (json_int_t)session->node.position));
}

void put_given(const struct session *session, json_t *request,
	       const char *option)
{
	const char *text = session_value(session, option);

	if (text != NULL)
		json_object_set_new(request, option, json_string(text));
}

static bool caller_is_coop(const struct session *session)
{
	struct identity caller;

	return identity_parse(slice_from_text(session->self.uri), &caller) &&
	       caller.role == ROLE_COOP;
}

/* "bakery@lyon, bakery/shop@lyon", as many as there is room for */
static void addresses_text(const json_t *accounts, char *out, size_t capacity)
{
	struct buffer text;
	size_t whole = 0;

	buffer_init(&text, out, capacity - 1);
	for (size_t i = 0; i < json_array_size(accounts); i++) {
		buffer_put_text(&text, i == 0 ? "" : ", ");
		buffer_put_text(&text, field_text(json_array_get(accounts, i),
						  "address"));
		if (!text.overflowed)
			whole = text.size;
	}
	out[whole] = '\0';
}

static bool put_only_account(struct session *session, json_t *request,
			     const json_t *accounts)
{
	char text[320];

	if (json_array_size(accounts) == 1) {
		json_object_set_new(
			request, "account",
			json_pack("{s:O}", "id",
				  json_object_get(json_array_get(accounts, 0),
						  "id")));
		return true;
	}
	addresses_text(accounts, text, sizeof(text));
	if (text[0] == '\0')
		(void)session_misuse(session, "%s has no account in %s",
				     session->self.uri, session->node.city);
	else
		(void)session_misuse(
			session, "give --account, one of your own: %s", text);
	return false;
}

bool put_listed_account(struct session *session, json_t *request)
{
	const char *account = session_value(session, "account");
	json_t *accounts;
	bool put;

	if (account != NULL)
		json_object_set_new(request, "account",
				    session_account(session, account));
	if (account != NULL || !caller_is_coop(session))
		return true;
	accounts = fetch_pages(session, RPC_LIST_ACCOUNTS, json_object(),
			       "accounts");
	put = accounts != NULL && put_only_account(session, request, accounts);
	json_decref(accounts);
	return put;
}

bool put_reference(struct session *session, json_t *request)
{
	const char *text = session_value(session, "reference");
	struct id id;

	if (text != NULL && !id_parse(slice_from_text(text), &id)) {
		(void)session_misuse(session, "--reference '%s' is no UUID",
				     text);
		return false;
	}
	put_given(session, request, "reference");
	return true;
}

json_t *json_of_slice(struct slice text)
{
	if (text.size == 0)
		return json_string("");
	return json_stringn((const char *)text.data, text.size);
}

const char *text_of_slice(struct slice text, char *out, size_t capacity)
{
	snprintf(out, capacity, "%.*s", (int)text.size,
		 text.size > 0 ? (const char *)text.data : "");
	return out;
}

int carry_out(struct session *session, enum rpc rpc, json_t *request,
	      const char *id)
{
	json_t *answer = session_call(session, rpc, request);
	json_t *document;

	if (answer == NULL)
		return session->status;
	if (!session->json) {
		printf("done, position %lld\n",
		       (long long)field_number(answer, "position"));
		json_decref(answer);
		return CTL_DONE;
	}
	document = json_pack("{s:s}", "id", id);
	json_object_update(document, answer);
	json_decref(answer);
	return session_print(document);
}

/* "credit_limit_minor" is shown as "credit limit", and as an amount. */
static void print_pair(const struct session *session, struct table *table,
		       const char *key, const json_t *value)
{
	char name[64], text[256], amount[AMOUNT_TEXT_SIZE],
		when[TIME_TEXT_SIZE];
	const char *minor = strstr(key, "_minor");
	size_t size = strlen(key);
	int64_t number = json_integer_value(value);

	snprintf(text, sizeof(text), "%lld", (long long)number);
	if (json_is_string(value))
		snprintf(text, sizeof(text), "%s", json_string_value(value));
	else if (json_is_boolean(value))
		snprintf(text, sizeof(text), "%s",
			 json_is_true(value) ? "yes" : "no");
	else if (json_is_null(value))
		snprintf(text, sizeof(text), "-");
	else if (minor != NULL)
		snprintf(text, sizeof(text), "%s",
			 amount_text(number, session->node.decimals, amount));
	else if (size > 3 && strcmp(key + size - 3, "_us") == 0)
		snprintf(text, sizeof(text), "%s", time_text(number, when));
	if (size > 3 && strcmp(key + size - 3, "_us") == 0)
		size -= 3;
	else if (minor != NULL)
		size = (size_t)(minor - key);
	snprintf(name, sizeof(name), "%.*s", (int)size, key);
	for (char *at = name; *at != '\0'; at++)
		*at = *at == '_' ? ' ' : *at;
	table_add(table, (const char *const[]){ name, text });
}

void print_pairs(const struct session *session, const json_t *object)
{
	struct table table;
	const char *key;
	json_t *value;
	/* Not ours to change, but jansson's iteration wants it so. */
	json_t *copy = json_copy((json_t *)object);

	table_init(&table, (const char *const[]){ "what", "value" }, 2, 0);
	json_object_foreach(copy, key, value)
	{
		if (!json_is_object(value) && !json_is_array(value))
			print_pair(session, &table, key, value);
	}
	table_print(&table, stdout);
	json_decref(copy);
}
