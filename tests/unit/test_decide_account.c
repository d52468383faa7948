/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <string.h>

#include "unit/city.h"

static uint32_t command(struct city *city, enum account_command_kind kind,
			const struct account_command *command)
{
	struct answer answer;

	record_account_command(&city->recorder, kind, command, &city->gateway,
			       city->now_us, &answer);
	return answer.refusal;
}

static struct account_command on(struct city *city, uint64_t account)
{
	return (struct account_command){ .id = city_id(city),
					 .account = { .id = account },
					 .reason = SLICE("agreed in May") };
}

static uint32_t open_with(struct city *city,
			  const struct open_account_command *command)
{
	struct answer answer;

	record_open_account(&city->recorder, command, &city->gateway,
			    city->now_us, &answer);
	return answer.refusal;
}

static void test_decide_account_opening_precedence(void **state)
{
	/* Each line breaks one thing more, from the last check to the first. */
	struct city *city = city_create();
	uint8_t id[ID_SIZE];
	struct open_account_command c = {
		.id = city_id(city),
		.address = SLICE("a@demo"),
	};

	(void)state;
	memcpy(id, c.id.data, ID_SIZE);
	c.id = slice_of(id, ID_SIZE);
	assert_int_equal(open_with(city, &c), 0);
	assert_int_equal(open_with(city, &c), 0);
	c.id = city_id(city);
	assert_int_equal(open_with(city, &c), ACCOUNT_ADDRESS_TAKEN);
	c.id = slice_of(id, ID_SIZE);
	c.credit_limit_minor = 1;
	assert_int_equal(open_with(city, &c), ACCOUNT_ID_CONFLICT);
	c.display_name = SLICE("\xff");
	assert_int_equal(open_with(city, &c), ACCOUNT_DISPLAY_NAME_INVALID);
	c.balance_ceiling_minor = MONEY_MAX_MINOR + 1;
	assert_int_equal(open_with(city, &c), ACCOUNT_CEILING_OUT_OF_RANGE);
	c.credit_limit_minor = -1;
	assert_int_equal(open_with(city, &c), ACCOUNT_LIMIT_OUT_OF_RANGE);
	c.address = SLICE("link/x@demo");
	assert_int_equal(open_with(city, &c), ACCOUNT_NAME_RESERVED);
	c.address = SLICE("city/x@other");
	assert_int_equal(open_with(city, &c), ACCOUNT_ADDRESS_OTHER_CITY);
	c.address = SLICE("city/x");
	assert_int_equal(open_with(city, &c), ACCOUNT_ADDRESS_MALFORMED);
	c.id = city_id_at(city, city->now_us + 2 * ID_SKEW_US);
	assert_int_equal(open_with(city, &c), ACCOUNT_ID_IN_FUTURE);
	c.id = city_id_at(city, 0);
	assert_int_equal(open_with(city, &c), ACCOUNT_ID_TOO_OLD);
	c.id = (struct slice){ 0 };
	assert_int_equal(open_with(city, &c), ACCOUNT_ID_MALFORMED);
	city_free(city);
}

static void test_decide_account_commands_precedence(void **state)
{
	/* The checks that all commands on an account share, last one first. */
	struct city *city = city_create();
	uint32_t a = city_open(city, "a@demo", 10, 10);
	struct account_command c = on(city, 99);

	(void)state;
	assert_int_equal(command(city, ACCOUNT_COMMAND_SET_LIMITS, &c),
			 ACCOUNT_ACCOUNT_UNKNOWN);
	c.reason = (struct slice){ 0 };
	assert_int_equal(command(city, ACCOUNT_COMMAND_SET_LIMITS, &c),
			 ACCOUNT_REASON_INVALID);
	c.balance_ceiling_minor = -1;
	assert_int_equal(command(city, ACCOUNT_COMMAND_SET_LIMITS, &c),
			 ACCOUNT_CEILING_OUT_OF_RANGE);
	c.credit_limit_minor = MONEY_MAX_MINOR + 1;
	assert_int_equal(command(city, ACCOUNT_COMMAND_SET_LIMITS, &c),
			 ACCOUNT_LIMIT_OUT_OF_RANGE);
	c.account.address = SLICE("a@other");
	assert_int_equal(command(city, ACCOUNT_COMMAND_SET_LIMITS, &c),
			 ACCOUNT_ADDRESS_OTHER_CITY);
	c.account.address = SLICE("A@demo");
	assert_int_equal(command(city, ACCOUNT_COMMAND_SET_LIMITS, &c),
			 ACCOUNT_ADDRESS_MALFORMED);
	c.id = SLICE("no");
	assert_int_equal(command(city, ACCOUNT_COMMAND_SET_LIMITS, &c),
			 ACCOUNT_ID_MALFORMED);
	c = on(city, a);
	c.credit_limit_minor = 500;
	assert_int_equal(command(city, ACCOUNT_COMMAND_SET_LIMITS, &c), 0);
	c.credit_limit_minor = 501;
	assert_int_equal(command(city, ACCOUNT_COMMAND_SET_LIMITS, &c),
			 ACCOUNT_ID_CONFLICT);
	assert_int_equal(command(city, ACCOUNT_COMMAND_FREEZE, &c),
			 ACCOUNT_ID_CONFLICT);
	city_free(city);
}

