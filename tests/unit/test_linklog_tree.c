/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Heads, the Merkle tree and proofs out of it, by other definitions. */
#include "unit/support.h"

#include <string.h>

#include "core/linklog.h"
#include "node/crypto.h"

#define TREE_MAX 33
#define ENTRY_COUNT 5
#define ANSWER_AT 3

typedef uint8_t hash[SHA256_SIZE];

static hash leaves[LINKLOG_ENTRIES_MAX], scratch[2 * LINKLOG_ENTRIES_MAX];
static const uint8_t release_key[LINKLOG_LOCK_SIZE] = { 0x42, 0x24 };

static const hash *const_leaves(void)
{
	return (const hash *)leaves;
}

static void make_leaves(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		linklog_leaf(slice_of(&i, sizeof(i)), crypto_sha256, leaves[i]);
}

/* The definition in RFC 6962, section 2.1. */
static void tree_hash(const hash *nodes, uint32_t count, hash out)
{
	uint8_t pair[1 + 2 * SHA256_SIZE] = { 1 };
	uint32_t left = 1;

	if (count == 1) {
		memcpy(out, nodes[0], SHA256_SIZE);
		return;
	}
	while (left * 2 < count)
		left *= 2;
	tree_hash(nodes, left, pair + 1);
	tree_hash(nodes + left, count - left, pair + 1 + SHA256_SIZE);
	crypto_sha256(slice_of(pair, sizeof(pair)), out);
}

/* Section 2.1.1: PATH(index, nodes), the leaf's sibling first. */
static uint32_t audit_path(const hash *nodes, uint32_t count, uint32_t index,
			   hash *path)
{
	uint32_t left = 1, size;

	if (count == 1)
		return 0;
	while (left * 2 < count)
		left *= 2;
	if (index < left) {
		size = audit_path(nodes, left, index, path);
		tree_hash(nodes + left, count - left, path[size]);
	} else {
		size = audit_path(nodes + left, count - left, index - left,
				  path);
		tree_hash(nodes, left, path[size]);
	}
	return size + 1;
}

static void expect_path(uint32_t count, uint32_t index)
{
	hash path[LINKLOG_PROOF_PATH_MAX + 1], wanted[LINKLOG_PROOF_PATH_MAX];
	hash root;
	uint32_t size = linklog_path(const_leaves(), count, index, scratch,
				     crypto_sha256, path);

	assert_int_equal(size,
			 audit_path(const_leaves(), count, index, wanted));
	assert_memory_equal(path, wanted, size * SHA256_SIZE);
	tree_hash(const_leaves(), count, root);
	assert_true(linklog_path_leads(leaves[index], index, count,
				       (const hash *)path, size, root,
				       crypto_sha256));
	/* No other place, no shorter or longer path, no other hash leads. */
	for (uint32_t other = 0; other <= count; other++)
		assert_int_equal(linklog_path_leads(leaves[index], other, count,
						    (const hash *)path, size,
						    root, crypto_sha256),
				 other == index);
	if (size > 0)
		assert_false(linklog_path_leads(leaves[index], index, count,
						(const hash *)path, size - 1,
						root, crypto_sha256));
	memset(path[size], 0, SHA256_SIZE);
	if (size < LINKLOG_PROOF_PATH_MAX)
		assert_false(linklog_path_leads(leaves[index], index, count,
						(const hash *)path, size + 1,
						root, crypto_sha256));
	for (uint32_t i = 0; i < size; i++) {
		path[i][i] ^= 1;
		assert_false(linklog_path_leads(leaves[index], index, count,
						(const hash *)path, size, root,
						crypto_sha256));
		path[i][i] ^= 1;
	}
}

static void test_linklog_tree_root(void **state)
{
	hash root, wanted;

	(void)state;
	make_leaves(LINKLOG_ENTRIES_MAX);
	for (uint32_t count = 1; count <= LINKLOG_ENTRIES_MAX;
	     count = count < TREE_MAX ? count + 1 : count * 31 / 16) {
		linklog_root(const_leaves(), count, scratch, crypto_sha256,
			     root);
		tree_hash(const_leaves(), count, wanted);
		assert_memory_equal(root, wanted, SHA256_SIZE);
	}
}

static void test_linklog_tree_paths(void **state)
{
	(void)state;
	make_leaves(LINKLOG_ENTRIES_MAX);
	for (uint32_t count = 1; count <= TREE_MAX; count++)
		for (uint32_t index = 0; index < count; index++)
			expect_path(count, index);
	expect_path(LINKLOG_ENTRIES_MAX, 777);
	expect_path(LINKLOG_ENTRIES_MAX - 1, LINKLOG_ENTRIES_MAX - 2);
}

