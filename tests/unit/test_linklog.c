/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The bytes between cities: what is taken has one form, all else is not. */
#include "unit/support.h"

#include <string.h>

#include "unit/link_forms.h"

#define SAMPLE_SIZE_MAX 2048
#define SAMPLES_MAX 32

struct sample {
	enum link_form form;
	uint8_t bytes[SAMPLE_SIZE_MAX];
	struct buffer out;
};

static struct sample samples[SAMPLES_MAX];
static uint32_t sample_count;
static uint8_t again_bytes[LINKLOG_BATCH_SIZE_MAX + SAMPLE_SIZE_MAX];

static const uint8_t lock[LINKLOG_LOCK_SIZE] = { 0x10 };
static const uint8_t signature[LINKLOG_SIGNATURE_SIZE] = { 0x51, 0x60 };
/* A field that no message has, behind all others. */
static const struct slice unknown = SLICE("\xf8\x06\x01");

static struct buffer *begin(enum link_form form)
{
	struct sample *sample = &samples[sample_count++];

	assert_true(sample_count <= SAMPLES_MAX);
	sample->form = form;
	buffer_init(&sample->out, sample->bytes, sizeof(sample->bytes));
	return &sample->out;
}

static enum linklog_result again(enum link_form form, struct slice bytes,
				 struct slice *out)
{
	struct buffer buffer;
	enum linklog_result result;

	buffer_init(&buffer, again_bytes, sizeof(again_bytes));
	result = link_form_again(form, bytes, &buffer);
	assert_false(buffer.overflowed);
	*out = buffer_view(&buffer);
	return result;
}

static struct link_header full_header(void)
{
	return (struct link_header){
		.version = 1,
		.federation = SLICE("commons"),
		.author = SLICE("lisbon"),
		.peer = SLICE("porto-2"),
		.incarnation = 7,
		.first_seq = 300,
		.count = 2,
		.prev_head = { 1 },
		.root = { 2 },
		.ack_seq = 12,
		.ack_head = { 3 },
		.promised_minor = 1u << 30,
		.settled_minor = 127,
		.released_minor = 128,
		.journal_seq = LINKLOG_NUMBER_MAX,
		.recorded_us = UINT64_C(1767225600123456),
	};
}

static struct payment_terms full_terms(void)
{
	return (struct payment_terms){
		.payment_id = { 0x01, 0x89 },
		.federation = SLICE("commons"),
		.payer = SLICE("bakery/till@lisbon"),
		.payee = SLICE("mill@evora"),
		.amount_minor = 1050,
		.path = { SLICE("lisbon"), SLICE("porto-2"), SLICE("evora") },
		.path_count = 3,
		.decide_by_us = 99,
		.lock = slice_of(lock, sizeof(lock)),
		.reference = SLICE("\x00\xff order"),
	};
}

static void add_entry(const struct link_entry *entry)
{
	linklog_put_entry(begin(FORM_ENTRY), entry);
}

static void add_answers(void)
{
	struct link_entry answer = {
		.kind = LINK_ENTRY_SETTLE,
		.prepare_seq = 3,
		.terms_hash = { 9 },
	};

	add_entry(&answer);
	answer.key = slice_of(lock, sizeof(lock));
	answer.proof = SLICE("\x0a\x01x");
	add_entry(&answer);
	answer.proof.size = 0;
	answer.certificate = SLICE("\x0a\x01y");
	add_entry(&answer);
	answer = (struct link_entry){
		.kind = LINK_ENTRY_RELEASE,
		.prepare_seq = LINKLOG_NUMBER_MAX,
	};
	add_entry(&answer);
	answer.reason = LINK_REASON_LINE;
	answer.at_city = SLICE("evora");
	answer.certificate = SLICE("\x0a\x01y");
	add_entry(&answer);
}

static void add_entries(void)
{
	struct link_entry entry = {
		.kind = LINK_ENTRY_PREPARE,
		.payment_terms = SLICE("terms"),
	};

	add_entry(&entry);
	entry.payment_terms.size = 0;
	entry.round_terms = SLICE("round");
	add_entry(&entry);
	entry = (struct link_entry){ .kind = LINK_ENTRY_LINE_CHANGE };
	add_entry(&entry);
	entry.line_minor = 100000;
	add_entry(&entry);
	entry = (struct link_entry){ .kind = LINK_ENTRY_FREEZE };
	entry.note = SLICE("gr\xc3\xbc\xc3\x9f");
	add_entry(&entry);
	entry = (struct link_entry){ .kind = LINK_ENTRY_UNFREEZE };
	add_entry(&entry);
	add_answers();
}

