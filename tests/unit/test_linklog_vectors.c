/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* proto/vectors/links.txt: what other cities' nodes are held to, and ours. */
#include "unit/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "core/linklog.h"
#include "node/crypto.h"
#include "peer/peer_private.h"
#include "peer/receipt.h"

#define LINE_SIZE_MAX (32u << 10)
#define BYTES_SIZE_MAX (LINE_SIZE_MAX / 2)
#define PARTS_MAX 5
#define LEAVES_MAX 8
#define VECTORS "/../../proto/vectors/links.txt"

/* A line taken apart; the last part is the rest of it. */
struct vector {
	char *kind;
	char *parts[PARTS_MAX];
};

/* Bytes that end where memory ends, so that ASan sees a read behind them. */
static struct slice unhex(const char *hex)
{
	size_t size = strcmp(hex, "-") == 0 ? 0 : strlen(hex) / 2;
	uint8_t *bytes = malloc(size > 0 ? size : 1);

	assert_non_null(bytes);
	for (size_t i = 0; i < size; i++) {
		unsigned value;

		assert_int_equal(sscanf(hex + 2 * i, "%2x", &value), 1);
		bytes[i] = (uint8_t)value;
	}
	return slice_of(bytes, size);
}

static void release(struct slice bytes)
{
	free((void *)(uintptr_t)bytes.data);
}

static json_t *hex_of(struct slice bytes)
{
	static char text[2 * BYTES_SIZE_MAX + 1];

	assert_true(bytes.size <= BYTES_SIZE_MAX);
	text[0] = '\0';
	for (size_t i = 0; i < bytes.size; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes.data[i]);
	return json_string(text);
}

/* Values of a message as the file shows them: defaults are left out. */

static void show_number(json_t *to, const char *name, uint64_t value)
{
	if (value > 0)
		json_object_set_new(to, name, json_integer((json_int_t)value));
}

static void show_text(json_t *to, const char *name, struct slice text)
{
	if (text.size > 0)
		json_object_set_new(
			to, name,
			json_stringn((const char *)text.data, text.size));
}

static void show_bytes(json_t *to, const char *name, struct slice bytes)
{
	if (bytes.size > 0)
		json_object_set_new(to, name, hex_of(bytes));
}

static void show_hash(json_t *to, const char *name, const uint8_t *hash)
{
	show_bytes(to, name, slice_of(hash, SHA256_SIZE));
}

static json_t *show_header(const struct link_header *header)
{
	json_t *to = json_object();

	show_number(to, "version", header->version);
	show_text(to, "federation", header->federation);
	show_text(to, "author", header->author);
	show_text(to, "peer", header->peer);
	show_number(to, "incarnation", header->incarnation);
	show_number(to, "first_seq", header->first_seq);
	show_number(to, "count", header->count);
	show_hash(to, "prev_head", header->prev_head);
	show_hash(to, "root", header->root);
	show_number(to, "ack_seq", header->ack_seq);
	show_hash(to, "ack_head", header->ack_head);
	show_number(to, "promised_minor", header->promised_minor);
	show_number(to, "settled_minor", header->settled_minor);
	show_number(to, "released_minor", header->released_minor);
	show_number(to, "journal_seq", header->journal_seq);
	show_number(to, "recorded_us", header->recorded_us);
	return to;
}

static json_t *show_batch(const struct link_batch *batch)
{
	json_t *to = json_object(), *entries = json_array();
	struct slice rest = batch->entries, entry;

	show_bytes(to, "header", batch->header);
	show_text(to, "key_id", batch->key_id);
	show_bytes(to, "signature", batch->signature);
	while (linklog_next_entry(&rest, &entry))
		json_array_append_new(entries, hex_of(entry));
	assert_int_equal(rest.size, 0);
	assert_int_equal(json_array_size(entries), batch->entry_count);
	json_object_set_new(to, "entries", entries);
	return to;
}

