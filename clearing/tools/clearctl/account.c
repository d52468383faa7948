/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* clearctl account ..., balance. */
#include "tools/clearctl/documents.h"
#include "tools/clearctl/verbs.h"

/* Limit and ceiling into @request; both must be given when @wanted. */
static bool put_limits(struct session *session, json_t *request, bool wanted)
{
	static const char *const options[] = { "limit", "ceiling" };
	static const char *const fields[] = { "credit_limit_minor",
					      "balance_ceiling_minor" };

	for (int i = 0; i < 2; i++) {
		const char *text = session_value(session, options[i]);
		int64_t minor = 0;

		if (text == NULL && wanted) {
			(void)session_misuse(session, "give --limit and "
						      "--ceiling: both are set "
						      "together");
			return false;
		}
		if (text != NULL &&
		    !session_amount(session, options[i], text, &minor))
			return false;
		json_object_set_new(request, fields[i], json_integer(minor));
	}
	return true;
}

int verb_account_open(struct session *session)
{
	const char *name = session_value(session, "name");
	char id_text[ID_TEXT_SIZE + 1];
	struct id id;
	json_t *request, *account;

	if (!session_id(session, &id, id_text))
		return session->status;
	account = session_account(session, session_operand(session, 0));
	if (json_object_get(account, "address") == NULL) {
		json_decref(account);
		return session_misuse(session,
				      "an account is opened at an "
				      "address such as coop@%s",
				      session->self.city);
	}
	request = json_pack(
		"{s:s, s:O, s:s, s:b}", "id", id_text, "address",
		json_object_get(account, "address"), "display_name",
		name != NULL ? name : "", "gateway_forbidden",
		arguments_has(&session->arguments, "gateway-forbidden"));
	json_decref(account);
	if (!put_limits(session, request, false)) {
		json_decref(request);
		return session->status;
	}
	if (session->json)
		return carry_out(session, RPC_OPEN_ACCOUNT, request, id_text);
	account = session_call(session, RPC_OPEN_ACCOUNT, request);
	if (account == NULL)
		return session->status;
	printf("account %lld opened, position %lld\n",
	       (long long)field_number(account, "account_id"),
	       (long long)field_number(account, "position"));
	json_decref(account);
	return CTL_DONE;
}

static void add_account(const struct session *session, struct table *table,
			const json_t *account)
{
	static const char *const amounts[] = {
		"balance_minor",	 "credit_limit_minor",
		"balance_ceiling_minor", "debits_pending_minor",
		"credits_pending_minor",
	};
	uint32_t decimals = session->node.decimals;
	char text[5][AMOUNT_TEXT_SIZE], id[24];

	snprintf(id, sizeof(id), "%lld",
		 (long long)field_number(account, "id"));
	for (int i = 0; i < 5; i++)
		(void)amount_text(field_number(account, amounts[i]), decimals,
				  text[i]);
	table_add(table,
		  (const char *const[]){ id, field_text(account, "address"),
					 field_text(account, "state"), text[0],
					 text[1], text[2], text[3], text[4],
					 field_text(account, "display_name") });
}

int verb_account_list(struct session *session)
{
	static const char *const heads[] = {
		"id",	   "address", "state",	   "balance", "limit",
		"ceiling", "paying",  "receiving", "name",
	};
	json_t *accounts = fetch_pages(session, RPC_LIST_ACCOUNTS,
				       json_object(), "accounts");
	struct table table;
	json_t *account;
	size_t index;

	if (accounts == NULL)
		return session->status;
	if (session->json)
		return session_print(json_pack("{s:o}", "accounts", accounts));
	table_init(&table, heads, 9, 0xf9);
	json_array_foreach(accounts, index, account)
		add_account(session, &table, account);
	table_print(&table, stdout);
	json_decref(accounts);
	return CTL_DONE;
}

int verb_account_show(struct session *session)
{
	json_t *request = json_pack(
		"{s:o}", "account",
		session_account(session, session_operand(session, 0)));
	json_t *answer = session_call(session, RPC_GET_ACCOUNT, request);

	if (answer == NULL)
		return session->status;
	if (session->json)
		return session_print(answer);
	print_pairs(session, json_object_get(answer, "account"));
	json_decref(answer);
	return CTL_DONE;
}

/* A request on an account with its id and reason; NULL after a complaint. */
static json_t *account_request(struct session *session,
			       char id_text[ID_TEXT_SIZE + 1])
{
	const char *reason = session_value(session, "reason");
	struct id id;

	if (reason == NULL) {
		(void)session_misuse(session,
				     "give --reason TEXT: it stays in the "
				     "journal for ever");
		return NULL;
	}
	if (!session_id(session, &id, id_text))
		return NULL;
	return json_pack("{s:s, s:o, s:s}", "id", id_text, "account",
			 session_account(session, session_operand(session, 0)),
			 "reason", reason);
}

int verb_account_limits(struct session *session)
{
	char id_text[ID_TEXT_SIZE + 1];
	json_t *request = account_request(session, id_text);

	if (request == NULL)
		return session->status;
	if (!put_limits(session, request, true)) {
		json_decref(request);
		return session->status;
	}
	return carry_out(session, RPC_SET_ACCOUNT_LIMITS, request, id_text);
}

static int change_state(struct session *session, enum rpc rpc)
{
	char id_text[ID_TEXT_SIZE + 1];
	json_t *request = account_request(session, id_text);

	if (request == NULL)
		return session->status;
	return carry_out(session, rpc, request, id_text);
}

int verb_account_freeze(struct session *session)
{
	return change_state(session, RPC_FREEZE_ACCOUNT);
}

int verb_account_unfreeze(struct session *session)
{
	return change_state(session, RPC_UNFREEZE_ACCOUNT);
}

int verb_account_close(struct session *session)
{
	return change_state(session, RPC_CLOSE_ACCOUNT);
}

int verb_balance(struct session *session)
{
	json_t *request = json_pack(
		"{s:o}", "account",
		session_account(session, session_operand(session, 0)));
	json_t *answer = session_call(session, RPC_GET_BALANCE, request);

	if (answer == NULL)
		return session->status;
	if (session->json)
		return session_print(answer);
	print_pairs(session, answer);
	json_decref(answer);
	return CTL_DONE;
}
