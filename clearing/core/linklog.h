/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * linklog: what two neighbouring cities write to each other, as bytes and as
 * plain values: headers, batches, entries, payment terms, proofs and the
 * messages of a hello.  Pure; it keeps no state and knows no link.
 *
 * The bytes are protobuf in canonical form (fields in rising order, least
 * varints, nothing that has its default value), because they are signed and
 * hashed as carried: a decoder takes exactly what the encoder would write and
 * refuses everything else (rule PEER-8).
 *
 * Decoded slices are views into the input.  Encoders append to @out and leave
 * its overflow flag to the caller.  Rules PEER-4 to PEER-9, PEER-14, PEER-15,
 * PEER-24, PEER-34, PEER-45 of proto/README.md; messages in
 * proto/clearing/link/v1/link.proto.
 */
#ifndef CLEARING_CORE_LINKLOG_H
#define CLEARING_CORE_LINKLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/check.h"
#include "core/block.h"
#include "core/money.h"
#include "core/name.h"

/* Limits of PROTOCOL.md, section 1. */
#define LINKLOG_ENTRIES_MAX 1024
#define LINKLOG_BATCH_SIZE_MAX (256u << 10)
#define LINKLOG_PATH_MIN 2
#define LINKLOG_PATH_MAX 8
#define LINKLOG_REFERENCE_SIZE_MAX 128
#define LINKLOG_NOTE_SIZE_MAX 140
#define LINKLOG_KEY_ID_SIZE_MAX 32
#define LINKLOG_SIGNATURE_SIZE 64
#define LINKLOG_NONCE_SIZE 8
#define LINKLOG_LOCK_SIZE 32
#define LINKLOG_ID_SIZE 16
/* Of every number of 64 bits: what a table's bigint can hold. */
#define LINKLOG_NUMBER_MAX ((uint64_t)INT64_MAX)
/* Of a Release's reason: likewise an int. */
#define LINKLOG_REASON_MAX ((uint32_t)INT32_MAX)
/* Depth of the Merkle tree over LINKLOG_ENTRIES_MAX entries. */
#define LINKLOG_PROOF_PATH_MAX 10
/* Encoded sizes at their longest. */
#define LINKLOG_HEADER_SIZE_MAX 400
#define LINKLOG_TERMS_SIZE_MAX 832
#define LINKLOG_PROOF_SIZE_MAX 1200
#define LINKLOG_ENTRY_SIZE_MAX 1536
/* payer and payee: coop[/purpose]@city. */
#define LINKLOG_ADDRESS_SIZE_MAX ADDRESS_SIZE_MAX
#define LINKLOG_LIVES_MAX 1024

/* (rule PEER-5) Signed and hashed as the bytes carried. */
struct link_header {
	uint32_t version; /* 1 */
	struct slice federation;
	struct slice author;
	struct slice peer;
	uint64_t incarnation;
	uint64_t first_seq; /* from 1 */
	uint32_t count;	    /* 1 to LINKLOG_ENTRIES_MAX */
	uint8_t prev_head[SHA256_SIZE];
	uint8_t root[SHA256_SIZE];
	uint64_t ack_seq;
	uint8_t ack_head[SHA256_SIZE];
	uint64_t promised_minor;
	uint64_t settled_minor;
	uint64_t released_minor;
	uint64_t journal_seq;
	uint64_t recorded_us;
};

/* A batch as carried; @entries is the run of its repeated field. */
struct link_batch {
	struct slice header; /* bytes of a Header */
	struct slice key_id;
	struct slice signature; /* LINKLOG_SIGNATURE_SIZE */
	struct slice entries;	/* for linklog_next_entry() */
	uint32_t entry_count;
};

/* Numbers are the fields of Entry's oneof, for ever. */
enum link_entry_kind {
	LINK_ENTRY_PREPARE = 1,
	LINK_ENTRY_SETTLE = 2,
	LINK_ENTRY_RELEASE = 3,
	LINK_ENTRY_LINE_CHANGE = 4,
	LINK_ENTRY_FREEZE = 5,
	LINK_ENTRY_UNFREEZE = 6,
};