static void add_logs(void)
{
	struct link_header header = full_header();
	struct link_batch batch = {
		.header = SLICE("header"),
		.key_id = SLICE("0123456789abcdef"),
		.signature = slice_of(signature, sizeof(signature)),
		.entries = SLICE("\x22\x01"
				 "a\x22\x02"
				 "bc"),
	};
	struct link_proof proof = {
		.header = batch.header,
		.key_id = batch.key_id,
		.signature = batch.signature,
		.entry = SLICE("entry"),
	};

	linklog_put_header(begin(FORM_HEADER), &header);
	header = (struct link_header){
		.federation = SLICE("c"),
		.author = SLICE("a"),
		.peer = SLICE("b"),
		.first_seq = 1,
		.count = LINKLOG_ENTRIES_MAX,
	};
	linklog_put_header(begin(FORM_HEADER), &header);
	linklog_put_batch(begin(FORM_BATCH), &batch);
	linklog_put_proof(begin(FORM_PROOF), &proof);
	proof.index = LINKLOG_ENTRIES_MAX - 1;
	proof.path_count = LINKLOG_PROOF_PATH_MAX;
	linklog_put_proof(begin(FORM_PROOF), &proof);
}

static void add_hellos(void)
{
	struct link_hello hello = {
		.version = 1,
		.federation = SLICE("commons"),
		.from = SLICE("lisbon"),
		.to = SLICE("porto-2"),
		.life = { .incarnation = 1 },
	};
	struct link_hello_ok ok = { .hello_hash = { 4 } };

	linklog_put_hello(begin(FORM_HELLO), &hello);
	hello.last_reconciled = (struct link_life){ 3, { 1, 2 } };
	hello.out_seq = 17;
	hello.out_head[31] = 1;
	hello.roster_version = 2;
	linklog_put_hello(begin(FORM_HELLO), &hello);
	linklog_put_hello_ok(begin(FORM_HELLO_OK), &ok);
	ok.in_seq = 1;
	ok.out_seq = 128;
	ok.lives_since[0] = (struct link_life){ 4, { 5 } };
	ok.lives_since[1] = (struct link_life){ LINKLOG_NUMBER_MAX, { 0 } };
	ok.lives_count = 2;
	ok.last_known = true;
	ok.journal_seq_seen = 5;
	ok.roster_version = 2;
	linklog_put_hello_ok(begin(FORM_HELLO_OK), &ok);
}

static void add_never(void)
{
	struct link_never never = { { 1, 2 }, { 3 } };

	linklog_put_never(begin(FORM_NEVER), &never);
}

static void add_terms(void)
{
	struct payment_terms terms = full_terms();

	linklog_put_terms(begin(FORM_TERMS), &terms);
	terms = (struct payment_terms){ .payment_id = { 1 } };
	linklog_put_terms(begin(FORM_TERMS), &terms);
}

static int set_up(void **state)
{
	(void)state;
	sample_count = 0;
	add_logs();
	add_entries();
	add_terms();
	add_never();
	add_hellos();
	return 0;
}

static void test_linklog_one_form(void **state)
{
	/* What was written is taken, and written again is the same. */
	uint32_t seen = 0;

	(void)state;
	for (uint32_t i = 0; i < sample_count; i++) {
		struct slice bytes = buffer_view(&samples[i].out), same;

		assert_false(samples[i].out.overflowed);
		assert_int_equal(again(samples[i].form, bytes, &same),
				 LINKLOG_OK);
		assert_true(slice_equal(same, bytes));
		seen |= 1u << samples[i].form;
	}
	assert_int_equal(seen, (1u << FORM_COUNT) - 1);
}

/* Is it refused, or of the one form? */
static bool one_form_or_none(enum link_form form, struct slice bytes)
{
	struct slice same;

	return again(form, bytes, &same) != LINKLOG_OK ||
	       slice_equal(same, bytes);
}

static void test_linklog_flips(void **state)
{
	/* Any one byte changed: another value, or refused (rule PEER-8). */
	(void)state;
	for (uint32_t i = 0; i < sample_count; i++) {
		struct sample *sample = &samples[i];

		for (size_t at = 0; at < sample->out.size; at++) {
			for (uint32_t flip = 1; flip < 256; flip++) {
				sample->bytes[at] ^= (uint8_t)flip;
				assert_true(one_form_or_none(
					sample->form,
					buffer_view(&sample->out)));
				sample->bytes[at] ^= (uint8_t)flip;
			}
		}
	}
}

