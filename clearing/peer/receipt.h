/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * receipt: the file that proves a payment to anybody who has the roster
 * (proto/clearing/link/v1/receipt.proto; rules PEER-5, PEER-6, PEER-24,
 * PEER-34).  Pure; it opens no file, and whether the roster is to be trusted
 * is judged before (roster.h).
 *
 * Decoding takes exactly what the encoder would write.
 */
#ifndef CLEARING_PEER_RECEIPT_H
#define CLEARING_PEER_RECEIPT_H

#include "peer/roster.h"

#define RECEIPT_FORMAT "clearing/receipt/1"
/* Terms and proof at their longest, with their keys and sizes. */
#define RECEIPT_SIZE_MAX (LINKLOG_TERMS_SIZE_MAX + LINKLOG_PROOF_SIZE_MAX + 32)

/* In order of precedence. */
enum receipt_result {
	RECEIPT_SOUND = 0,
	RECEIPT_MALFORMED, /* no receipt, or one of another form */
	RECEIPT_BAD_TERMS, /* no canonical terms, or a way or amount amiss */
	RECEIPT_BAD_PROOF, /* no canonical proof, header or entry */
	RECEIPT_WRONG_FEDERATION, /* the roster is of another one */
	RECEIPT_WRONG_LOG,	  /* not decider to the city before it */
	RECEIPT_WRONG_TERMS,	  /* the entry is about other terms */
	RECEIPT_WRONG_ROOT,	  /* the entry is not in the batch */
	RECEIPT_CITY_UNKNOWN,	  /* the decider is not in the roster */
	RECEIPT_KEY_UNKNOWN,	  /* the decider has no such key there */
	RECEIPT_KEY_REVOKED,
	RECEIPT_BAD_SIGNATURE,
	RECEIPT_NOT_PAID, /* it proves that the payment was refused */
};

#define RECEIPT_RESULT_COUNT 13

/* receipt_result_name: "WRONG_ROOT"; sentence: for people. */
const char *receipt_result_name(enum receipt_result result);
const char *receipt_result_sentence(enum receipt_result result);

/* All slices are views into what was decoded. */
struct receipt {
	struct slice terms_bytes;
	struct slice proof_bytes;
	/* Written by receipt_verify(), as far as it came: */
	struct payment_terms terms;
	struct link_proof proof;
	struct link_header header; /* of the decider's batch */
	struct link_entry entry;   /* the decider's answer */
};

/* receipt_encode: append the file of @terms and @proof, neither empty. */
void receipt_encode(struct buffer *out, struct slice terms, struct slice proof);

/*
 * receipt_decode: take a file apart; RECEIPT_SOUND says that it is one, and
 * nothing about what is in it; else RECEIPT_MALFORMED.
 */
enum receipt_result receipt_decode(struct slice bytes,
				   struct receipt *out) MUST_CHECK;

/*
 * receipt_verify: does a decoded @receipt prove, by the keys of @roster, that
 * the payer paid the payee (rule PEER-34)?
 *
 * @roster  verified by the caller (rule PEER-2).
 * Signatures with a key that is REVOKED prove nothing to who has not recorded
 * them before (rule PEER-43).
 */
enum receipt_result receipt_verify(struct receipt *receipt,
				   const struct roster *roster,
				   sha256_function *sha256,
				   verify_function *verify) MUST_CHECK;

#endif