static void show_answer(json_t *to, const struct link_entry *entry)
{
	show_number(to, "prepare_seq", entry->prepare_seq);
	show_hash(to, "terms_hash", entry->terms_hash);
	show_bytes(to, "key", entry->key);
	show_bytes(to, "proof", entry->proof);
	show_number(to, "reason", entry->reason);
	show_text(to, "at_city", entry->at_city);
	show_bytes(to, "certificate", entry->certificate);
}

static json_t *show_entry(const struct link_entry *entry)
{
	static const char *const kinds[] = {
		[LINK_ENTRY_PREPARE] = "prepare",
		[LINK_ENTRY_SETTLE] = "settle",
		[LINK_ENTRY_RELEASE] = "release",
		[LINK_ENTRY_LINE_CHANGE] = "line",
		[LINK_ENTRY_FREEZE] = "freeze",
		[LINK_ENTRY_UNFREEZE] = "unfreeze",
	};
	json_t *to = json_object(), *of = json_object();

	assert_true(entry->kind > 0 && entry->kind < COUNT_OF(kinds));
	show_bytes(of, "payment", entry->payment_terms);
	show_bytes(of, "round", entry->round_terms);
	if (entry->kind == LINK_ENTRY_SETTLE ||
	    entry->kind == LINK_ENTRY_RELEASE)
		show_answer(of, entry);
	show_number(of, "line_minor", entry->line_minor);
	show_text(of, "note", entry->note);
	json_object_set_new(to, kinds[entry->kind], of);
	return to;
}

static json_t *show_terms(const struct payment_terms *terms)
{
	json_t *to = json_object(), *path = json_array();

	show_bytes(to, "payment_id",
		   slice_of(terms->payment_id, LINKLOG_ID_SIZE));
	show_text(to, "federation", terms->federation);
	show_text(to, "payer", terms->payer);
	show_text(to, "payee", terms->payee);
	show_number(to, "amount_minor", terms->amount_minor);
	for (uint32_t i = 0; i < terms->path_count; i++)
		json_array_append_new(
			path, json_stringn((const char *)terms->path[i].data,
					   terms->path[i].size));
	if (terms->path_count > 0)
		json_object_set(to, "path", path);
	json_decref(path);
	show_number(to, "decide_by_us", terms->decide_by_us);
	show_bytes(to, "lock", terms->lock);
	show_bytes(to, "reference", terms->reference);
	return to;
}

static json_t *show_proof(const struct link_proof *proof)
{
	json_t *to = json_object(), *path = json_array();

	show_bytes(to, "header", proof->header);
	show_text(to, "key_id", proof->key_id);
	show_bytes(to, "signature", proof->signature);
	show_bytes(to, "entry", proof->entry);
	show_number(to, "index", proof->index);
	for (uint32_t i = 0; i < proof->path_count; i++)
		json_array_append_new(
			path, hex_of(slice_of(proof->path[i], SHA256_SIZE)));
	if (proof->path_count > 0)
		json_object_set(to, "path", path);
	json_decref(path);
	return to;
}

static json_t *show_life(const struct link_life *life)
{
	json_t *to = json_object();

	show_number(to, "incarnation", life->incarnation);
	show_bytes(to, "nonce", slice_of(life->nonce, LINKLOG_NONCE_SIZE));
	return to;
}

static json_t *show_hello(const struct link_hello *hello)
{
	json_t *to = json_object();

	show_number(to, "version", hello->version);
	show_text(to, "federation", hello->federation);
	show_text(to, "from", hello->from);
	show_text(to, "to", hello->to);
	json_object_set_new(to, "life", show_life(&hello->life));
	if (hello->last_reconciled.incarnation > 0)
		json_object_set_new(to, "last_reconciled",
				    show_life(&hello->last_reconciled));
	show_number(to, "out_seq", hello->out_seq);
	show_hash(to, "out_head", hello->out_head);
	show_number(to, "roster_version", hello->roster_version);
	return to;
}

