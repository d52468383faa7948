/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <string.h>

#include "unit/city.h"

/* Accounts of the story: poor and rich trade, the others cannot. */
struct people {
	uint32_t poor, rich, closed, shut, frozen, iced, full;
};

static struct people settle(struct city *city)
{
	struct people p = {
		.poor = city_open(city, "poor@demo", 100, 1000),
		.rich = city_open(city, "rich@demo", 100000, 100000),
		.closed = city_open(city, "closed@demo", 0, 0),
		.shut = city_open(city, "shut@demo", 0, 0),
		.frozen = city_open(city, "frozen@demo", 100, 100),
		.iced = city_open(city, "iced@demo", 100, 100),
		.full = city_open(city, "full@demo", 0, MONEY_MAX_MINOR),
	};

	city->ledger.accounts[p.closed - 1].state = ACCOUNT_CLOSED;
	city->ledger.accounts[p.shut - 1].state = ACCOUNT_CLOSED;
	city->ledger.accounts[p.frozen - 1].state = ACCOUNT_FROZEN;
	city->ledger.accounts[p.iced - 1].state = ACCOUNT_FROZEN;
	/* It has been paid all that can be counted. */
	city->ledger.accounts[p.full - 1].credits_posted =
		money_of(MONEY_MAX_MINOR - 5);
	city->ledger.accounts[p.full - 1].debits_posted =
		money_of(MONEY_MAX_MINOR - 5);
	return p;
}

/* One way to break a command; two of them show which counts. */
struct breach {
	uint32_t refusal;
	void (*apply)(struct city *city, const struct people *p,
		      struct transfer_command *command);
};

static void id_malformed(struct city *city, const struct people *p,
			 struct transfer_command *command)
{
	(void)city;
	(void)p;
	command->id = slice_of(command->id.data, 15);
}

static void id_too_old(struct city *city, const struct people *p,
		       struct transfer_command *command)
{
	(void)p;
	command->id =
		city_id_at(city, city->now_us - ID_WINDOW_US_DEFAULT - 2000);
}

static void id_in_future(struct city *city, const struct people *p,
			 struct transfer_command *command)
{
	(void)p;
	command->id = city_id_at(city, city->now_us + ID_SKEW_US + 2000);
}

static void address_malformed(struct city *city, const struct people *p,
			      struct transfer_command *command)
{
	(void)city;
	(void)p;
	command->debit = (struct account_ref){ .address = SLICE("Poor@demo") };
}

static void address_other_city(struct city *city, const struct people *p,
			       struct transfer_command *command)
{
	(void)city;
	(void)p;
	command->credit =
		(struct account_ref){ .address = SLICE("rich@elsewhere") };
}

static void amount_not_positive(struct city *city, const struct people *p,
				struct transfer_command *command)
{
	(void)city;
	(void)p;
	command->amount_minor = 0;
}

static void amount_too_large(struct city *city, const struct people *p,
			     struct transfer_command *command)
{
	(void)city;
	(void)p;
	command->amount_minor = MONEY_MAX_MINOR + 1;
}

static void kind_unknown(struct city *city, const struct people *p,
			 struct transfer_command *command)
{
	(void)city;
	(void)p;
	command->kind = 7;
}

static void reference_malformed(struct city *city, const struct people *p,
				struct transfer_command *command)
{
	(void)city;
	(void)p;
	command->reference = SLICE("fifteen bytes..");
}

static void memo_invalid(struct city *city, const struct people *p,
			 struct transfer_command *command)
{
	(void)city;
	(void)p;
	command->memo = SLICE("two\nlines");
}

static void same_account(struct city *city, const struct people *p,
			 struct transfer_command *command)
{
	(void)city;
	(void)p;
	command->credit = command->debit;
}

static void id_conflict(struct city *city, const struct people *p,
			struct transfer_command *command)
{
	struct transfer_command first =
		city_transfer(city, p->rich, p->poor, 1);

	assert_int_equal(city_post(city, &first), 0);
	command->id = first.id;
}

static void debit_unknown(struct city *city, const struct people *p,
			  struct transfer_command *command)
{
	(void)city;
	(void)p;
	command->debit = (struct account_ref){ .id = 999 };
}

static void credit_unknown(struct city *city, const struct people *p,
			   struct transfer_command *command)
{
	(void)city;
	(void)p;
	command->credit = (struct account_ref){ .address = SLICE("no@demo") };
}

static void debit_closed(struct city *city, const struct people *p,
			 struct transfer_command *command)
{
	(void)city;
	command->debit = (struct account_ref){ .id = p->closed };
}

static void credit_closed(struct city *city, const struct people *p,
			  struct transfer_command *command)
{
	(void)city;
	command->credit = (struct account_ref){ .id = p->shut };
}

static void debit_frozen(struct city *city, const struct people *p,
			 struct transfer_command *command)
{
	(void)city;
	command->debit = (struct account_ref){ .id = p->frozen };
}

static void credit_frozen(struct city *city, const struct people *p,
			  struct transfer_command *command)
{
	(void)city;
	command->credit = (struct account_ref){ .id = p->iced };
}

static void over_limit(struct city *city, const struct people *p,
		       struct transfer_command *command)
{
	(void)city;
	(void)p;
	command->amount_minor = 100001;
}

static void over_ceiling(struct city *city, const struct people *p,
			 struct transfer_command *command)
{
	(void)p;
	city->ledger.accounts[command->credit.id - 1].balance_ceiling =
		MONEY_ZERO;
}