static void test_linklog_tree_no_count(void **state)
{
	hash path[LINKLOG_PROOF_PATH_MAX] = { 0 };

	(void)state;
	make_leaves(1);
	assert_false(linklog_path_leads(leaves[0], 0, 0, (const hash *)path, 0,
					leaves[0], crypto_sha256));
	assert_false(linklog_path_leads(leaves[0], 0, UINT32_MAX,
					(const hash *)path, 0, leaves[0],
					crypto_sha256));
}

static void expect_hash(struct slice bytes, const hash found)
{
	hash wanted;

	crypto_sha256(bytes, wanted);
	assert_memory_equal(found, wanted, SHA256_SIZE);
}

static void test_linklog_tree_domains(void **state)
{
	/* (rules PEER-5, PEER-6) */
	uint8_t bytes[40];
	struct buffer out;
	hash found;

	(void)state;
	linklog_head(SLICE("bytes"), crypto_sha256, found);
	expect_hash(SLICE("clearing/head/1\0bytes"), found);
	linklog_first_head(SLICE("commons"), SLICE("a"), SLICE("b"),
			   crypto_sha256, found);
	expect_hash(SLICE("clearing/log/1\0commons\0a\0b"), found);
	linklog_leaf(SLICE("entry"), crypto_sha256, found);
	expect_hash(SLICE("\0entry"), found);
	buffer_init(&out, bytes, sizeof(bytes));
	linklog_signed(&out, SLICE("bytes"));
	assert_true(slice_equal(buffer_view(&out),
				SLICE("clearing/batch/1\0bytes")));
}

/* A payment, the decider's batch that answers it, and the proof of it. */
struct answer {
	struct payment_terms terms;
	uint8_t terms_bytes[LINKLOG_TERMS_SIZE_MAX];
	struct slice terms_view;
	hash lock;
	struct link_entry entry;
	struct link_header header;
	uint8_t batch_bytes[4096];
	struct link_batch batch;
	struct link_proof proof;
	struct slice proof_view;
	uint8_t proof_bytes[LINKLOG_PROOF_SIZE_MAX];
	struct signing_key *key;
	uint8_t signature[LINKLOG_SIGNATURE_SIZE];
};

static struct answer answer;

static int set_up(void **state)
{
	static const uint8_t seed[SIGNING_SEED_SIZE] = { 1, 2, 3 };

	(void)state;
	memset(&answer, 0, sizeof(answer));
	answer.key = signing_key_of_seed(seed);
	answer.terms = (struct payment_terms){
		.payment_id = { 1 },
		.federation = SLICE("commons"),
		.payer = SLICE("bakery@lisbon"),
		.payee = SLICE("mill@evora"),
		.amount_minor = 100,
		.path = { SLICE("lisbon"), SLICE("porto"), SLICE("evora") },
		.path_count = 3,
		.decide_by_us = 1,
	};
	answer.entry = (struct link_entry){
		.kind = LINK_ENTRY_SETTLE,
		.prepare_seq = 4,
	};
	answer.header = (struct link_header){
		.version = 1,
		.federation = SLICE("commons"),
		.author = SLICE("evora"),
		.peer = SLICE("porto"),
		.incarnation = 1,
		.first_seq = 9,
		.count = ENTRY_COUNT,
	};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	signing_key_free(answer.key);
	return 0;
}

/* The terms as they are, and the hash of them in the entry. */
static void seal_terms(void)
{
	struct buffer out;

	buffer_init(&out, answer.terms_bytes, sizeof(answer.terms_bytes));
	linklog_put_terms(&out, &answer.terms);
	assert_false(out.overflowed);
	answer.terms_view = buffer_view(&out);
	crypto_sha256(answer.terms_view, answer.entry.terms_hash);
}

static void put_entries(struct buffer *out)
{
	struct link_entry other = { .kind = LINK_ENTRY_LINE_CHANGE };
	uint8_t memory[LINKLOG_ENTRY_SIZE_MAX];
	struct buffer bytes;

	for (uint32_t i = 0; i < ENTRY_COUNT; i++) {
		other.line_minor = i;
		buffer_init(&bytes, memory, sizeof(memory));
		linklog_put_entry(&bytes,
				  i == ANSWER_AT ? &answer.entry : &other);
		linklog_leaf(buffer_view(&bytes), crypto_sha256, leaves[i]);
		linklog_put_batch_entry(out, buffer_view(&bytes));
	}
}