static void test_linklog_cuts(void **state)
{
	/* Cut anywhere, or with a byte less inside. */
	static uint8_t bytes[SAMPLE_SIZE_MAX];

	(void)state;
	for (uint32_t i = 0; i < sample_count; i++) {
		struct slice whole = buffer_view(&samples[i].out);

		for (size_t at = 0; at < whole.size; at++) {
			assert_true(one_form_or_none(samples[i].form,
						     slice_upto(whole, at)));
			memcpy(bytes, whole.data, at);
			memcpy(bytes + at, whole.data + at + 1,
			       whole.size - at - 1);
			assert_true(one_form_or_none(
				samples[i].form,
				slice_of(bytes, whole.size - 1)));
		}
	}
}

static void test_linklog_unknown_field(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < sample_count; i++) {
		struct slice same;

		buffer_put(&samples[i].out, unknown);
		assert_int_equal(again(samples[i].form,
				       buffer_view(&samples[i].out), &same),
				 LINKLOG_MALFORMED);
	}
}

static void test_linklog_header_values(void **state)
{
	struct link_header header, out = full_header();
	uint8_t bytes[LINKLOG_HEADER_SIZE_MAX];
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, bytes, sizeof(bytes));
	linklog_put_header(&buffer, &out);
	assert_int_equal(linklog_header(buffer_view(&buffer), &header),
			 LINKLOG_OK);
	assert_true(slice_equal(header.federation, out.federation));
	assert_true(slice_equal(header.author, out.author));
	assert_true(slice_equal(header.peer, out.peer));
	assert_int_equal(header.version, 1);
	assert_int_equal(header.count, 2);
	assert_memory_equal(&header.incarnation, &out.incarnation, 16);
	assert_memory_equal(header.prev_head, out.prev_head, SHA256_SIZE);
	assert_memory_equal(header.root, out.root, SHA256_SIZE);
	assert_memory_equal(&header.ack_seq, &out.ack_seq, 8);
	assert_memory_equal(header.ack_head, out.ack_head, SHA256_SIZE);
	assert_memory_equal(&header.promised_minor, &out.promised_minor, 40);
}

static void test_linklog_terms_values(void **state)
{
	struct payment_terms out = full_terms(), terms;
	uint8_t bytes[LINKLOG_TERMS_SIZE_MAX];
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, bytes, sizeof(bytes));
	linklog_put_terms(&buffer, &out);
	assert_int_equal(linklog_terms(buffer_view(&buffer), &terms),
			 LINKLOG_OK);
	assert_memory_equal(terms.payment_id, out.payment_id, LINKLOG_ID_SIZE);
	assert_true(slice_equal(terms.federation, out.federation));
	assert_true(slice_equal(terms.payer, out.payer));
	assert_true(slice_equal(terms.payee, out.payee));
	assert_int_equal(terms.amount_minor, 1050);
	assert_int_equal(terms.path_count, 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_true(slice_equal(terms.path[i], out.path[i]));
	assert_int_equal(terms.decide_by_us, 99);
	assert_true(slice_equal(terms.lock, out.lock));
	assert_true(slice_equal(terms.reference, out.reference));
}

static void test_linklog_entry_values(void **state)
{
	static const uint8_t hash[SHA256_SIZE] = { 9 };
	struct slice release = slice_of(NULL, 0);
	struct link_entry entry;

	(void)state;
	for (uint32_t i = 0; i < sample_count; i++) {
		struct slice bytes = buffer_view(&samples[i].out);

		if (samples[i].form != FORM_ENTRY)
			continue;
		assert_int_equal(linklog_entry(bytes, &entry), LINKLOG_OK);
		if (entry.kind == LINK_ENTRY_RELEASE)
			release = bytes;
		if (entry.kind == LINK_ENTRY_SETTLE) {
			assert_int_equal(entry.prepare_seq, 3);
			assert_memory_equal(entry.terms_hash, hash,
					    SHA256_SIZE);
		}
	}
	assert_int_equal(linklog_entry(release, &entry), LINKLOG_OK);
	assert_true(entry.prepare_seq == LINKLOG_NUMBER_MAX);
	assert_int_equal(entry.reason, LINK_REASON_LINE);
	assert_true(slice_equal(entry.at_city, SLICE("evora")));
	assert_true(slice_equal(entry.certificate, SLICE("\x0a\x01y")));
}