static void total_too_large(struct city *city, const struct people *p,
			    struct transfer_command *command)
{
	(void)city;
	command->credit = (struct account_ref){ .id = p->full };
	command->amount_minor = 10;
}

/* In the order of precedence. */
static const struct breach breaches[] = {
	{ TRANSFER_ID_MALFORMED, id_malformed },
	{ TRANSFER_ID_TOO_OLD, id_too_old },
	{ TRANSFER_ID_IN_FUTURE, id_in_future },
	{ TRANSFER_ADDRESS_MALFORMED, address_malformed },
	{ TRANSFER_ADDRESS_OTHER_CITY, address_other_city },
	{ TRANSFER_AMOUNT_NOT_POSITIVE, amount_not_positive },
	{ TRANSFER_AMOUNT_TOO_LARGE, amount_too_large },
	{ TRANSFER_KIND_UNKNOWN, kind_unknown },
	{ TRANSFER_REFERENCE_MALFORMED, reference_malformed },
	{ TRANSFER_MEMO_INVALID, memo_invalid },
	{ TRANSFER_SAME_ACCOUNT, same_account },
	{ TRANSFER_ID_CONFLICT, id_conflict },
	{ TRANSFER_DEBIT_ACCOUNT_UNKNOWN, debit_unknown },
	{ TRANSFER_CREDIT_ACCOUNT_UNKNOWN, credit_unknown },
	{ TRANSFER_DEBIT_ACCOUNT_CLOSED, debit_closed },
	{ TRANSFER_CREDIT_ACCOUNT_CLOSED, credit_closed },
	{ TRANSFER_DEBIT_ACCOUNT_FROZEN, debit_frozen },
	{ TRANSFER_CREDIT_ACCOUNT_FROZEN, credit_frozen },
	{ TRANSFER_OVER_LIMIT, over_limit },
	{ TRANSFER_OVER_CEILING, over_ceiling },
	{ TRANSFER_TOTAL_TOO_LARGE, total_too_large },
};

static void test_decide_transfer_each_refusal(void **state)
{
	/* Each way to break a command gives its own refusal, no other. */
	(void)state;
	for (size_t i = 0; i < COUNT_OF(breaches); i++) {
		struct city *city = city_create();
		struct people p = settle(city);
		struct transfer_command command =
			city_transfer(city, p.rich, p.poor, 2);
		uint64_t number = city->ledger.next_number;

		breaches[i].apply(city, &p, &command);
		number = city->ledger.next_number;
		assert_int_equal(city_post(city, &command),
				 breaches[i].refusal);
		assert_int_equal(city->ledger.next_number, number);
		city_free(city);
	}
}

static void test_decide_transfer_precedence(void **state)
{
	/* Where two neighbours break at once, the lower number is said. */
	(void)state;
	for (size_t i = 0; i + 1 < COUNT_OF(breaches); i++) {
		struct city *city = city_create();
		struct people p = settle(city);
		struct transfer_command command =
			city_transfer(city, p.rich, p.poor, 2);

		/* Later ones first: an earlier breach may replace a field. */
		breaches[i + 1].apply(city, &p, &command);
		breaches[i].apply(city, &p, &command);
		assert_int_equal(city_post(city, &command),
				 breaches[i].refusal);
		city_free(city);
	}
}

static void test_decide_transfer_limits_are_inclusive(void **state)
{
	/* To the limit and to the ceiling, and not one further. */
	struct city *city = city_create();
	uint32_t a = city_open(city, "a@demo", 100, 50);
	uint32_t b = city_open(city, "b@demo", 50, 100);
	struct transfer_command command = city_transfer(city, a, b, 100);

	(void)state;
	assert_int_equal(city_post(city, &command), 0);
	assert_int_equal(city_balance(city, a), -100);
	command = city_transfer(city, a, b, 1);
	assert_int_equal(city_post(city, &command), TRANSFER_OVER_LIMIT);
	command = city_transfer(city, b, a, 150);
	assert_int_equal(city_post(city, &command), 0);
	command = city_transfer(city, b, a, 1);
	assert_int_equal(city_post(city, &command), TRANSFER_OVER_LIMIT);
	assert_int_equal(city_sum(city), 0);
	city_free(city);
}

static void test_decide_transfer_lower_limit_towards_it(void **state)
{
	/* (rule LEDGER-7) Below a lowered limit one can only go up. */
	struct city *city = city_create();
	uint32_t a = city_open(city, "a@demo", 100, 100);
	uint32_t b = city_open(city, "b@demo", 100, 100);
	struct transfer_command command = city_transfer(city, a, b, 80);

	(void)state;
	assert_int_equal(city_post(city, &command), 0);
	city->ledger.accounts[a - 1].credit_limit = money_of(10);
	command = city_transfer(city, a, b, 1);
	assert_int_equal(city_post(city, &command), TRANSFER_OVER_LIMIT);
	command = city_transfer(city, b, a, 30);
	assert_int_equal(city_post(city, &command), 0);
	assert_int_equal(city_balance(city, a), -50);
	city_free(city);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decide_transfer_each_refusal),
		cmocka_unit_test(test_decide_transfer_precedence),
		cmocka_unit_test(test_decide_transfer_limits_are_inclusive),
		cmocka_unit_test(test_decide_transfer_lower_limit_towards_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
