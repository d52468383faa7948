/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <string.h>

#include "core/refusal.h"
#include "tools/clearctl/session.h"
#include "wire/messages.h"

static void test_ctl_failure_of_codes(void **state)
{
	/* Goal: each status code has the exit status of the contract. */
	static const struct {
		uint32_t code;
		int status;
		bool retry;
	} cases[] = {
		{ GRPC_CANCELLED, CTL_NO_ANSWER, true },
		{ GRPC_UNKNOWN, CTL_NO_ANSWER, true },
		{ GRPC_INVALID_ARGUMENT, CTL_REFUSED, false },
		{ GRPC_DEADLINE_EXCEEDED, CTL_NO_ANSWER, true },
		{ GRPC_NOT_FOUND, CTL_NOT_FOUND, false },
		{ GRPC_ALREADY_EXISTS, CTL_CONFLICT, false },
		{ GRPC_PERMISSION_DENIED, CTL_IDENTITY, false },
		{ GRPC_RESOURCE_EXHAUSTED, CTL_REFUSED, false },
		{ GRPC_FAILED_PRECONDITION, CTL_REFUSED, false },
		{ GRPC_UNIMPLEMENTED, CTL_REFUSED, false },
		{ GRPC_INTERNAL, CTL_NO_ANSWER, true },
		{ GRPC_UNAVAILABLE, CTL_NO_ANSWER, true },
		{ GRPC_UNAUTHENTICATED, CTL_IDENTITY, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct channel_reply reply = { .code = cases[i].code,
					       .message = SLICE("why") };
		char reason[64], message[512];
		struct failure failure;

		failure_of_reply(&reply, &failure, reason, message);
		assert_int_equal(failure.status, cases[i].status);
		assert_int_equal(failure.retry, cases[i].retry);
		assert_string_equal(failure.code,
				    grpc_code_name(cases[i].code));
		assert_string_equal(failure.reason, failure.code);
		assert_string_equal(failure.message, "why");
	}
}

static void test_ctl_failure_of_reasons(void **state)
{
	/* Goal: the reason of the details wins; a busy node is no refusal. */
	static const struct {
		uint32_t code;
		const char *reason;
		int status;
		bool retry;
	} cases[] = {
		{ GRPC_FAILED_PRECONDITION, "OVER_LIMIT", CTL_REFUSED, true },
		{ GRPC_FAILED_PRECONDITION, "HOLD_POSTED", CTL_REFUSED, false },
		{ GRPC_FAILED_PRECONDITION, "NO_ROUTE", CTL_REFUSED, true },
		{ GRPC_FAILED_PRECONDITION, "LOG_FULL", CTL_REFUSED, true },
		{ GRPC_ALREADY_EXISTS, "ADDRESS_TAKEN", CTL_CONFLICT, false },
		{ GRPC_RESOURCE_EXHAUSTED, "OVERLOADED", CTL_NO_ANSWER, true },
		{ GRPC_PERMISSION_DENIED, "NOT_PERMITTED", CTL_IDENTITY,
		  false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct error_details details = {
			.code = cases[i].code,
			.message = SLICE("why"),
			.reason = cases[i].reason,
		};
		uint8_t room[512];
		char reason[64], message[512];
		struct channel_reply reply = { .code = cases[i].code };
		struct failure failure;
		struct buffer bytes;

		buffer_init(&bytes, room, sizeof(room));
		encode_error_details(&bytes, &details);
		reply.details = buffer_view(&bytes);
		failure_of_reply(&reply, &failure, reason, message);
		assert_string_equal(failure.reason, cases[i].reason);
		assert_int_equal(failure.status, cases[i].status);
		assert_int_equal(failure.retry, cases[i].retry);
		assert_string_equal(failure.message, "no reason given");
	}
}

static void test_ctl_failure_of_refusals(void **state)
{
	/* Goal: every refusal of a batch has a status, its own name, its
	 * sentence and its retry flag; one of the future is no crash. */
	struct failure failure;

	(void)state;
	for (uint32_t i = 0; i < transfer_refusals.count; i++) {
		const struct refusal *refusal = &transfer_refusals.refusals[i];
		bool is_unknown = refusal->class == REFUSAL_UNKNOWN;
		bool is_taken = refusal->class == REFUSAL_TAKEN;

		failure_of_refusal(&transfer_refusals, refusal->number,
				   &failure);
		assert_string_equal(failure.reason, refusal->name);
		assert_string_equal(failure.message, refusal->sentence);
		assert_int_equal(failure.retry, refusal->retry);
		assert_int_equal(failure.status, is_unknown ? CTL_NOT_FOUND
						 : is_taken ? CTL_CONFLICT
							    : CTL_REFUSED);
	}
	failure_of_refusal(&transfer_refusals, 99, &failure);
	assert_int_equal(failure.status, CTL_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ctl_failure_of_codes),
		cmocka_unit_test(test_ctl_failure_of_reasons),
		cmocka_unit_test(test_ctl_failure_of_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
