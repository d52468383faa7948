/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "api/error.h"

#include <string.h>

#include "unit/support.h"
#include "wire/messages.h"

static uint8_t memory[2048];

static struct arena fresh_arena(void)
{
	struct arena arena;

	arena_init(&arena, memory, sizeof(memory));
	return arena;
}

/* Goal: each error of a whole request has its code, reason and retry. */
static void test_error_of_requests(void **state)
{
	static const struct {
		enum request_error error;
		uint32_t code;
		const char *reason;
		bool retry;
	} cases[] = {
		{ REQUEST_MALFORMED, GRPC_INVALID_ARGUMENT, "MALFORMED",
		  false },
		{ REQUEST_NOT_PERMITTED, GRPC_PERMISSION_DENIED,
		  "NOT_PERMITTED", false },
		{ REQUEST_BATCH_EMPTY, GRPC_INVALID_ARGUMENT, "BATCH_EMPTY",
		  false },
		{ REQUEST_BATCH_TOO_LARGE, GRPC_INVALID_ARGUMENT,
		  "BATCH_TOO_LARGE", false },
		{ REQUEST_STARTING, GRPC_UNAVAILABLE, "STARTING", true },
		{ REQUEST_DRAINING, GRPC_UNAVAILABLE, "DRAINING", true },
		{ REQUEST_DATABASE_AWAY, GRPC_UNAVAILABLE, "DATABASE_AWAY",
		  true },
		{ REQUEST_CLOCK_JUMPED, GRPC_UNAVAILABLE, "CLOCK_JUMPED",
		  true },
		{ REQUEST_REJOINING, GRPC_UNAVAILABLE, "REJOINING", true },
		{ REQUEST_OVERLOADED, GRPC_RESOURCE_EXHAUSTED, "OVERLOADED",
		  true },
		{ REQUEST_PAGE_TOKEN_INVALID, GRPC_INVALID_ARGUMENT,
		  "PAGE_TOKEN_INVALID", false },
		{ REQUEST_TRANSFER_UNKNOWN, GRPC_NOT_FOUND, "TRANSFER_UNKNOWN",
		  false },
		{ REQUEST_SERVICE_UNKNOWN, GRPC_NOT_FOUND, "SERVICE_UNKNOWN",
		  false },
		{ REQUEST_DEADLINE_PASSED, GRPC_DEADLINE_EXCEEDED,
		  "DEADLINE_PASSED", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena arena = fresh_arena();
		struct grpc_status status;
		struct error_view view;

		assert_int_equal(cases[i].error, i);
		error_status(cases[i].error, NULL, &arena, &status);
		assert_int_equal(status.code, cases[i].code);
		assert_true(status.message.size > 0);
		assert_true(decode_error_details(status.details, &view));
		assert_true(slice_equal(view.reason,
					slice_from_text(cases[i].reason)));
		assert_int_equal(view.retry_delay_us > 0, cases[i].retry);
		assert_int_equal(view.field.size, 0);
	}
}

/* Goal: what it is about travels, negative numbers too. */
static void test_error_about(void **state)
{
	int64_t limit = 8190, value = INT64_MIN;
	struct error_about about = { .field = "transfers",
				     .limit = &limit,
				     .value = &value };
	struct arena arena = fresh_arena();
	struct grpc_status status;
	struct error_view view;

	(void)state;
	error_status(REQUEST_BATCH_TOO_LARGE, &about, &arena, &status);
	assert_true(decode_error_details(status.details, &view));
	assert_true(slice_equal(view.field, SLICE("transfers")));
	assert_true(slice_equal(view.limit, SLICE("8190")));
	assert_true(slice_equal(view.value, SLICE("-9223372036854775808")));
}

/* Goal: without memory the status is told, only its details are not. */
static void test_error_without_memory(void **state)
{
	struct grpc_status status;
	struct arena arena;

	(void)state;
	arena_init(&arena, memory, 16);
	error_status(REQUEST_OVERLOADED, NULL, &arena, &status);
	assert_int_equal(status.code, GRPC_RESOURCE_EXHAUSTED);
	assert_true(status.message.size > 0);
	assert_int_equal(status.details.size, 0);
}

static uint32_t code_of(const char *name, enum refusal_class class)
{
	if (strcmp(name, "ID_CONFLICT") == 0 || strstr(name, "_TAKEN") != NULL)
		return GRPC_ALREADY_EXISTS;
	if (strstr(name, "_UNKNOWN") != NULL)
		return GRPC_NOT_FOUND;
	return class == REFUSAL_SHAPE ? GRPC_INVALID_ARGUMENT
				      : GRPC_FAILED_PRECONDITION;
}

static void expect_family(const struct refusal_family *family)
{
	for (uint32_t i = 0; i < family->count; i++) {
		const struct refusal *refusal = &family->refusals[i];
		struct answer answer = { .refusal = refusal->number,
					 .limit = money_of(100),
					 .value = money_of(-7) };
		struct arena arena = fresh_arena();
		struct grpc_status status;
		struct error_view view;

		error_refusal_status(family, &answer, &arena, &status);
		assert_int_equal(status.code,
				 code_of(refusal->name, refusal->class));
		assert_true(slice_equal(status.message,
					slice_from_text(refusal->sentence)));
		assert_true(decode_error_details(status.details, &view));
		assert_true(slice_equal(view.reason,
					slice_from_text(refusal->name)));
		assert_true(slice_equal(view.limit, SLICE("100")));
		assert_true(slice_equal(view.value, SLICE("-7")));
	}
}

/* Goal: every refusal becomes the code that its name asks for. */
static void test_error_of_refusals(void **state)
{
	(void)state;
	expect_family(&transfer_refusals);
	expect_family(&hold_refusals);
	expect_family(&account_refusals);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_error_of_requests),
		cmocka_unit_test(test_error_about),
		cmocka_unit_test(test_error_without_memory),
		cmocka_unit_test(test_error_of_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
