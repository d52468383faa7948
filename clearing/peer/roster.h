/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * roster: the file a federation is known by, as bytes and as a value: cities
 * with their node keys, CAs and endpoints, and the links between them
 * (proto/clearing/federation/v1/roster.proto; rules PEER-2, PEER-43, PEER-44).
 * Pure; it opens no file, and what a node does with a new roster is not
 * decided here.
 *
 * Decoding takes exactly what the encoder would write.  Cities stand in order
 * of their names, so a city's index orders as its name does; links in order
 * of (a, b).
 */
#ifndef CLEARING_PEER_ROSTER_H
#define CLEARING_PEER_ROSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/linklog.h"

#define ROSTER_CITIES_MAX 1000
#define ROSTER_LINKS_MAX 4000
#define ROSTER_KEYS_MAX 4
#define ROSTER_SIGNATURES_MAX (ROSTER_CITIES_MAX * ROSTER_KEYS_MAX)
/* One message of the RPC carries it. */
#define ROSTER_SIZE_MAX (3u << 20)
#define ROSTER_PLACE_SIZE_MAX 80
#define ROSTER_CA_SIZE_MAX 8192
#define ROSTER_ENDPOINT_SIZE_MAX 255
/* Hex digits of a key's id. */
#define ROSTER_KEY_ID_SIZE 16
#define ROSTER_IN_FLIGHT_PER_MILLE_DEFAULT 500
#define ROSTER_NONE UINT32_MAX

enum roster_key_state {
	ROSTER_KEY_CURRENT = 1, /* signs */
	ROSTER_KEY_RETIRED = 2, /* signs no more; its signatures stay good */
	ROSTER_KEY_REVOKED = 3,
};

enum roster_city_status {
	ROSTER_CITY_ACTIVE = 1,
	ROSTER_CITY_GONE = 2, /* for ever */
};

struct roster_key {
	struct slice id;
	struct slice key; /* NODE_KEY_SIZE */
	uint8_t state;	  /* enum roster_key_state */
};

struct roster_city {
	struct slice name;
	struct slice place;	/* for people; may be empty */
	struct slice bioregion; /* may be empty */
	struct slice ca;	/* PEM */
	struct slice endpoint;	/* host:port */
	struct slice uri;
	int32_t latitude; /* in millionths of a degree */
	int32_t longitude;
	struct roster_key keys[ROSTER_KEYS_MAX];
	uint32_t key_count;
	uint8_t status; /* enum roster_city_status */
};

struct roster_link {
	uint32_t a, b;		      /* indexes of cities, a < b */
	struct money line_a;	      /* what a lets b owe */
	struct money line_b;	      /* what b lets a owe */
	uint32_t in_flight_per_mille; /* 1 to 1000 */
};

struct roster_signature {
	struct slice city;
	struct slice key_id;
	struct slice signature; /* LINKLOG_SIGNATURE_SIZE */
};

/* About 700 KB.  All slices are views into what was decoded. */
struct roster {
	uint64_t version;
	struct slice federation;
	struct slice unit;
	uint32_t decimals;
	struct slice prev_hash; /* SHA256_SIZE; empty for version 1 */
	struct slice founders[ROSTER_CITIES_MAX];
	uint32_t founder_count;
	struct roster_city cities[ROSTER_CITIES_MAX];
	uint32_t city_count;
	struct roster_link links[ROSTER_LINKS_MAX];
	uint32_t link_count;
	struct roster_signature signatures[ROSTER_SIGNATURES_MAX];
	uint32_t signature_count;

	struct slice body; /* the Roster bytes: what is hashed and signed */
	uint8_t hash[SHA256_SIZE];

	/* What roster_decode() and roster_verify() tell beside the result: */
	uint32_t founders_signed; /* with a good signature */
	uint32_t founders_needed; /* more than two thirds of them */
	struct slice fault;	  /* the city it is about, a name; or empty */
};

/* In order of precedence. */
enum roster_result {
	ROSTER_OK = 0,
	ROSTER_TOO_LARGE,	 /* a limit above is passed */
	ROSTER_MALFORMED,	 /* no canonical protobuf of a SignedRoster */
	ROSTER_BAD_VALUE,	 /* version, names, unit, decimals, prev_hash */
	ROSTER_DUPLICATE,	 /* twice, or not in order */
	ROSTER_BAD_CITY,	 /* a value of the city @fault */
	ROSTER_BAD_KEY,		 /* a key of it, or not one CURRENT */
	ROSTER_UNKNOWN_CITY,	 /* a founder or a link names @fault */
	ROSTER_BAD_LINK,	 /* to itself, or a value of it */
	ROSTER_NO_FOUNDER,	 /* nobody could sign */
	ROSTER_WRONG_FEDERATION, /* not the one expected or before */
	ROSTER_WRONG_UNIT,	 /* unit or decimals likewise */
	ROSTER_STALE,		 /* a version below one seen */
	ROSTER_FORKED,		 /* a version seen, with other bytes */
	ROSTER_BROKEN_CHAIN,	 /* prev_hash is not that of the one before */
	ROSTER_CITY_LOST,	 /* @fault stood in the one before */
	ROSTER_REVIVED,		 /* @fault was GONE, or a key REVOKED */
	ROSTER_UNSIGNED,	 /* too few founders; see founders_signed */
};

