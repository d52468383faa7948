/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * What is hashed and signed of a log: heads, the Merkle tree of RFC 6962 over
 * a batch's entries, and proofs out of it (rules PEER-5, PEER-6, PEER-34).
 */
#include <string.h>

#include "core/linklog_private.h"

#define HEAD_DOMAIN "clearing/head/1"
#define LOG_DOMAIN "clearing/log/1"
#define BATCH_DOMAIN "clearing/batch/1"
#define DOMAIN_SIZE_MAX 20

static void put_domain(struct buffer *out, const char *domain)
{
	check(out->size == 0);
	buffer_put_text(out, domain);
	buffer_put_byte(out, 0);
}

void linklog_head(struct slice header, sha256_function *sha256,
		  uint8_t out[SHA256_SIZE])
{
	uint8_t bytes[DOMAIN_SIZE_MAX + LINKLOG_HEADER_SIZE_MAX];
	struct buffer buffer;

	buffer_init(&buffer, bytes, sizeof(bytes));
	put_domain(&buffer, HEAD_DOMAIN);
	buffer_put(&buffer, header);
	check(!buffer.overflowed);
	sha256(buffer_view(&buffer), out);
}

void linklog_first_head(struct slice federation, struct slice author,
			struct slice peer, sha256_function *sha256,
			uint8_t out[SHA256_SIZE])
{
	uint8_t bytes[DOMAIN_SIZE_MAX + 3 * NAME_SIZE_MAX + 2];
	struct buffer buffer;

	buffer_init(&buffer, bytes, sizeof(bytes));
	put_domain(&buffer, LOG_DOMAIN);
	buffer_put(&buffer, federation);
	buffer_put_byte(&buffer, 0);
	buffer_put(&buffer, author);
	buffer_put_byte(&buffer, 0);
	buffer_put(&buffer, peer);
	check(!buffer.overflowed);
	sha256(buffer_view(&buffer), out);
}

void linklog_signed(struct buffer *out, struct slice header)
{
	put_domain(out, BATCH_DOMAIN);
	buffer_put(out, header);
}

void linklog_leaf(struct slice entry, sha256_function *sha256,
		  uint8_t out[SHA256_SIZE])
{
	uint8_t bytes[1 + LINKLOG_ENTRY_SIZE_MAX];

	check(entry.size <= LINKLOG_ENTRY_SIZE_MAX);
	bytes[0] = 0;
	memcpy(bytes + 1, entry.data, entry.size);
	sha256(slice_of(bytes, 1 + entry.size), out);
}

static void hash_pair(const uint8_t left[SHA256_SIZE],
		      const uint8_t right[SHA256_SIZE], sha256_function *sha256,
		      uint8_t out[SHA256_SIZE])
{
	uint8_t bytes[1 + 2 * SHA256_SIZE];

	check(sha256 != NULL);
	bytes[0] = 1;
	memcpy(bytes + 1, left, SHA256_SIZE);
	memcpy(bytes + 1 + SHA256_SIZE, right, SHA256_SIZE);
	sha256(slice_of(bytes, sizeof(bytes)), out);
}

/*
 * One level up.  An odd one out goes up as it is: that is the tree of RFC
 * 6962, whose left half is the largest power of two below the count.
 */
static uint32_t level_up(uint8_t (*nodes)[SHA256_SIZE], uint32_t count,
			 sha256_function *sha256)
{
	uint32_t next = 0;

	check(count > 1);
	for (uint32_t i = 0; i < count; i += 2) {
		if (i + 1 < count)
			hash_pair(nodes[i], nodes[i + 1], sha256,
				  nodes[next++]);
		else
			memmove(nodes[next++], nodes[i], SHA256_SIZE);
	}
	return next;
}

void linklog_root(const uint8_t (*leaves)[SHA256_SIZE], uint32_t count,
		  uint8_t (*scratch)[SHA256_SIZE], sha256_function *sha256,
		  uint8_t out[SHA256_SIZE])
{
	check(count >= 1 && count <= LINKLOG_ENTRIES_MAX);
	memcpy(scratch, leaves, (size_t)count * SHA256_SIZE);
	while (count > 1)
		count = level_up(scratch, count, sha256);
	memcpy(out, scratch[0], SHA256_SIZE);
}