static void test_linklog_hello_values(void **state)
{
	static struct link_hello_ok ok;
	struct slice last = buffer_view(&samples[sample_count - 1].out);

	(void)state;
	assert_int_equal(linklog_hello_ok(last, &ok), LINKLOG_OK);
	assert_int_equal(ok.hello_hash[0], 4);
	assert_int_equal(ok.in_seq, 1);
	assert_int_equal(ok.out_seq, 128);
	assert_int_equal(ok.lives_count, 2);
	assert_int_equal(ok.lives_since[0].incarnation, 4);
	assert_int_equal(ok.lives_since[0].nonce[0], 5);
	assert_true(ok.lives_since[1].incarnation == LINKLOG_NUMBER_MAX);
	assert_true(ok.last_known);
	assert_int_equal(ok.journal_seq_seen, 5);
	assert_int_equal(ok.roster_version, 2);
}

static enum linklog_result entry_of(struct slice bytes)
{
	struct link_entry entry;

	return linklog_entry(bytes, &entry);
}

static void test_linklog_entry_refused(void **state)
{
	/* One of each that PEER-8 names. */
	static const struct slice refused[] = {
		SLICE(""),
		SLICE("\x0a\x00"),		     /* Prepare of neither */
		SLICE("\x0a\x06\x0a\x01x\x12\x01y"), /* of both */
		SLICE("\x0a\x03\x0a\x01x\x32\x00"),  /* two kinds */
		SLICE("\x0a\x03\x0a\x01x\x0a\x03\x0a\x01x"),
		SLICE("\x3a\x00"),		   /* no such kind */
		SLICE("\x08\x01"),		   /* no message */
		SLICE("\x12\x02\x08\x01"),	   /* Settle without a hash */
		SLICE("\x22\x02\x08\x00"),	   /* zero is left out */
		SLICE("\x22\x03\x08\x81\x00"),	   /* a longer varint */
		SLICE("\x22\x82\x00\x08\x01"),	   /* a longer length */
		SLICE("\xa2\x00\x02\x08\x01"),	   /* a longer tag */
		SLICE("\x22\x04\x08\x01\x08\x01"), /* twice */
		SLICE("\x2a\x03\x0a\x01\xff"),	   /* no UTF-8 */
		SLICE("\x2a\x03\x0a\x01\x07"),	   /* a control character */
		SLICE("\x2a\x02\x0a\x00"),	   /* empty is left out */
		SLICE("\x2a\x02\x10\x01"),	   /* an unknown field inside */
		SLICE("\x23\x24"),		   /* groups */
	};

	(void)state;
	assert_int_equal(entry_of(SLICE("\x22\x02\x08\x01")), LINKLOG_OK);
	assert_int_equal(entry_of(SLICE("\x32\x00")), LINKLOG_OK);
	for (size_t i = 0; i < COUNT_OF(refused); i++)
		if (entry_of(refused[i]) != LINKLOG_MALFORMED)
			fail_msg("number %zu is taken", i);
}

static void expect_size(enum link_form form, size_t size,
			enum linklog_result expected)
{
	static uint8_t bytes[LINKLOG_BATCH_SIZE_MAX + 1];
	struct slice same;

	assert_true(size <= sizeof(bytes));
	assert_int_equal(again(form, slice_of(bytes, size), &same), expected);
}

static void test_linklog_sizes(void **state)
{
	static const size_t limits[] = {
		[FORM_HEADER] = LINKLOG_HEADER_SIZE_MAX,
		[FORM_BATCH] = LINKLOG_BATCH_SIZE_MAX,
		[FORM_ENTRY] = LINKLOG_ENTRY_SIZE_MAX,
		[FORM_TERMS] = LINKLOG_TERMS_SIZE_MAX,
		[FORM_PROOF] = LINKLOG_PROOF_SIZE_MAX,
	};

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(limits); i++) {
		expect_size((enum link_form)i, limits[i], LINKLOG_MALFORMED);
		expect_size((enum link_form)i, limits[i] + 1,
			    LINKLOG_TOO_LARGE);
	}
}

/* A batch of @count entries of @size bytes each. */
static enum linklog_result batch_of(uint32_t count, size_t size)
{
	static uint8_t memory[LINKLOG_BATCH_SIZE_MAX];
	static uint8_t entry[LINKLOG_ENTRY_SIZE_MAX + 1];
	struct link_batch batch;
	struct buffer out;

	buffer_init(&out, memory, sizeof(memory));
	buffer_put_field_bytes(&out, 1, SLICE("header"));
	buffer_put_field_bytes(&out, 2, SLICE("key"));
	buffer_put_field_bytes(&out, 3, slice_of(signature, sizeof(signature)));
	for (uint32_t i = 0; i < count; i++)
		linklog_put_batch_entry(&out, slice_of(entry, size));
	assert_false(out.overflowed);
	return linklog_batch(buffer_view(&out), &batch);
}