#define ROSTER_RESULT_COUNT 18

/* roster_result_name: "STALE"; sentence: for people. */
const char *roster_result_name(enum roster_result result);
const char *roster_result_sentence(enum roster_result result);

/*
 * roster_explain: append the sentence of @result, which came with @roster,
 * with the city it is about and how many have signed.
 */
void roster_explain(struct buffer *out, const struct roster *roster,
		    enum roster_result result);

#define ROSTER_EXPLAIN_SIZE_MAX 256

/* What a new roster is held against. */
struct roster_trust {
	sha256_function *sha256;
	verify_function *verify;
	struct slice federation; /* empty: any */
	struct slice unit;	 /* empty: any, with any decimals */
	uint32_t decimals;
	/* The newest one held; NULL: none is at hand. */
	const struct roster *previous;
	/* Version and hash of the newest one ever adopted; 0: none is known. */
	uint64_t seen_version;
	uint8_t seen_hash[SHA256_SIZE];
};

/*
 * roster_decode: read a SignedRoster and check its form and its values; a
 * draft whose founders are not all among its cities yet passes.
 *
 * @bytes  must outlive @out.
 * @out    on failure only .fault is meant to be read.
 */
enum roster_result roster_decode(struct slice bytes, sha256_function *sha256,
				 struct roster *out) MUST_CHECK;

/*
 * roster_verify: is a decoded @roster one to be trusted (rule PEER-2)?
 *
 * More than two thirds of its founders must have signed it with a key that is
 * CURRENT or RETIRED in it; and, against an older @trust->previous, more than
 * two thirds of the founders there with a key CURRENT there: so a key is
 * rotated by a roster that the old key signs (rule PEER-43).  A version that
 * skips some cannot be held against its chain, but against these keys.
 *
 * @roster  not trust->previous; its founders_signed, founders_needed and
 *          fault are written.
 */
enum roster_result roster_verify(struct roster *roster,
				 const struct roster_trust *trust) MUST_CHECK;

/* roster_load: roster_decode() and roster_verify(). */
enum roster_result roster_load(struct roster *roster, struct slice bytes,
			       const struct roster_trust *trust) MUST_CHECK;

/*
 * roster_encode_body: append the bytes of the Roster; roster_encode: of the
 * SignedRoster, of .body and .signatures as they are.  Values are written as
 * they stand: decode what came out to have it checked.
 */
void roster_encode_body(const struct roster *roster, struct buffer *out);
void roster_encode(const struct roster *roster, struct buffer *out);

#define ROSTER_SIGNED_SIZE (18 + SHA256_SIZE)

/*
 * roster_signed: the bytes that are signed: "clearing/roster/1", 0x00, and
 * SHA-256 of the Roster bytes.
 */
void roster_signed(const uint8_t hash[SHA256_SIZE],
		   uint8_t out[ROSTER_SIGNED_SIZE]);

/* roster_key_id: first hex digits of SHA-256 of @key. */
void roster_key_id(const uint8_t key[NODE_KEY_SIZE], sha256_function *sha256,
		   char out[ROSTER_KEY_ID_SIZE]);

/* roster_city: index of the city @name; ROSTER_NONE: there is none. */
uint32_t roster_city(const struct roster *roster, struct slice name);

/*
 * roster_key: the key @key_id of the city at index @city if signatures with
 * it are good: CURRENT or RETIRED, not REVOKED (rule PEER-43); or NULL.
 */
const struct roster_key *roster_key(const struct roster *roster, uint32_t city,
				    struct slice key_id);

/*
 * roster_any_key: the same in any state, for what was recorded while its key
 * was good (rule PEER-43).
 */
const struct roster_key *roster_any_key(const struct roster *roster,
					uint32_t city, struct slice key_id);

/* roster_current_key: the key the city signs with; NULL: GONE without one. */
const struct roster_key *roster_current_key(const struct roster *roster,
					    uint32_t city);

/* roster_link: index of the link of two cities in any order; ROSTER_NONE. */
uint32_t roster_link(const struct roster *roster, uint32_t x, uint32_t y);

/*
 * roster_line: what @creditor, an end of @link, lets the other end owe.
 */
struct money roster_line(const struct roster_link *link, uint32_t creditor);

/* roster_other_end: the end of @link that is not @city. */
uint32_t roster_other_end(const struct roster_link *link, uint32_t city);

#endif