static json_t *show_hello_ok(const struct link_hello_ok *ok)
{
	json_t *to = json_object(), *lives = json_array();

	show_hash(to, "hello_hash", ok->hello_hash);
	show_number(to, "in_seq", ok->in_seq);
	show_hash(to, "in_head", ok->in_head);
	show_number(to, "out_seq", ok->out_seq);
	show_hash(to, "out_head", ok->out_head);
	for (uint32_t i = 0; i < ok->lives_count; i++)
		json_array_append_new(lives, show_life(&ok->lives_since[i]));
	if (ok->lives_count > 0)
		json_object_set(to, "lives_since", lives);
	json_decref(lives);
	if (ok->last_known)
		json_object_set_new(to, "last_known", json_true());
	show_number(to, "journal_seq_seen", ok->journal_seq_seen);
	show_number(to, "roster_version", ok->roster_version);
	return to;
}

static json_t *show_never(const struct link_never *never)
{
	json_t *to = json_object();

	show_bytes(to, "payment_id",
		   slice_of(never->payment_id, LINKLOG_ID_SIZE));
	show_hash(to, "terms_hash", never->terms_hash);
	return to;
}

/*
 * Decodes @bytes; on success encodes them again into @again and shows them.
 * One such function a message.
 */
#define READER(message, type)                                                  \
	static enum linklog_result read_##message(                             \
		struct slice bytes, struct buffer *again, json_t **shown)      \
	{                                                                      \
		static struct type value;                                      \
		enum linklog_result result = linklog_##message(bytes, &value); \
                                                                               \
		if (result != LINKLOG_OK)                                      \
			return result;                                         \
		linklog_put_##message(again, &value);                          \
		*shown = show_##message(&value);                               \
		return result;                                                 \
	}

READER(header, link_header)
READER(batch, link_batch)
READER(entry, link_entry)
READER(terms, payment_terms)
READER(proof, link_proof)
READER(hello, link_hello)
READER(hello_ok, link_hello_ok)
READER(never, link_never)

static const struct message {
	const char *kind;
	enum linklog_result (*read)(struct slice bytes, struct buffer *again,
				    json_t **shown);
} messages[] = {
	{ "Header", read_header },    { "Batch", read_batch },
	{ "Entry", read_entry },      { "PaymentTerms", read_terms },
	{ "Proof", read_proof },      { "Hello", read_hello },
	{ "HelloOk", read_hello_ok }, { "Never", read_never },
};

static const struct message *message_of(const char *kind)
{
	for (size_t i = 0; i < COUNT_OF(messages); i++) {
		if (strcmp(messages[i].kind, kind) == 0)
			return &messages[i];
	}
	return NULL;
}

static void expect_shown(const char *name, json_t *shown, const char *text)
{
	json_t *document = json_loads(text, 0, NULL);

	if (document == NULL)
		fail_msg("%s: taken, and should be %s", name, text);
	if (!json_equal(shown, document))
		fail_msg("%s: %s", name, json_dumps(shown, JSON_SORT_KEYS));
	json_decref(document);
}

/* Parts: name, bytes, what they say or why they are refused. */
static void expect_message(const struct message *message,
			   const struct vector *vector)
{
	static uint8_t bytes[BYTES_SIZE_MAX];
	struct slice given = unhex(vector->parts[1]);
	const char *name = vector->parts[0], *wanted = vector->parts[2];
	json_t *shown = NULL;
	struct buffer again;

	buffer_init(&again, bytes, sizeof(bytes));
	switch (message->read(given, &again, &shown)) {
	case LINKLOG_OK:
		expect_shown(name, shown, wanted);
		if (!slice_equal(buffer_view(&again), given))
			fail_msg("%s: another form", name);
		break;
	case LINKLOG_MALFORMED:
		assert_string_equal(wanted, "MALFORMED");
		break;
	case LINKLOG_TOO_LARGE:
		assert_string_equal(wanted, "TOO_LARGE");
		break;
	}
	json_decref(shown);
	release(given);
}