/* The batch with its root and signature. */
static void seal_batch(void)
{
	uint8_t header[LINKLOG_HEADER_SIZE_MAX];
	uint8_t entries[2048], bytes[LINKLOG_HEADER_SIZE_MAX + 20];
	struct buffer out, run, over;
	struct link_batch batch;

	buffer_init(&run, entries, sizeof(entries));
	put_entries(&run);
	linklog_root(const_leaves(), ENTRY_COUNT, scratch, crypto_sha256,
		     answer.header.root);
	buffer_init(&out, header, sizeof(header));
	linklog_put_header(&out, &answer.header);
	buffer_init(&over, bytes, sizeof(bytes));
	linklog_signed(&over, buffer_view(&out));
	crypto_sign(answer.key, buffer_view(&over), answer.signature);
	batch = (struct link_batch){
		.header = buffer_view(&out),
		.key_id = SLICE("k1"),
		.signature = slice_of(answer.signature, LINKLOG_SIGNATURE_SIZE),
		.entries = buffer_view(&run),
	};
	buffer_init(&out, answer.batch_bytes, sizeof(answer.batch_bytes));
	linklog_put_batch(&out, &batch);
	assert_false(out.overflowed || run.overflowed || over.overflowed);
	assert_int_equal(linklog_batch(buffer_view(&out), &answer.batch),
			 LINKLOG_OK);
}

static void seal_proof(void)
{
	struct buffer out;

	buffer_init(&out, answer.proof_bytes, sizeof(answer.proof_bytes));
	linklog_put_proof(&out, &answer.proof);
	assert_false(out.overflowed);
	answer.proof_view = buffer_view(&out);
}

static void prove(void)
{
	struct buffer out;

	seal_terms();
	seal_batch();
	buffer_init(&out, answer.proof_bytes, sizeof(answer.proof_bytes));
	linklog_prove(&answer.batch, ANSWER_AT, scratch, crypto_sha256, &out);
	assert_false(out.overflowed);
	answer.proof_view = buffer_view(&out);
	assert_int_equal(linklog_proof(answer.proof_view, &answer.proof),
			 LINKLOG_OK);
	/* Its slices must outlive the bytes when it is sealed again. */
	answer.proof.header = answer.batch.header;
	answer.proof.key_id = answer.batch.key_id;
	answer.proof.signature = answer.batch.signature;
}

static enum linklog_proof_result verify(void)
{
	struct link_entry entry = { 0 };
	enum linklog_proof_result result =
		linklog_verify_proof(answer.proof_view, answer.terms_view,
				     signing_key_public(answer.key),
				     crypto_sha256, crypto_verify, &entry);

	assert_int_equal(entry.kind,
			 result == LINKLOG_PROVEN ? answer.entry.kind : 0);
	assert_int_equal(entry.prepare_seq, result == LINKLOG_PROVEN ? 4 : 0);
	return result;
}

static enum linklog_proof_result proved(void)
{
	prove();
	return verify();
}

static void set_lock(void)
{
	crypto_sha256(slice_of(release_key, sizeof(release_key)), answer.lock);
	answer.terms.lock = slice_of(answer.lock, SHA256_SIZE);
}

static void test_linklog_proof_settle(void **state)
{
	(void)state;
	assert_int_equal(proved(), LINKLOG_PROVEN);
	assert_int_equal(answer.proof.path_count, 3);
	assert_int_equal(answer.proof.index, ANSWER_AT);
}

static void test_linklog_proof_release(void **state)
{
	(void)state;
	answer.entry.kind = LINK_ENTRY_RELEASE;
	answer.entry.reason = LINK_REASON_PAYEE_CEILING;
	answer.entry.at_city = SLICE("evora");
	assert_int_equal(proved(), LINKLOG_PROVEN);
	/* What was locked is waived without its key. */
	set_lock();
	assert_int_equal(proved(), LINKLOG_PROVEN);
}

static void test_linklog_proof_lock(void **state)
{
	uint8_t wrong[LINKLOG_LOCK_SIZE] = { 1 };

	(void)state;
	set_lock();
	assert_int_equal(proved(), LINKLOG_PROOF_WRONG_TERMS);
	answer.entry.key = slice_of(wrong, sizeof(wrong));
	assert_int_equal(proved(), LINKLOG_PROOF_WRONG_TERMS);
	answer.entry.key = slice_of(release_key, sizeof(release_key));
	assert_int_equal(proved(), LINKLOG_PROVEN);
	/* A key where nothing is locked. */
	answer.terms.lock.size = 0;
	assert_int_equal(proved(), LINKLOG_PROOF_WRONG_TERMS);
}

static void test_linklog_proof_terms(void **state)
{
	(void)state;
	prove();
	answer.terms_bytes[2] ^= 2; /* another payment's id */
	assert_int_equal(verify(), LINKLOG_PROOF_WRONG_TERMS);
	answer.terms_bytes[2] ^= 2;
	assert_int_equal(verify(), LINKLOG_PROVEN);
	answer.terms_view.size--;
	assert_int_equal(verify(), LINKLOG_PROOF_MALFORMED);
}

