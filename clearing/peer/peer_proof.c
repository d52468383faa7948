/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Proofs of a decider's answer: what travels over a path is verified by each
 * city of it, with a key of the decider that counts (rules PEER-34, PEER-43).
 */
#include <string.h>

#include "peer/peer_private.h"

/* What was verified: this header, signed by this key with these bytes. */
static void name_signed_header(struct peer *peer,
			       const struct link_proof *proof,
			       uint8_t out[SHA256_SIZE])
{
	struct buffer bytes;

	buffer_init(&bytes, peer->scratch, PEER_SCRATCH_SIZE);
	linklog_head(proof->header, peer->options.sha256, out);
	buffer_put(&bytes, slice_of(out, SHA256_SIZE));
	buffer_put(&bytes, proof->signature);
	buffer_put(&bytes, proof->key_id);
	check(!bytes.overflowed);
	peer->options.sha256(buffer_view(&bytes), out);
}

static bool is_among(const uint8_t (*hashes)[SHA256_SIZE], uint32_t count,
		     const uint8_t hash[SHA256_SIZE])
{
	for (uint32_t i = 0; i < count; i++) {
		if (memcmp(hashes[i], hash, SHA256_SIZE) == 0)
			return true;
	}
	return false;
}

static bool verified_before(const uint8_t key[NODE_KEY_SIZE],
			    struct slice bytes,
			    const uint8_t signature[LINKLOG_SIGNATURE_SIZE])
{
	(void)key;
	(void)bytes;
	(void)signature;
	return true;
}

/* Do the proof and @key show the answer to @payment; is it verified once? */
static bool shows(struct peer *peer, const struct payment *payment,
		  struct slice bytes, const uint8_t key[NODE_KEY_SIZE],
		  struct link_entry *entry)
{
	uint8_t name[SHA256_SIZE];
	struct link_proof proof;
	bool cached;

	if (linklog_proof(bytes, &proof) != LINKLOG_OK)
		return false;
	name_signed_header(peer, &proof, name);
	cached = is_among(peer->proofs, PEER_PROOFS_KEPT, name);
	if (linklog_verify_proof(
		    bytes, payment_terms_of(payment), key, peer->options.sha256,
		    cached ? verified_before : peer->options.verify,
		    entry) != LINKLOG_PROVEN)
		return false;
	if (!cached)
		memcpy(peer->proofs[peer->next_proof++ % PEER_PROOFS_KEPT],
		       name, SHA256_SIZE);
	return true;
}

/* The key of the proof's decider, REVOKED or not; false: there is none. */
static bool find_key(const struct peer *peer, const struct payment *payment,
		     struct slice bytes, uint8_t key[NODE_KEY_SIZE],
		     bool *counts)
{
	const struct peer_directory *directory = &peer->options.directory;
	struct payment_terms terms;
	struct link_proof proof;
	struct slice decider;

	if (linklog_terms(payment_terms_of(payment), &terms) != LINKLOG_OK ||
	    terms.path_count == 0 || linklog_proof(bytes, &proof) != LINKLOG_OK)
		return false;
	decider = terms.path[terms.path_count - 1];
	*counts =
		directory->key(directory->context, decider, proof.key_id, key);
	return *counts || directory->any_key(directory->context, decider,
					     proof.key_id, key);
}

static void head_of(const struct peer *peer, struct slice bytes,
		    uint8_t head[SHA256_SIZE])
{
	struct link_proof proof;
	enum linklog_result result = linklog_proof(bytes, &proof);

	check(result == LINKLOG_OK);
	linklog_head(proof.header, peer->options.sha256, head);
}

/* (rule PEER-34): one decider's batch proves many; it is verified once. */
bool peer_proven(struct peer *peer, const struct payment *payment,
		 struct slice bytes, struct link_entry *entry)
{
	uint8_t key[NODE_KEY_SIZE], head[SHA256_SIZE];
	bool counts;

	if (!find_key(peer, payment, bytes, key, &counts) ||
	    !shows(peer, payment, bytes, key, entry))
		return false;
	head_of(peer, bytes, head);
	if (counts && !is_among(peer->vouched, PEER_VOUCHED_KEPT, head))
		memcpy(peer->vouched[peer->next_vouched++ % PEER_VOUCHED_KEPT],
		       head, SHA256_SIZE);
	/* (rule PEER-43): the decider signed the same header anew. */
	return counts || is_among(peer->vouched, PEER_VOUCHED_KEPT, head);
}

/*
 * (rule PEER-43): a proof that a key made which is REVOKED by now says nothing
 * to who has not recorded it, yet who passes it on is honest: the decider is
 * asked to sign again.
 */
static bool decider_may_vouch(struct peer *peer, const struct payment *payment,
			      struct slice bytes)
{
	uint8_t key[NODE_KEY_SIZE];
	struct link_entry entry;
	bool counts;

	if (!find_key(peer, payment, bytes, key, &counts) || counts ||
	    !shows(peer, payment, bytes, key, &entry) ||
	    entry.kind != LINK_ENTRY_SETTLE)
		return false;
	peer_ask_decider(peer, payment);
	return true;
}

static bool key_opens(const struct peer *peer,
		      const struct payment_terms *terms,
		      const struct link_entry *settle)
{
	uint8_t hash[SHA256_SIZE];

	if (terms->lock.size == 0)
		return settle->key.size == 0;
	peer->options.sha256(settle->key, hash);
	return slice_equal(terms->lock, slice_of(hash, SHA256_SIZE));
}

/* Row 12, the part that needs keys: from the decider itself, or with proof. */
static enum peer_answer check_settle(struct peer *peer, const struct link *link,
				     const struct link_entry *settle)
{
	const struct payment *payment = links_out_leg(
		peer_links(peer), link->number, settle->prepare_seq);
	struct payment_terms terms;
	struct link_entry proven;
	enum linklog_result result;

	check(payment != NULL);
	result = linklog_terms(payment_terms_of(payment), &terms);
	check(result == LINKLOG_OK && terms.path_count > 0);
	if (!key_opens(peer, &terms, settle))
		return PEER_BAD_ANSWER;
	/* The decider's own entry is what others prove: with a proof it would
	 * be passed on in the place of one. */
	if (slice_equal(terms.path[terms.path_count - 1], link_city(link)))
		return settle->proof.size == 0 ? PEER_TAKEN : PEER_BAD_ANSWER;
	if ((peer_proven(peer, payment, settle->proof, &proven) &&
	     proven.kind == LINK_ENTRY_SETTLE) ||
	    PLANTED(PROOF_UNCHECKED))
		return PEER_TAKEN;
	return decider_may_vouch(peer, payment, settle->proof)
		       ? PEER_BUSY
		       : PEER_BAD_ANSWER;
}

enum peer_answer peer_check_proofs(struct peer *peer, const struct link *link,
				   const struct link_batch *batch)
{
	struct slice entries = batch->entries, bytes = { 0 };
	enum peer_answer worst = PEER_TAKEN;
	struct link_entry entry;

	while (linklog_next_entry(&entries, &bytes)) {
		enum linklog_result result = linklog_entry(bytes, &entry);
		enum peer_answer answer = PEER_TAKEN;

		check(result == LINKLOG_OK);
		if (entry.kind == LINK_ENTRY_SETTLE)
			answer = check_settle(peer, link, &entry);
		if (answer == PEER_BAD_ANSWER)
			return answer;
		if (answer != PEER_TAKEN)
			worst = answer;
	}
	return worst;
}