struct link_entry {
	uint8_t kind; /* enum link_entry_kind */
	/* PREPARE: one of the two is not empty */
	struct slice payment_terms; /* bytes of a PaymentTerms */
	struct slice round_terms;   /* bytes of a RoundTerms; opaque here */
	/* SETTLE, RELEASE: */
	uint64_t prepare_seq;
	uint8_t terms_hash[SHA256_SIZE];
	struct slice key;	  /* SETTLE: empty or LINKLOG_LOCK_SIZE */
	struct slice proof;	  /* SETTLE: bytes of a Proof, or empty */
	struct slice certificate; /* bytes of a Certificate, or empty */
	uint32_t reason;	  /* RELEASE: enum link_reason */
	struct slice at_city;	  /* RELEASE */
	/* LINE_CHANGE: */
	uint64_t line_minor;
	/* FREEZE, UNFREEZE: */
	struct slice note;
};

/* Why a promise was waived (rule PEER-27); numbers are for ever. */
enum link_reason {
	LINK_REASON_NONE = 0,
	LINK_REASON_WRONG_FEDERATION = 1,
	LINK_REASON_BAD_PATH = 2,
	LINK_REASON_NOT_ON_PATH = 3,
	LINK_REASON_AMOUNT_RANGE = 4,
	LINK_REASON_ID_CONFLICT = 5,
	LINK_REASON_ID_TOO_OLD = 6,
	LINK_REASON_CITY_GONE = 7,
	LINK_REASON_FROZEN = 8,
	LINK_REASON_LATE = 9,
	LINK_REASON_LINE = 10,
	LINK_REASON_TOO_MANY_PENDING = 11,
	LINK_REASON_NO_LINK = 12,
	LINK_REASON_LINK_DOWN = 13,
	LINK_REASON_NEXT_FROZEN = 14,
	LINK_REASON_NEXT_BUSY = 15,
	LINK_REASON_PAYEE_UNKNOWN = 16,
	LINK_REASON_PAYEE_CLOSED = 17,
	LINK_REASON_PAYEE_CEILING = 18,
	LINK_REASON_PAYEE_DECLINED = 19,
	LINK_REASON_CANCELLED = 20,
	LINK_REASON_ROUND_ABORTED = 21,
};

#define LINK_REASON_COUNT 22

/* link_reason_name: "LINE"; sentence: for people; retry: may one succeed? */
const char *link_reason_name(uint32_t reason);
const char *link_reason_sentence(uint32_t reason);
bool link_reason_retry(uint32_t reason);

/* (rule PEER-24) Travels unchanged inside each Prepare. */
struct payment_terms {
	uint8_t payment_id[LINKLOG_ID_SIZE];
	struct slice federation;
	struct slice payer; /* address at path[0] */
	struct slice payee; /* address at the last of path */
	uint64_t amount_minor;
	struct slice path[LINKLOG_PATH_MAX];
	uint32_t path_count;
	uint64_t decide_by_us;
	struct slice lock; /* empty or LINKLOG_LOCK_SIZE */
	struct slice reference;
};

/* (rule PEER-34) A decider's answer, shown to anybody. */
struct link_proof {
	struct slice header;
	struct slice key_id;
	struct slice signature;
	struct slice entry;
	uint32_t index;
	uint8_t path[LINKLOG_PROOF_PATH_MAX][SHA256_SIZE];
	uint32_t path_count;
};

struct link_life {
	uint64_t incarnation;
	uint8_t nonce[LINKLOG_NONCE_SIZE];
};

struct link_hello {
	uint32_t version; /* 1 */
	struct slice federation;
	struct slice from;
	struct slice to;
	struct link_life life;
	struct link_life last_reconciled; /* incarnation 0: none */
	uint64_t out_seq;
	uint8_t out_head[SHA256_SIZE];
	uint64_t roster_version;
};