static void test_decide_account_states(void **state)
{
	/* Every command in every state, as the drawing in apply_event.c. */
	static const struct {
		uint8_t state;
		enum account_command_kind kind;
		uint32_t refusal;
		uint8_t after;
	} rows[] = {
		{ ACCOUNT_OPEN, ACCOUNT_COMMAND_FREEZE, 0, ACCOUNT_FROZEN },
		{ ACCOUNT_OPEN, ACCOUNT_COMMAND_UNFREEZE, ACCOUNT_NOT_FROZEN,
		  ACCOUNT_OPEN },
		{ ACCOUNT_OPEN, ACCOUNT_COMMAND_SET_LIMITS, 0, ACCOUNT_OPEN },
		{ ACCOUNT_OPEN, ACCOUNT_COMMAND_CLOSE, 0, ACCOUNT_CLOSED },
		{ ACCOUNT_FROZEN, ACCOUNT_COMMAND_FREEZE,
		  ACCOUNT_ALREADY_FROZEN, ACCOUNT_FROZEN },
		{ ACCOUNT_FROZEN, ACCOUNT_COMMAND_UNFREEZE, 0, ACCOUNT_OPEN },
		{ ACCOUNT_FROZEN, ACCOUNT_COMMAND_SET_LIMITS, 0,
		  ACCOUNT_FROZEN },
		{ ACCOUNT_FROZEN, ACCOUNT_COMMAND_CLOSE, 0, ACCOUNT_CLOSED },
		{ ACCOUNT_CLOSED, ACCOUNT_COMMAND_FREEZE,
		  ACCOUNT_ACCOUNT_CLOSED, ACCOUNT_CLOSED },
		{ ACCOUNT_CLOSED, ACCOUNT_COMMAND_UNFREEZE,
		  ACCOUNT_ACCOUNT_CLOSED, ACCOUNT_CLOSED },
		{ ACCOUNT_CLOSED, ACCOUNT_COMMAND_SET_LIMITS,
		  ACCOUNT_ACCOUNT_CLOSED, ACCOUNT_CLOSED },
		{ ACCOUNT_CLOSED, ACCOUNT_COMMAND_CLOSE, ACCOUNT_ACCOUNT_CLOSED,
		  ACCOUNT_CLOSED },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct city *city = city_create();
		uint32_t a = city_open(city, "a@demo", 10, 10);
		struct account_command c = on(city, a);

		city->ledger.accounts[a - 1].state = rows[i].state;
		assert_int_equal(command(city, rows[i].kind, &c),
				 rows[i].refusal);
		assert_int_equal(city->ledger.accounts[a - 1].state,
				 rows[i].after);
		city_free(city);
	}
}