static void expect_bytes(const uint8_t *bytes, size_t size, const char *hex)
{
	struct slice wanted = unhex(hex);

	assert_int_equal(wanted.size, size);
	assert_memory_equal(bytes, wanted.data, size);
	release(wanted);
}

/* Takes the file's lines one by one; @file is NULL at the first call. */
static bool next_vector(FILE **file, struct vector *out)
{
	static char path[1024], line[LINE_SIZE_MAX];
	static const char here[] = __FILE__;
	char *rest = NULL;

	if (*file == NULL) {
		snprintf(path, sizeof(path), "%.*s" VECTORS,
			 (int)(strrchr(here, '/') - here), here);
		*file = fopen(path, "r");
	}
	if (*file == NULL)
		fail_msg("%s cannot be read", path);
	do {
		if (fgets(line, sizeof(line), *file) == NULL) {
			fclose(*file);
			return false;
		}
		assert_non_null(strchr(line, '\n'));
	} while (line[0] == '#');
	line[strcspn(line, "\n")] = '\0';
	memset(out, 0, sizeof(*out));
	out->kind = strtok_r(line, " ", &rest);
	for (uint32_t i = 0; i < PARTS_MAX && rest != NULL; i++) {
		/* A document has spaces, too. */
		bool last = *rest == '{';

		out->parts[i] = last ? rest : strtok_r(NULL, " ", &rest);
		if (last)
			break;
	}
	return true;
}

/* Goes to the next vector of @kind. */
static bool next_of(FILE **file, const char *kind, struct vector *out)
{
	while (next_vector(file, out)) {
		if (strcmp(out->kind, kind) == 0)
			return true;
	}
	return false;
}

static void test_linklog_messages(void **state)
{
	/* Goal: what is taken says what the file says, and has one form. */
	uint32_t counts[COUNT_OF(messages)] = { 0 };
	struct vector vector;
	FILE *file = NULL;

	(void)state;
	while (next_vector(&file, &vector)) {
		const struct message *message = message_of(vector.kind);

		if (message == NULL)
			continue;
		expect_message(message, &vector);
		counts[message - messages]++;
	}
	for (size_t i = 0; i < COUNT_OF(messages); i++)
		assert_true(counts[i] >= 8);
}

static void test_linklog_heads(void **state)
{
	/* Goal: heads of logs, also of empty ones (rule PEER-5). */
	uint8_t hash[SHA256_SIZE];
	struct vector vector;
	FILE *file = NULL;
	uint32_t count = 0;

	(void)state;
	while (next_of(&file, "head", &vector)) {
		struct slice header = unhex(vector.parts[0]);

		linklog_head(header, crypto_sha256, hash);
		expect_bytes(hash, sizeof(hash), vector.parts[1]);
		release(header);
		count++;
	}
	file = NULL;
	while (next_of(&file, "first-head", &vector)) {
		linklog_first_head(slice_from_text(vector.parts[0]),
				   slice_from_text(vector.parts[1]),
				   slice_from_text(vector.parts[2]),
				   crypto_sha256, hash);
		expect_bytes(hash, sizeof(hash), vector.parts[3]);
		count++;
	}
	assert_int_equal(count, 4);
}

static uint32_t leaves_of(char *listed, uint8_t (*leaves)[SHA256_SIZE])
{
	char *rest = NULL, *hex = strtok_r(listed, ",", &rest);
	uint32_t count = 0;

	for (; hex != NULL; hex = strtok_r(NULL, ",", &rest)) {
		struct slice entry = unhex(hex);

		assert_true(count < LEAVES_MAX);
		linklog_leaf(entry, crypto_sha256, leaves[count++]);
		release(entry);
	}
	return count;
}