uint32_t linklog_path(const uint8_t (*leaves)[SHA256_SIZE], uint32_t count,
		      uint32_t index, uint8_t (*scratch)[SHA256_SIZE],
		      sha256_function *sha256,
		      uint8_t path[LINKLOG_PROOF_PATH_MAX][SHA256_SIZE])
{
	uint32_t size = 0;

	check(index < count && count <= LINKLOG_ENTRIES_MAX);
	memcpy(scratch, leaves, (size_t)count * SHA256_SIZE);
	while (count > 1) {
		uint32_t sibling = index ^ 1;

		if (sibling < count)
			memcpy(path[size++], scratch[sibling], SHA256_SIZE);
		count = level_up(scratch, count, sha256);
		index /= 2;
	}
	return size;
}

bool linklog_path_leads(const uint8_t leaf[SHA256_SIZE], uint32_t index,
			uint32_t count,
			const uint8_t path[LINKLOG_PROOF_PATH_MAX][SHA256_SIZE],
			uint32_t path_count, const uint8_t root[SHA256_SIZE],
			sha256_function *sha256)
{
	uint8_t node[SHA256_SIZE];
	uint32_t used = 0;

	check(path_count <= LINKLOG_PROOF_PATH_MAX);
	if (count == 0 || count > LINKLOG_ENTRIES_MAX || index >= count)
		return false;
	memcpy(node, leaf, SHA256_SIZE);
	while (count > 1) {
		if ((index ^ 1) < count) {
			if (used == path_count)
				return false;
			if (index & 1)
				hash_pair(path[used++], node, sha256, node);
			else
				hash_pair(node, path[used++], sha256, node);
		}
		index /= 2;
		count = (count + 1) / 2;
	}
	return used == path_count && memcmp(node, root, SHA256_SIZE) == 0;
}

void linklog_put_proof(struct buffer *out, const struct link_proof *proof)
{
	check(proof->path_count <= LINKLOG_PROOF_PATH_MAX);
	buffer_put_field_bytes(out, 1, proof->header);
	buffer_put_field_bytes(out, 2, proof->key_id);
	buffer_put_field_bytes(out, 3, proof->signature);
	buffer_put_field_bytes(out, 4, proof->entry);
	buffer_put_field_varint(out, 5, proof->index);
	for (uint32_t i = 0; i < proof->path_count; i++)
		buffer_put_field_bytes(out, 6,
				       slice_of(proof->path[i], SHA256_SIZE));
}

void linklog_batch_root(const struct link_batch *batch,
			uint8_t (*leaves)[SHA256_SIZE], sha256_function *sha256,
			uint8_t out[SHA256_SIZE])
{
	struct slice entries = batch->entries, entry = { 0 };
	uint32_t count = 0;

	check(batch->entry_count >= 1 &&
	      batch->entry_count <= LINKLOG_ENTRIES_MAX);
	while (count < batch->entry_count &&
	       linklog_next_entry(&entries, &entry))
		linklog_leaf(entry, sha256, leaves[count++]);
	check(count == batch->entry_count);
	linklog_root((const uint8_t(*)[SHA256_SIZE])leaves, count,
		     leaves + LINKLOG_ENTRIES_MAX, sha256, out);
}

void linklog_prove(const struct link_batch *batch, uint32_t index,
		   uint8_t (*leaves)[SHA256_SIZE], sha256_function *sha256,
		   struct buffer *out)
{
	struct slice entries = batch->entries, bytes = { 0 };
	struct link_proof proof = {
		.header = batch->header,
		.key_id = batch->key_id,
		.signature = batch->signature,
		.index = index,
	};
	uint32_t count = 0;

	check(index < batch->entry_count);
	while (linklog_next_entry(&entries, &bytes)) {
		if (count == index)
			proof.entry = bytes;
		linklog_leaf(bytes, sha256, leaves[count++]);
	}
	proof.path_count = linklog_path(
		(const uint8_t(*)[SHA256_SIZE])leaves, count, index,
		leaves + LINKLOG_ENTRIES_MAX, sha256, proof.path);
	linklog_put_proof(out, &proof);
}

static void take_proof_field(struct fields *fields, struct link_proof *out)
{
	check(fields->number > 0);
	if (fields->number == 1)
		out->header = fields_bytes(fields);
	else if (fields->number == 2)
		out->key_id = linklog_text(fields, LINKLOG_KEY_ID_SIZE_MAX);
	else if (fields->number == 3)
		out->signature = linklog_exact(fields, LINKLOG_SIGNATURE_SIZE);
	else if (fields->number == 4)
		out->entry = fields_bytes(fields);
	else if (fields->number == 5)
		out->index = linklog_varint32(fields);
	else if (fields->number == 6 &&
		 out->path_count < LINKLOG_PROOF_PATH_MAX)
		linklog_fixed(fields, out->path[out->path_count++],
			      SHA256_SIZE);
	else
		linklog_unknown(fields);
}