struct link_hello_ok {
	uint8_t hello_hash[SHA256_SIZE];
	uint64_t in_seq;
	uint8_t in_head[SHA256_SIZE];
	uint64_t out_seq;
	uint8_t out_head[SHA256_SIZE];
	struct link_life lives_since[LINKLOG_LIVES_MAX];
	uint32_t lives_count;
	bool last_known;
	uint64_t journal_seq_seen;
	uint64_t roster_version;
};

/* (rule PEER-45) A decider's word that it holds and will write no Settle. */
struct link_never {
	uint8_t payment_id[LINKLOG_ID_SIZE];
	uint8_t terms_hash[SHA256_SIZE];
};

/* Bytes of a Never. */
#define LINKLOG_NEVER_SIZE (LINKLOG_ID_SIZE + SHA256_SIZE + 4)

enum linklog_result {
	LINKLOG_OK = 0,
	LINKLOG_MALFORMED, /* no canonical message, or a value out of range */
	LINKLOG_TOO_LARGE, /* more bytes or entries than a limit above */
};

/* Encoders.  Values must be in range (checked). */
void linklog_put_header(struct buffer *out, const struct link_header *header);
void linklog_put_entry(struct buffer *out, const struct link_entry *entry);
void linklog_put_terms(struct buffer *out, const struct payment_terms *terms);
void linklog_put_proof(struct buffer *out, const struct link_proof *proof);
void linklog_put_hello(struct buffer *out, const struct link_hello *hello);
void linklog_put_hello_ok(struct buffer *out, const struct link_hello_ok *ok);
void linklog_put_never(struct buffer *out, const struct link_never *never);

/*
 * linklog_put_batch_entry: one more of a batch's repeated entries, with its
 * tag; a run of them is link_batch.entries.
 */
void linklog_put_batch_entry(struct buffer *out, struct slice entry);
void linklog_put_batch(struct buffer *out, const struct link_batch *batch);

/*
 * Strict decoders (rule PEER-8); @out is unspecified on failure.  They judge
 * form alone: a header's version, a path's ends and length, an amount, whether
 * an id is a UUIDv7 and whether payer and payee are addresses is for the caller
 * to look at, so that a bad promise is refused by a reason (rule PEER-27) and
 * does not stop the link.  Whatever they take, the tables can keep: numbers are
 * at most LINKLOG_NUMBER_MAX, and a payment's id is not all zero.
 */
enum linklog_result linklog_header(struct slice bytes,
				   struct link_header *out) MUST_CHECK;
enum linklog_result linklog_batch(struct slice bytes,
				  struct link_batch *out) MUST_CHECK;
enum linklog_result linklog_entry(struct slice bytes,
				  struct link_entry *out) MUST_CHECK;
enum linklog_result linklog_terms(struct slice bytes,
				  struct payment_terms *out) MUST_CHECK;
enum linklog_result linklog_proof(struct slice bytes,
				  struct link_proof *out) MUST_CHECK;
enum linklog_result linklog_hello(struct slice bytes,
				  struct link_hello *out) MUST_CHECK;
enum linklog_result linklog_hello_ok(struct slice bytes,
				     struct link_hello_ok *out) MUST_CHECK;
enum linklog_result linklog_never(struct slice bytes,
				  struct link_never *out) MUST_CHECK;

/*
 * linklog_way_fits: is the path of decoded @terms one from payer to payee: at
 * least two cities, none twice, the first the payer's, the last the payee's
 * (rules PEER-25, PEER-27)?
 */
bool linklog_way_fits(const struct payment_terms *terms);

/*
 * linklog_next_entry: take the first entry's bytes off @entries, which was
 * decoded by linklog_batch(); false when none is left.
 */
bool linklog_next_entry(struct slice *entries, struct slice *entry);

/* linklog_head: H("clearing/head/1", 0x00, header bytes) (rule PEER-5). */
void linklog_head(struct slice header, sha256_function *sha256,
		  uint8_t out[SHA256_SIZE]);

/*
 * linklog_first_head: the head before seq 1:
 * H("clearing/log/1", 0, federation, 0, author, 0, peer).
 */
void linklog_first_head(struct slice federation, struct slice author,
			struct slice peer, sha256_function *sha256,
			uint8_t out[SHA256_SIZE]);