static void test_linklog_roots(void **state)
{
	/* Goal: the trees of RFC 6962 (rule PEER-5). */
	uint8_t leaves[LEAVES_MAX][SHA256_SIZE],
		scratch[LEAVES_MAX][SHA256_SIZE];
	uint8_t root[SHA256_SIZE];
	struct vector vector;
	FILE *file = NULL;
	uint32_t wanted = 0;

	(void)state;
	while (next_of(&file, "root", &vector)) {
		uint32_t count = leaves_of(vector.parts[0], leaves);

		assert_int_equal(count, ++wanted);
		linklog_root((const uint8_t(*)[SHA256_SIZE])leaves, count,
			     scratch, crypto_sha256, root);
		expect_bytes(root, sizeof(root), vector.parts[1]);
	}
	assert_int_equal(wanted, LEAVES_MAX);
}

static void test_linklog_paths(void **state)
{
	/* Goal: the audit paths of RFC 6962, hash by hash. */
	uint8_t leaves[LEAVES_MAX][SHA256_SIZE],
		scratch[LEAVES_MAX][SHA256_SIZE];
	uint8_t path[LINKLOG_PROOF_PATH_MAX][SHA256_SIZE];
	struct vector vector;
	FILE *file = NULL;
	uint32_t paths = 0;

	(void)state;
	while (next_of(&file, "path", &vector)) {
		uint32_t leaf_count = leaves_of(vector.parts[0], leaves);
		uint32_t index = (uint32_t)atoi(vector.parts[1]), at = 0, count;
		char *rest = NULL, *hex = strtok_r(vector.parts[2], ",", &rest);

		count = linklog_path((const uint8_t(*)[SHA256_SIZE])leaves,
				     leaf_count, index, scratch, crypto_sha256,
				     path);
		for (; hex != NULL && *hex != '-'; at++) {
			assert_true(at < count);
			expect_bytes(path[at], SHA256_SIZE, hex);
			hex = strtok_r(NULL, ",", &rest);
		}
		assert_int_equal(at, count);
		paths++;
	}
	assert_int_equal(paths, LEAVES_MAX * (LEAVES_MAX + 1) / 2);
}

/* Parts: bytes, seed, public key, signature; @signed is what is signed. */
static void expect_signature(const struct vector *vector, struct slice bytes)
{
	struct slice seed = unhex(vector->parts[1]);
	struct signing_key *key = signing_key_of_seed(seed.data);
	uint8_t signature[LINKLOG_SIGNATURE_SIZE];

	assert_non_null(key);
	expect_bytes(signing_key_public(key), NODE_KEY_SIZE, vector->parts[2]);
	crypto_sign(key, bytes, signature);
	expect_bytes(signature, sizeof(signature), vector->parts[3]);
	signing_key_free(key);
	release(seed);
}

static void test_linklog_signatures(void **state)
{
	/* Goal: batches and HelloOk are signed as others do (rule PEER-6). */
	static uint8_t bytes[BYTES_SIZE_MAX];
	struct vector vector;
	struct buffer buffer;
	FILE *file = NULL;
	uint32_t count = 0;

	(void)state;
	while (next_of(&file, "signed-batch", &vector)) {
		struct slice header = unhex(vector.parts[0]);

		buffer_init(&buffer, bytes, sizeof(bytes));
		linklog_signed(&buffer, header);
		expect_signature(&vector, buffer_view(&buffer));
		release(header);
		count++;
	}
	assert_int_equal(count, 3);
}

static void test_linklog_signed_bodies(void **state)
{
	/* Goal: what the engine signs of what it answers is as in the file. */
	static uint8_t scratch[PEER_SCRATCH_SIZE];
	uint8_t signature[LINKLOG_SIGNATURE_SIZE];
	struct vector vector;
	FILE *file = NULL;
	uint32_t count = 0;

	(void)state;
	while (next_of(&file, "signed-body", &vector)) {
		struct slice body = unhex(vector.parts[1]);
		struct slice seed = unhex(vector.parts[2]);
		struct signing_key *key = signing_key_of_seed(seed.data);
		struct peer peer = { .scratch = scratch,
				     .options = { .sign = crypto_sign,
						  .context = key } };

		assert_non_null(key);
		peer_sign_body(&peer, vector.parts[0], body, signature);
		expect_bytes(signature, sizeof(signature), vector.parts[4]);
		signing_key_free(key);
		release(seed);
		release(body);
		count++;
	}
	assert_int_equal(count, 2);
}