enum linklog_result linklog_proof(struct slice bytes, struct link_proof *out)
{
	struct fields fields = { .reader = reader_of(bytes), .repeated = 6 };

	*out = (struct link_proof){ 0 };
	if (bytes.size > LINKLOG_PROOF_SIZE_MAX)
		return LINKLOG_TOO_LARGE;
	while (fields_next(&fields))
		take_proof_field(&fields, out);
	if (out->header.size > LINKLOG_HEADER_SIZE_MAX)
		return LINKLOG_TOO_LARGE;
	return out->header.size > 0 && out->key_id.size > 0 &&
			       out->signature.size > 0 && out->entry.size > 0
		       ? linklog_ended(&fields)
		       : LINKLOG_MALFORMED;
}

/* Was it written by the decider to the city before it on the way? */
static bool is_deciders(const struct link_header *header,
			const struct payment_terms *terms)
{
	uint32_t last = terms->path_count - 1;

	return terms->path_count >= LINKLOG_PATH_MIN &&
	       slice_equal(header->federation, terms->federation) &&
	       slice_equal(header->author, terms->path[last]) &&
	       slice_equal(header->peer, terms->path[last - 1]);
}

static bool answers_terms(const struct link_entry *entry,
			  struct slice terms_bytes,
			  const struct payment_terms *terms,
			  sha256_function *sha256)
{
	uint8_t hash[SHA256_SIZE];

	if (entry->kind != LINK_ENTRY_SETTLE &&
	    entry->kind != LINK_ENTRY_RELEASE)
		return false;
	sha256(terms_bytes, hash);
	if (memcmp(hash, entry->terms_hash, SHA256_SIZE) != 0)
		return false;
	if (entry->kind == LINK_ENTRY_RELEASE || terms->lock.size == 0)
		return entry->kind == LINK_ENTRY_RELEASE ||
		       entry->key.size == 0;
	if (entry->key.size == 0)
		return false;
	sha256(entry->key, hash);
	return slice_equal(terms->lock, slice_of(hash, SHA256_SIZE));
}

static bool is_signed(const struct link_proof *proof,
		      const uint8_t key[NODE_KEY_SIZE], verify_function *verify)
{
	uint8_t bytes[DOMAIN_SIZE_MAX + LINKLOG_HEADER_SIZE_MAX];
	struct buffer buffer;

	buffer_init(&buffer, bytes, sizeof(bytes));
	linklog_signed(&buffer, proof->header);
	check(!buffer.overflowed);
	return verify(key, buffer_view(&buffer), proof->signature.data);
}

enum linklog_proof_result
linklog_verify_proof(struct slice bytes, struct slice terms_bytes,
		     const uint8_t key[NODE_KEY_SIZE], sha256_function *sha256,
		     verify_function *verify, struct link_entry *entry)
{
	struct payment_terms terms;
	struct link_header header;
	struct link_proof proof;
	struct link_entry found;
	uint8_t leaf[SHA256_SIZE];

	if (linklog_proof(bytes, &proof) != LINKLOG_OK ||
	    linklog_header(proof.header, &header) != LINKLOG_OK ||
	    header.version != 1 ||
	    linklog_entry(proof.entry, &found) != LINKLOG_OK ||
	    linklog_terms(terms_bytes, &terms) != LINKLOG_OK)
		return LINKLOG_PROOF_MALFORMED;
	if (!is_deciders(&header, &terms))
		return LINKLOG_PROOF_WRONG_LOG;
	if (!answers_terms(&found, terms_bytes, &terms, sha256))
		return LINKLOG_PROOF_WRONG_TERMS;
	linklog_leaf(proof.entry, sha256, leaf);
	if (!linklog_path_leads(leaf, proof.index, header.count,
				(const uint8_t(*)[SHA256_SIZE])proof.path,
				proof.path_count, header.root, sha256))
		return LINKLOG_PROOF_WRONG_ROOT;
	if (!is_signed(&proof, key, verify))
		return LINKLOG_PROOF_BAD_SIGNATURE;
	*entry = found;
	return LINKLOG_PROVEN;
}