static void test_decide_account_close_needs_rest(void **state)
{
	/* (rule LEDGER-16) First the balance, then the holds. */
	struct city *city = city_create();
	uint32_t a = city_open(city, "a@demo", 10, 10);
	uint32_t b = city_open(city, "b@demo", 10, 10);
	struct account_command c = on(city, a);
	struct transfer_command t = city_transfer(city, a, b, 5);
	struct place_hold_command h = {
		.transfer = city_transfer(city, b, a, 1),
		.expires_at_us = city->now_us + 1000000,
	};
	struct answer answer;

	(void)state;
	assert_int_equal(city_post(city, &t), 0);
	record_place_hold(&city->recorder, &h, &city->gateway, city->now_us,
			  &answer);
	assert_int_equal(answer.refusal, 0);
	assert_int_equal(command(city, ACCOUNT_COMMAND_CLOSE, &c),
			 ACCOUNT_BALANCE_NOT_ZERO);
	t = city_transfer(city, b, a, 5);
	assert_int_equal(city_post(city, &t), 0);
	assert_int_equal(command(city, ACCOUNT_COMMAND_CLOSE, &c),
			 ACCOUNT_HOLDS_OPEN);
	city->now_us += 1000000;
	assert_int_equal(record_expiries(&city->recorder, city->now_us, 9), 1);
	assert_int_equal(command(city, ACCOUNT_COMMAND_CLOSE, &c), 0);
	c = on(city, ACCOUNT_COMMONS);
	assert_int_equal(command(city, ACCOUNT_COMMAND_CLOSE, &c),
			 ACCOUNT_NAME_RESERVED);
	city_free(city);
}

static void test_decide_account_address_for_ever(void **state)
{
	/* (rule LEDGER-2) A closed account keeps its address. */
	struct city *city = city_create();
	uint32_t a = city_open(city, "a@demo", 10, 10);
	struct account_command c = on(city, a);
	struct open_account_command again = { .id = city_id(city),
					      .address = SLICE("a@demo") };

	(void)state;
	assert_int_equal(command(city, ACCOUNT_COMMAND_CLOSE, &c), 0);
	assert_int_equal(open_with(city, &again), ACCOUNT_ADDRESS_TAKEN);
	city_free(city);
}

static void test_decide_account_too_many(void **state)
{
	/* The table is full: refused, after everything else was looked at. */
	const struct ledger_options options = {
		.accounts_max = 3,
		.holds_max = 1,
		.actors_max = 2,
		.ids_max = 16,
		.id_window_us = ID_WINDOW_US_DEFAULT,
	};
	struct city *city = city_create_sized(&options);
	struct open_account_command c = { .id = city_id(city),
					  .address = SLICE("b@demo") };

	(void)state;
	(void)city_open(city, "a@demo", 0, 0);
	assert_int_equal(open_with(city, &c), ACCOUNT_TOO_MANY_ACCOUNTS);
	c.address = SLICE("a@demo");
	assert_int_equal(open_with(city, &c), ACCOUNT_ADDRESS_TAKEN);
	city_free(city);
}

static void test_decide_account_limits_say_what_was(void **state)
{
	/* (rule LEDGER-17) The event carries old, new and reason: the audit
	 * trail needs no other source. */
	struct city *city = city_create();
	uint32_t a = city_open(city, "a@demo", 10, 20);
	struct account_command c = on(city, a);
	const struct event *event;

	(void)state;
	c.credit_limit_minor = 30;
	c.balance_ceiling_minor = 40;
	assert_int_equal(command(city, ACCOUNT_COMMAND_SET_LIMITS, &c), 0);
	event = &city->block.events[city->block.event_count - 1];
	assert_int_equal(event->kind, EVENT_ACCOUNT_LIMITS_SET);
	assert_int_equal(money_minor(event->account.old_credit_limit), 10);
	assert_int_equal(money_minor(event->account.old_balance_ceiling), 20);
	assert_int_equal(money_minor(event->account.credit_limit), 30);
	assert_int_equal(money_minor(event->account.balance_ceiling), 40);
	assert_int_equal(event->account.actor, 1);
	assert_true(slice_equal(event->account.reason, SLICE("agreed in May")));
	city_free(city);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decide_account_opening_precedence),
		cmocka_unit_test(test_decide_account_commands_precedence),
		cmocka_unit_test(test_decide_account_states),
		cmocka_unit_test(test_decide_account_close_needs_rest),
		cmocka_unit_test(test_decide_account_address_for_ever),
		cmocka_unit_test(test_decide_account_too_many),
		cmocka_unit_test(test_decide_account_limits_say_what_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