static void test_linklog_proof_log(void **state)
{
	/* Only the decider's own log to the city before it decides. */
	struct link_header good = answer.header;

	(void)state;
	answer.header.author = SLICE("porto");
	assert_int_equal(proved(), LINKLOG_PROOF_WRONG_LOG);
	answer.header = good;
	answer.header.peer = SLICE("lisbon");
	assert_int_equal(proved(), LINKLOG_PROOF_WRONG_LOG);
	answer.header = good;
	answer.header.federation = SLICE("others");
	assert_int_equal(proved(), LINKLOG_PROOF_WRONG_LOG);
	answer.header = good;
	answer.terms.path_count = 1;
	assert_int_equal(proved(), LINKLOG_PROOF_WRONG_LOG);
	answer.terms.path_count = 0;
	assert_int_equal(proved(), LINKLOG_PROOF_WRONG_LOG);
	answer.terms.path_count = 3;
	assert_int_equal(proved(), LINKLOG_PROVEN);
}

static void test_linklog_proof_version(void **state)
{
	(void)state;
	answer.header.version = 2;
	assert_int_equal(proved(), LINKLOG_PROOF_MALFORMED);
}

static void test_linklog_proof_kind(void **state)
{
	/* An entry of the batch that answers nothing. */
	struct buffer out;

	(void)state;
	prove();
	buffer_init(&out, answer.proof_bytes, sizeof(answer.proof_bytes));
	linklog_prove(&answer.batch, 1, scratch, crypto_sha256, &out);
	answer.proof_view = buffer_view(&out);
	assert_int_equal(verify(), LINKLOG_PROOF_WRONG_TERMS);
}

static void test_linklog_proof_root(void **state)
{
	uint8_t entry[LINKLOG_ENTRY_SIZE_MAX];

	(void)state;
	prove();
	memcpy(entry, answer.proof.entry.data, answer.proof.entry.size);
	answer.proof.entry.data = entry;
	answer.proof.path[1][0] ^= 1;
	seal_proof();
	assert_int_equal(verify(), LINKLOG_PROOF_WRONG_ROOT);
	answer.proof.path[1][0] ^= 1;
	answer.proof.index--;
	seal_proof();
	assert_int_equal(verify(), LINKLOG_PROOF_WRONG_ROOT);
	answer.proof.index = ENTRY_COUNT + ANSWER_AT;
	seal_proof();
	assert_int_equal(verify(), LINKLOG_PROOF_WRONG_ROOT);
	answer.proof.index = ANSWER_AT;
	answer.proof.path_count--;
	seal_proof();
	assert_int_equal(verify(), LINKLOG_PROOF_WRONG_ROOT);
	answer.proof.path_count++;
	seal_proof();
	assert_int_equal(verify(), LINKLOG_PROVEN);
	/* The same entry with its promise's seq changed. */
	entry[3] ^= 1;
	seal_proof();
	assert_int_equal(verify(), LINKLOG_PROOF_WRONG_ROOT);
}

static void test_linklog_proof_signature(void **state)
{
	static const uint8_t seed[SIGNING_SEED_SIZE] = { 9 };
	struct signing_key *other = signing_key_of_seed(seed);
	struct signing_key *own = answer.key;

	(void)state;
	prove();
	answer.key = other;
	assert_int_equal(verify(), LINKLOG_PROOF_BAD_SIGNATURE);
	answer.key = own;
	assert_int_equal(verify(), LINKLOG_PROVEN);
	signing_key_free(other);
}

static void test_linklog_proof_flips(void **state)
{
	/* No bit of a proof can be changed but in its key's name. */
	size_t taken = 0;

	(void)state;
	prove();
	for (size_t at = 0; at < answer.proof_view.size; at++) {
		answer.proof_bytes[at] ^= 1;
		taken += verify() == LINKLOG_PROVEN;
		answer.proof_bytes[at] ^= 1;
	}
	assert_int_equal(taken, answer.proof.key_id.size);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_linklog_tree_root),
		cmocka_unit_test(test_linklog_tree_paths),
		cmocka_unit_test(test_linklog_tree_no_count),
		cmocka_unit_test(test_linklog_tree_domains),
		CASE(test_linklog_proof_settle),
		CASE(test_linklog_proof_release),
		CASE(test_linklog_proof_lock),
		CASE(test_linklog_proof_terms),
		CASE(test_linklog_proof_log),
		CASE(test_linklog_proof_version),
		CASE(test_linklog_proof_kind),
		CASE(test_linklog_proof_root),
		CASE(test_linklog_proof_signature),
		CASE(test_linklog_proof_flips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