static void test_linklog_batch_limits(void **state)
{
	(void)state;
	assert_int_equal(batch_of(0, 1), LINKLOG_MALFORMED);
	assert_int_equal(batch_of(LINKLOG_ENTRIES_MAX, 1), LINKLOG_OK);
	assert_int_equal(batch_of(LINKLOG_ENTRIES_MAX + 1, 1),
			 LINKLOG_TOO_LARGE);
	assert_int_equal(batch_of(1, LINKLOG_ENTRY_SIZE_MAX), LINKLOG_OK);
	assert_int_equal(batch_of(1, LINKLOG_ENTRY_SIZE_MAX + 1),
			 LINKLOG_TOO_LARGE);
}

static void test_linklog_header_count(void **state)
{
	/* 1 to 1024 entries; all else of it stays good. */
	struct link_header out = full_header(), header;
	uint8_t bytes[LINKLOG_HEADER_SIZE_MAX];
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, bytes, sizeof(bytes));
	out.count = LINKLOG_ENTRIES_MAX;
	linklog_put_header(&buffer, &out);
	for (size_t at = 0; at + 3 <= buffer.size; at++) {
		if (memcmp(bytes + at, "\x38\x80\x08", 3) != 0)
			continue;
		bytes[at + 1] = 0x81;
		assert_int_equal(linklog_header(buffer_view(&buffer), &header),
				 LINKLOG_TOO_LARGE);
		return;
	}
	fail_msg("the header has no count");
}

static void test_linklog_reference_limit(void **state)
{
	static const uint8_t reference[LINKLOG_REFERENCE_SIZE_MAX + 1];
	struct payment_terms out = full_terms(), terms;
	uint8_t bytes[LINKLOG_TERMS_SIZE_MAX];
	struct buffer buffer;

	(void)state;
	for (size_t more = 0; more < 2; more++) {
		buffer_init(&buffer, bytes, sizeof(bytes));
		out.reference =
			slice_of(reference, LINKLOG_REFERENCE_SIZE_MAX + more);
		linklog_put_terms(&buffer, &out);
		assert_int_equal(linklog_terms(buffer_view(&buffer), &terms),
				 more ? LINKLOG_TOO_LARGE : LINKLOG_OK);
	}
}

static void test_linklog_reasons(void **state)
{
	/* (rule PEER-27) */
	static const char *const names[LINK_REASON_COUNT] = {
		"NONE",		 "WRONG_FEDERATION",
		"BAD_PATH",	 "NOT_ON_PATH",
		"AMOUNT_RANGE",	 "ID_CONFLICT",
		"ID_TOO_OLD",	 "CITY_GONE",
		"FROZEN",	 "LATE",
		"LINE",		 "TOO_MANY_PENDING",
		"NO_LINK",	 "LINK_DOWN",
		"NEXT_FROZEN",	 "NEXT_BUSY",
		"PAYEE_UNKNOWN", "PAYEE_CLOSED",
		"PAYEE_CEILING", "PAYEE_DECLINED",
		"CANCELLED",	 "ROUND_ABORTED",
	};
	static const uint32_t retry[] = { 8, 10, 11, 13, 14, 15, 18 };
	uint32_t found = 0;

	(void)state;
	for (uint32_t i = 0; i < LINK_REASON_COUNT; i++) {
		assert_string_equal(link_reason_name(i), names[i]);
		assert_true(strlen(link_reason_sentence(i)) > 10);
		for (uint32_t j = 0; j < i; j++)
			assert_string_not_equal(link_reason_sentence(i),
						link_reason_sentence(j));
		if (!link_reason_retry(i))
			continue;
		assert_true(found < COUNT_OF(retry));
		assert_int_equal(i, retry[found++]);
	}
	assert_int_equal(found, COUNT_OF(retry));
	/* A newer city's. */
	assert_string_equal(link_reason_name(LINK_REASON_COUNT), "UNKNOWN");
	assert_true(strlen(link_reason_sentence(UINT32_MAX)) > 10);
	assert_false(link_reason_retry(UINT32_MAX));
}

#define CASE(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_linklog_one_form),
		CASE(test_linklog_flips),
		CASE(test_linklog_cuts),
		CASE(test_linklog_unknown_field),
		CASE(test_linklog_header_values),
		CASE(test_linklog_terms_values),
		CASE(test_linklog_entry_values),
		CASE(test_linklog_hello_values),
		CASE(test_linklog_entry_refused),
		CASE(test_linklog_sizes),
		CASE(test_linklog_batch_limits),
		CASE(test_linklog_header_count),
		CASE(test_linklog_reference_limit),
		CASE(test_linklog_reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
