/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/netting_case.h"

#include <stdlib.h>
#include <string.h>

#include "core/netting_text.h"

#define TRIANGLE "p obligations 3 3\n0 1 7000\n1 2 5000\n2 0 2000\n"

/* A text that ends where memory ends, so that ASan sees a read behind it. */
static bool read_obligations(const char *text, struct netting_fault *fault)
{
	size_t size = strlen(text);
	uint8_t *bytes = malloc(size > 0 ? size : 1);
	struct netting_obligation obligations[8];
	uint32_t nodes = 0, count = 0;
	bool good;

	assert_non_null(bytes);
	memcpy(bytes, text, size);
	good = netting_text_head(slice_of(bytes, size), &nodes, &count, fault);
	assert_true(!good || count <= COUNT_OF(obligations));
	good = good && netting_text_obligations(slice_of(bytes, size),
						obligations, fault);
	free(bytes);
	return good;
}

static void test_text_again(void **state)
{
	/* Goal: what was read and is written again is the same bytes. */
	static const char *const names[] = { "tiny-triangle.txt",
					     "tiny-bigamounts.txt",
					     "tiny-isolated.txt",
					     "sf-1k-1.txt" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct slice text = case_file(names[i]);
		struct netting_case one;
		struct buffer again;
		uint8_t *memory;
		size_t size;

		case_read(&one, names[i]);
		size = netting_text_size(&one.input);
		memory = malloc(size);
		assert_non_null(memory);
		buffer_init(&again, memory, size);
		netting_text_write(&again, &one.input);
		assert_false(again.overflowed);
		assert_true(slice_equal(buffer_view(&again), text));
		free(memory);
		free((void *)(uintptr_t)text.data);
		case_release(&one);
	}
}

static void test_text_faults(void **state)
{
	/* Goal: whatever is not of the form is refused with its line. */
	static const struct {
		const char *text;
		uint32_t line;
	} cases[] = {
		{ "", 1 },
		{ "p obligations 3 0", 1 },
		{ "p obligations  3 0\n", 1 },
		{ "p obligations 3 0 \n", 1 },
		{ "p obligations 3 0\r\n", 1 },
		{ "p obligations 03 0\n", 1 },
		{ "p obligations -3 0\n", 1 },
		{ "p obligations 4294967296 0\n", 1 },
		{ "p obligations 134217727 0\n", 1 },
		{ "p obligations 3 4294967295\n", 1 },
		{ "p obligations 3 2\n0 1 7\n", 1 },
		{ "p Obligations 3 1\n0 1 7\n", 1 },
		{ "p obligations 3 0\n\n", 2 },
		{ "p obligations 3 1\n0 1 7\n0 1 7\n", 3 },
		{ "p obligations 3 1\n0 1 700", 2 },
		{ "p obligations 3 1\n0 1 7 \n", 2 },
		{ "p obligations 3 1\n 0 1 7\n", 2 },
		{ "p obligations 3 1\n0\t1 7\n", 2 },
		{ "p obligations 3 1\n0 1 +7\n", 2 },
		{ "p obligations 3 1\n0 1 -0\n", 2 },
		{ "p obligations 3 1\n0 1 07\n", 2 },
		{ "p obligations 3 1\n0 1 7.5\n", 2 },
		{ "p obligations 3 1\n0 -1 7\n", 2 },
		{ "p obligations 3 1\n0 1 9223372036854775808\n", 2 },
		{ "p obligations 3 2\n0 1 7\n0 1 x\n", 3 },
		{ "p obligations 3 2\n0 1 7000000\n", 3 },
	};
	struct netting_fault fault;

	(void)state;
	assert_true(read_obligations(TRIANGLE, &fault));
	assert_true(read_obligations("p obligations 0 0\n", &fault));
	assert_true(read_obligations("p obligations 3 1\n0 4294967295 "
				     "-9223372036854775808\n",
				     &fault));
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		fault = (struct netting_fault){ 0 };
		if (read_obligations(cases[i].text, &fault))
			fail_msg("case %zu was taken", i);
		assert_int_equal(fault.line, cases[i].line);
		assert_non_null(fault.what);
	}
	assert_int_equal(netting_text_line(0), 2);
}

static bool read_certificate(struct netting_case *one, const char *text,
			     struct netting_fault *fault)
{
	return netting_certificate_read(slice_from_text(text), &one->input,
					&one->solution, fault);
}

static void test_text_certificate(void **state)
{
	/* Goal: written and read again, it proves; cut or longer, it is
	   refused with its line. */
	struct netting_fault fault = { 0 };
	struct netting_case one;
	struct buffer out;
	char text[512];

	(void)state;
	case_read(&one, "tiny-triangle.txt");
	case_expect(&one, 6000);
	assert_true(netting_certificate_size(&one.input) <= sizeof(text));
	buffer_init(&out, text, sizeof(text));
	netting_certificate_write(&out, &one.input, &one.solution);
	buffer_put_byte(&out, '\0');
	memset(one.solution.set_off, 0, 3 * sizeof(int64_t));
	memset(one.solution.potentials, 0, 3 * sizeof(int64_t));
	assert_true(read_certificate(&one, text, &fault));
	assert_int_equal(case_verdict(&one), NETTING_PROVEN);
	assert_false(read_certificate(&one,
				      "clearing 6000\n2000\n2000\n2000\n"
				      "0\n-1\n",
				      &fault));
	assert_int_equal(fault.line, 7);
	assert_false(read_certificate(&one,
				      "clearing 6000\n2000\n2000\n2000\n"
				      "0\n-1\n-2\n0\n",
				      &fault));
	assert_int_equal(fault.line, 8);
	assert_false(read_certificate(&one, "clearing 6000\n2000 0\n", &fault));
	assert_int_equal(fault.line, 2);
	assert_false(read_certificate(&one, "clearings 6000\n", &fault));
	assert_int_equal(fault.line, 1);
	case_release(&one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_again),
		cmocka_unit_test(test_text_faults),
		cmocka_unit_test(test_text_certificate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
