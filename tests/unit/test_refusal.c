/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <string.h>

#include "clearing/v1/common.pb-c.h"

#include "core/refusal.h"

static const struct {
	const struct refusal_family *family;
	const ProtobufCEnumDescriptor *descriptor;
	const char *prefix;
} families[] = {
	{ &transfer_refusals, &clearing__v1__transfer_refusal__descriptor,
	  "TRANSFER_REFUSAL_" },
	{ &hold_refusals, &clearing__v1__hold_refusal__descriptor,
	  "HOLD_REFUSAL_" },
	{ &payment_refusals, &clearing__v1__payment_refusal__descriptor,
	  "PAYMENT_REFUSAL_" },
	{ &link_refusals, &clearing__v1__link_refusal__descriptor,
	  "LINK_REFUSAL_" },
	{ &account_refusals, &clearing__v1__account_refusal__descriptor,
	  "ACCOUNT_REFUSAL_" },
};

static void test_refusal_same_as_protocol(void **state)
{
	/* Goal: numbers and names are those of common.proto, all of them. */
	(void)state;
	for (size_t f = 0; f < COUNT_OF(families); f++) {
		const struct refusal_family *family = families[f].family;
		const ProtobufCEnumDescriptor *descriptor =
			families[f].descriptor;

		assert_string_equal(family->name, descriptor->short_name);
		/* One more there: UNSPECIFIED, 0, which comes first. */
		assert_int_equal(descriptor->n_values, family->count + 1);
		assert_int_equal(descriptor->values[0].value, 0);
		for (uint32_t i = 0; i < family->count; i++) {
			const ProtobufCEnumValue *value =
				&descriptor->values[i + 1];

			assert_int_equal(value->value,
					 family->refusals[i].number);
			assert_memory_equal(value->name, families[f].prefix,
					    strlen(families[f].prefix));
			assert_string_equal(value->name +
						    strlen(families[f].prefix),
					    family->refusals[i].name);
		}
	}
}

static void test_refusal_precedence_rises(void **state)
{
	/* Goal: tables stand in the order of precedence (rule LEDGER-3). */
	(void)state;
	for (size_t f = 0; f < COUNT_OF(families); f++) {
		const struct refusal_family *family = families[f].family;
		uint32_t before = 0;

		for (uint32_t i = 0; i < family->count; i++) {
			assert_true(family->refusals[i].number > before);
			before = family->refusals[i].number;
		}
	}
}

static void test_refusal_sentences(void **state)
{
	/* Goal: each says something, and ends with a full stop. */
	(void)state;
	for (size_t f = 0; f < COUNT_OF(families); f++) {
		for (uint32_t i = 0; i < families[f].family->count; i++) {
			const char *sentence =
				families[f].family->refusals[i].sentence;
			size_t size = strlen(sentence);

			assert_true(size > 20 && size < 200);
			assert_int_equal(sentence[size - 1], '.');
			assert_true(sentence[0] >= 'A' && sentence[0] <= 'Z');
			assert_null(strstr(sentence, "  "));
		}
	}
}

static void assert_same(const struct refusal *a, const struct refusal *b)
{
	if (strcmp(a->name, b->name) != 0)
		return;
	assert_string_equal(a->sentence, b->sentence);
	assert_int_equal(a->class, b->class);
	assert_int_equal(a->retry, b->retry);
}

static void test_refusal_same_word_same_meaning(void **state)
{
	/* Goal: a word that two families have means the same in both. */
	const struct refusal_family *a, *b;

	(void)state;
	for (size_t f = 0; f < COUNT_OF(families); f++) {
		a = families[f].family;
		b = families[(f + 1) % COUNT_OF(families)].family;
		for (uint32_t i = 0; i < a->count; i++) {
			for (uint32_t j = 0; j < b->count; j++)
				assert_same(&a->refusals[i], &b->refusals[j]);
		}
	}
}

static bool ends_with(const char *text, const char *end)
{
	size_t size = strlen(text), end_size = strlen(end);

	return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

static void test_refusal_classes(void **state)
{
	/* Goal: the status code follows from the name, as the contract says. */
	(void)state;
	for (size_t f = 0; f < COUNT_OF(families); f++) {
		for (uint32_t i = 0; i < families[f].family->count; i++) {
			const struct refusal *refusal =
				&families[f].family->refusals[i];
			bool unknown = ends_with(refusal->name, "_UNKNOWN");
			bool taken = ends_with(refusal->name, "_TAKEN") ||
				     ends_with(refusal->name, "ID_CONFLICT");

			assert_int_equal(refusal->class == REFUSAL_UNKNOWN,
					 unknown);
			assert_int_equal(refusal->class == REFUSAL_TAKEN,
					 taken);
			/* What depends on the state is no matter of shape. */
			if (refusal->number >= 50 || refusal->retry)
				assert_int_not_equal(refusal->class,
						     REFUSAL_SHAPE);
		}
	}
}

static void test_refusal_retry(void **state)
{
	/* Goal: exactly these may succeed when sent again as they are. */
	static const char *const retry[] = {
		"LINKED_FAILED",	 "ID_IN_FUTURE", "DEBIT_ACCOUNT_FROZEN",
		"CREDIT_ACCOUNT_FROZEN", "OVER_LIMIT",	 "OVER_CEILING",
		"BALANCE_NOT_ZERO",	 "HOLDS_OPEN",	 "TOO_MANY_HOLDS",
		"TOO_MANY_PAYMENTS",	 "NO_ROUTE",	 "RECOVERING",
		"NOT_RECONCILED",	 "LOG_FULL",	 "REQUEST_UNDER_WAY",
	};

	(void)state;
	for (size_t f = 0; f < COUNT_OF(families); f++) {
		for (uint32_t i = 0; i < families[f].family->count; i++) {
			const struct refusal *refusal =
				&families[f].family->refusals[i];
			bool expected = false;

			for (size_t r = 0; r < COUNT_OF(retry); r++)
				expected |=
					strcmp(refusal->name, retry[r]) == 0;
			assert_int_equal(refusal->retry, expected);
		}
	}
}

static void test_refusal_find(void **state)
{
	/* Goal: by number; a number that is none is a programmer's error. */
	const struct refusal *found =
		refusal_find(&transfer_refusals, TRANSFER_OVER_LIMIT);

	(void)state;
	assert_string_equal(found->name, "OVER_LIMIT");
	assert_string_equal(
		refusal_find(&account_refusals, ACCOUNT_NOT_FROZEN)->name,
		"NOT_FROZEN");
	expect_assert_failure(refusal_find(&transfer_refusals, 0));
	expect_assert_failure(refusal_find(&account_refusals, 12));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusal_same_as_protocol),
		cmocka_unit_test(test_refusal_precedence_rises),
		cmocka_unit_test(test_refusal_sentences),
		cmocka_unit_test(test_refusal_same_word_same_meaning),
		cmocka_unit_test(test_refusal_classes),
		cmocka_unit_test(test_refusal_retry),
		cmocka_unit_test(test_refusal_find),
	};

	return cmocka_run_group_tests_name("refusal", tests, NULL, NULL);
}
