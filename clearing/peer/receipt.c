/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "peer/receipt.h"

#include "core/block_format.h"

/* Fields of Receipt. */
enum {
	RECEIPT_FIELD_FORMAT = 1,
	RECEIPT_FIELD_TERMS = 2,
	RECEIPT_FIELD_PROOF = 3,
};

/* clang-format off */
static const struct {
	const char *name;
	const char *sentence;
} results[RECEIPT_RESULT_COUNT] = {
	[RECEIPT_SOUND] = { "SOUND", "The receipt proves the payment." },
	[RECEIPT_MALFORMED] = { "MALFORMED",
		"These bytes are no receipt, or one of another form." },
	[RECEIPT_BAD_TERMS] = { "BAD_TERMS",
		"The terms of the payment are damaged, or are none from "
		"payer to payee." },
	[RECEIPT_BAD_PROOF] = { "BAD_PROOF", "The proof is damaged." },
	[RECEIPT_WRONG_FEDERATION] = { "WRONG_FEDERATION",
		"The payment is of another federation than the roster." },
	[RECEIPT_WRONG_LOG] = { "WRONG_LOG",
		"The proof is not of the payee's city, written to the city "
		"before it." },
	[RECEIPT_WRONG_TERMS] = { "WRONG_TERMS",
		"The answer is not about these terms: one of the two was "
		"changed." },
	[RECEIPT_WRONG_ROOT] = { "WRONG_ROOT",
		"The answer is not in the batch that was signed." },
	[RECEIPT_CITY_UNKNOWN] = { "CITY_UNKNOWN",
		"The payee's city is not in the roster." },
	[RECEIPT_KEY_UNKNOWN] = { "KEY_UNKNOWN",
		"The roster has no such key of the payee's city." },
	[RECEIPT_KEY_REVOKED] = { "KEY_REVOKED",
		"The key that signed was revoked: what it signed proves "
		"nothing any more." },
	[RECEIPT_BAD_SIGNATURE] = { "BAD_SIGNATURE",
		"The signature is not that of the payee's city." },
	[RECEIPT_NOT_PAID] = { "NOT_PAID",
		"It proves that the payment was refused." },
};
/* clang-format on */

const char *receipt_result_name(enum receipt_result result)
{
	check((uint32_t)result < RECEIPT_RESULT_COUNT);
	return results[result].name;
}

const char *receipt_result_sentence(enum receipt_result result)
{
	check((uint32_t)result < RECEIPT_RESULT_COUNT);
	return results[result].sentence;
}

void receipt_encode(struct buffer *out, struct slice terms, struct slice proof)
{
	check(terms.size > 0 && proof.size > 0);
	buffer_put_field_bytes(out, RECEIPT_FIELD_FORMAT,
			       SLICE(RECEIPT_FORMAT));
	buffer_put_field_bytes(out, RECEIPT_FIELD_TERMS, terms);
	buffer_put_field_bytes(out, RECEIPT_FIELD_PROOF, proof);
}

enum receipt_result receipt_decode(struct slice bytes, struct receipt *out)
{
	struct fields fields = { .reader = reader_of(bytes) };
	struct slice format = { 0 };

	*out = (struct receipt){ 0 };
	while (fields_next(&fields)) {
		if (fields.number == RECEIPT_FIELD_FORMAT)
			format = fields_bytes(&fields);
		else if (fields.number == RECEIPT_FIELD_TERMS)
			out->terms_bytes = fields_bytes(&fields);
		else if (fields.number == RECEIPT_FIELD_PROOF)
			out->proof_bytes = fields_bytes(&fields);
		else
			reader_fail(&fields.reader);
	}
	return fields_result(&fields) == BLOCK_DECODED &&
			       slice_equal(format, SLICE(RECEIPT_FORMAT)) &&
			       out->terms_bytes.size > 0 &&
			       out->proof_bytes.size > 0
		       ? RECEIPT_SOUND
		       : RECEIPT_MALFORMED;
}

/* What the terms themselves say (rule PEER-24). */
static bool terms_hold(struct receipt *receipt)
{
	struct payment_terms *terms = &receipt->terms;

	return linklog_terms(receipt->terms_bytes, terms) == LINKLOG_OK &&
	       linklog_way_fits(terms) && terms->amount_minor > 0 &&
	       terms->amount_minor <= (uint64_t)MONEY_MAX_MINOR;
}

static bool proof_decodes(struct receipt *receipt)
{
	return linklog_proof(receipt->proof_bytes, &receipt->proof) ==
		       LINKLOG_OK &&
	       linklog_header(receipt->proof.header, &receipt->header) ==
		       LINKLOG_OK &&
	       receipt->header.version == 1 &&
	       linklog_entry(receipt->proof.entry, &receipt->entry) ==
		       LINKLOG_OK;
}

/* (rule PEER-43) */
static enum receipt_result find_key(const struct receipt *receipt,
				    const struct roster *roster,
				    const uint8_t **key)
{
	const struct payment_terms *terms = &receipt->terms;
	uint32_t city = roster_city(roster, terms->path[terms->path_count - 1]);
	const struct roster_key *found;

	if (city == ROSTER_NONE)
		return RECEIPT_CITY_UNKNOWN;
	found = roster_any_key(roster, city, receipt->proof.key_id);
	if (found == NULL)
		return RECEIPT_KEY_UNKNOWN;
	*key = found->key.data;
	return found->state == ROSTER_KEY_REVOKED ? RECEIPT_KEY_REVOKED
						  : RECEIPT_SOUND;
}

static enum receipt_result of_proof(enum linklog_proof_result result)
{
	switch (result) {
	case LINKLOG_PROVEN:
		return RECEIPT_SOUND;
	case LINKLOG_PROOF_MALFORMED:
		return RECEIPT_BAD_PROOF;
	case LINKLOG_PROOF_WRONG_LOG:
		return RECEIPT_WRONG_LOG;
	case LINKLOG_PROOF_WRONG_TERMS:
		return RECEIPT_WRONG_TERMS;
	case LINKLOG_PROOF_WRONG_ROOT:
		return RECEIPT_WRONG_ROOT;
	case LINKLOG_PROOF_BAD_SIGNATURE:
		return RECEIPT_BAD_SIGNATURE;
	}
	clearing_panic(__FILE__, __LINE__, "linklog_proof_result");
}

enum receipt_result receipt_verify(struct receipt *receipt,
				   const struct roster *roster,
				   sha256_function *sha256,
				   verify_function *verify)
{
	static const uint8_t no_key[NODE_KEY_SIZE];
	const uint8_t *key = no_key;
	enum receipt_result result, known;

	if (!terms_hold(receipt))
		return RECEIPT_BAD_TERMS;
	if (!proof_decodes(receipt))
		return RECEIPT_BAD_PROOF;
	if (!slice_equal(receipt->terms.federation, roster->federation))
		return RECEIPT_WRONG_FEDERATION;
	known = find_key(receipt, roster, &key);
	result = of_proof(
		linklog_verify_proof(receipt->proof_bytes, receipt->terms_bytes,
				     key, sha256, verify, &receipt->entry));
	/* By precedence: what is in the file first, then whose it is. */
	if (known != RECEIPT_SOUND &&
	    (result == RECEIPT_SOUND || result == RECEIPT_BAD_SIGNATURE))
		return known;
	if (result != RECEIPT_SOUND)
		return result;
	return receipt->entry.kind == LINK_ENTRY_SETTLE ? RECEIPT_SOUND
							: RECEIPT_NOT_PAID;
}