static void test_linklog_proofs(void **state)
{
	/* Goal: which proofs hold, and why the others do not (rule PEER-34). */
	static const char *const names[] = {
		[LINKLOG_PROVEN] = "PROVEN",
		[LINKLOG_PROOF_MALFORMED] = "PROOF_MALFORMED",
		[LINKLOG_PROOF_WRONG_LOG] = "PROOF_WRONG_LOG",
		[LINKLOG_PROOF_WRONG_TERMS] = "PROOF_WRONG_TERMS",
		[LINKLOG_PROOF_WRONG_ROOT] = "PROOF_WRONG_ROOT",
		[LINKLOG_PROOF_BAD_SIGNATURE] = "PROOF_BAD_SIGNATURE",
	};
	bool seen[COUNT_OF(names)] = { false };
	struct vector vector;
	FILE *file = NULL;

	(void)state;
	while (next_of(&file, "proof", &vector)) {
		struct slice proof = unhex(vector.parts[1]);
		struct slice terms = unhex(vector.parts[2]);
		struct slice key = unhex(vector.parts[3]);
		struct link_entry entry = { 0 };
		enum linklog_proof_result result = linklog_verify_proof(
			proof, terms, key.data, crypto_sha256, crypto_verify,
			&entry);

		if (strcmp(names[result], vector.parts[4]) != 0)
			fail_msg("%s: %s", vector.parts[0], names[result]);
		assert_int_equal(entry.kind != 0, result == LINKLOG_PROVEN);
		seen[result] = true;
		release(proof);
		release(terms);
		release(key);
	}
	for (size_t i = 0; i < COUNT_OF(names); i++)
		assert_true(seen[i]);
}

static void test_linklog_receipts(void **state)
{
	/* Goal: files that are receipts, written again alike, and others. */
	struct vector vector;
	FILE *file = NULL;
	uint32_t good = 0, bad = 0;

	(void)state;
	while (next_of(&file, "receipt", &vector)) {
		bool refused = strcmp(vector.parts[2], "MALFORMED") == 0;
		struct slice bytes = unhex(vector.parts[1]);
		uint8_t memory[RECEIPT_SIZE_MAX];
		struct receipt receipt;
		struct buffer out;

		if (receipt_decode(bytes, &receipt) != RECEIPT_SOUND) {
			if (!refused)
				fail_msg("%s is refused", vector.parts[0]);
			bad++;
		} else {
			if (refused)
				fail_msg("%s is taken", vector.parts[0]);
			expect_bytes(receipt.terms_bytes.data,
				     receipt.terms_bytes.size, vector.parts[2]);
			expect_bytes(receipt.proof_bytes.data,
				     receipt.proof_bytes.size, vector.parts[3]);
			buffer_init(&out, memory, sizeof(memory));
			receipt_encode(&out, receipt.terms_bytes,
				       receipt.proof_bytes);
			assert_true(slice_equal(buffer_view(&out), bytes));
			good++;
		}
		release(bytes);
	}
	assert_true(good >= 1 && bad >= 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_linklog_messages),
		cmocka_unit_test(test_linklog_heads),
		cmocka_unit_test(test_linklog_roots),
		cmocka_unit_test(test_linklog_paths),
		cmocka_unit_test(test_linklog_signatures),
		cmocka_unit_test(test_linklog_signed_bodies),
		cmocka_unit_test(test_linklog_proofs),
		cmocka_unit_test(test_linklog_receipts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