/*
 * linklog_signed: the bytes a batch's signature is over:
 * ("clearing/batch/1", 0x00, header bytes) (rule PEER-6).
 */
void linklog_signed(struct buffer *out, struct slice header);

/* linklog_leaf: H(0x00, entry) (rule PEER-5). */
void linklog_leaf(struct slice entry, sha256_function *sha256,
		  uint8_t out[SHA256_SIZE]);

/*
 * linklog_root: the RFC 6962 tree hash over @count leaves, 1 to
 * LINKLOG_ENTRIES_MAX.
 *
 * @leaves   of linklog_leaf(); not changed.
 * @scratch  as many more.
 */
void linklog_root(const uint8_t (*leaves)[SHA256_SIZE], uint32_t count,
		  uint8_t (*scratch)[SHA256_SIZE], sha256_function *sha256,
		  uint8_t out[SHA256_SIZE]);

/*
 * linklog_batch_root: the same over the entries of a @batch that was decoded
 * (rule PEER-5).
 *
 * @leaves  room for 2 * LINKLOG_ENTRIES_MAX hashes; overwritten.
 */
void linklog_batch_root(const struct link_batch *batch,
			uint8_t (*leaves)[SHA256_SIZE], sha256_function *sha256,
			uint8_t out[SHA256_SIZE]);

/*
 * linklog_path: RFC 6962 audit path of leaf @index: hashes from the leaf's
 * sibling up; returns how many, at most LINKLOG_PROOF_PATH_MAX.
 */
uint32_t linklog_path(const uint8_t (*leaves)[SHA256_SIZE], uint32_t count,
		      uint32_t index, uint8_t (*scratch)[SHA256_SIZE],
		      sha256_function *sha256,
		      uint8_t path[LINKLOG_PROOF_PATH_MAX][SHA256_SIZE]);

/*
 * linklog_path_leads: does @path lead from @leaf at @index of @count leaves
 * to @root?
 */
bool linklog_path_leads(const uint8_t leaf[SHA256_SIZE], uint32_t index,
			uint32_t count,
			const uint8_t path[LINKLOG_PROOF_PATH_MAX][SHA256_SIZE],
			uint32_t path_count, const uint8_t root[SHA256_SIZE],
			sha256_function *sha256);

/*
 * linklog_prove: append the proof that entry @index is in @batch, which was
 * decoded (rule PEER-34).
 *
 * @leaves  room for 2 * LINKLOG_ENTRIES_MAX hashes; overwritten.
 */
void linklog_prove(const struct link_batch *batch, uint32_t index,
		   uint8_t (*leaves)[SHA256_SIZE], sha256_function *sha256,
		   struct buffer *out);

/* Verifies an Ed25519 signature with a city's node key. */
typedef bool verify_function(const uint8_t key[NODE_KEY_SIZE],
			     struct slice bytes,
			     const uint8_t signature[LINKLOG_SIGNATURE_SIZE]);

/* Whether a proof holds, and what it says. */
enum linklog_proof_result {
	LINKLOG_PROVEN = 0,
	LINKLOG_PROOF_MALFORMED,
	LINKLOG_PROOF_WRONG_LOG,   /* not decider to the city before it */
	LINKLOG_PROOF_WRONG_TERMS, /* terms_hash differs, or a wrong lock */
	LINKLOG_PROOF_WRONG_ROOT,
	LINKLOG_PROOF_BAD_SIGNATURE,
};

/*
 * linklog_verify_proof: is @proof the answer of the decider to the payment
 * with these terms (rule PEER-34)?
 *
 * @terms_bytes  the PaymentTerms as carried.
 * @key          the decider's node key for proof->key_id, which the caller
 *               looked up in the roster (CURRENT or RETIRED).
 * @entry        written on LINKLOG_PROVEN: a SETTLE or a RELEASE.
 */
enum linklog_proof_result
linklog_verify_proof(struct slice proof, struct slice terms_bytes,
		     const uint8_t key[NODE_KEY_SIZE], sha256_function *sha256,
		     verify_function *verify,
		     struct link_entry *entry) MUST_CHECK;

#endif
