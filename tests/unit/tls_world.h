/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * tls_world: a city with its CA, node and coop, made anew for each test
 * program, and handshakes in memory between whoever is to meet.
 */
#ifndef CLEARING_TESTS_UNIT_TLS_WORLD_H
#define CLEARING_TESTS_UNIT_TLS_WORLD_H

#include "unit/support.h"

#include "wire/tls.h"

#define PEM_MAX 8192
#define FEDERATION SLICE("alps")
#define CITY SLICE("graz")
#define NODE_URI "spiffe://alps/city/graz"
#define COOP_URI "spiffe://alps/city/graz/coop/m1"
#define DAY_S 86400

struct pem {
	uint8_t data[PEM_MAX];
	size_t size;
};

/* A certificate and the key to it. */
struct holder {
	EVP_PKEY *key;
	X509 *certificate;
	struct pem certificate_pem;
	struct pem key_pem;
};

/* What is odd about a certificate; zero is an honest one. */
struct wish {
	const struct holder *ca; /* NULL: signs itself */
	struct slice uri;
	struct slice second_uri;
	bool is_ca;
	bool without_uri;
	long from_s; /* from now */
	long until_s;
};

/* A city with its CA and node, and an honest coop. */
struct city {
	struct holder ca;
	struct holder other_ca; /* of the same subject; linz's in some tests */
	struct holder node;
	struct holder coop;
	SSL_CTX *server;
};

struct shake {
	SSL *server;
	SSL *client;
};

struct slice pem_view(const struct pem *pem);

/* make: fill @holder with a key and a certificate; unmake: free them. */
void make(struct holder *holder, const struct wish *wish);
void unmake(struct holder *holder);

/* make_crl: a list of @ca that names @revoked, if any; good for @until_s. */
void make_crl(const struct holder *ca, const struct holder *revoked,
	      long until_s, struct pem *pem);

/* files_of: what @holder would have on disk. */
struct tls_files files_of(const struct city *city, const struct holder *holder);

/* careless_client: one that keeps no policy of its own. */
SSL_CTX *careless_client(const struct holder *holder);

/*
 * shake_hands: both sides to the end of the handshake; false when either
 * refused.  part: frees both, whatever came of it.
 */
bool shake_hands(struct shake *shake, SSL_CTX *server, SSL_CTX *client);
void part(struct shake *shake);

/* lets_in: does @server let in a client with @holder's certificate? */
bool lets_in(SSL_CTX *server, const struct holder *holder);

/* tls_world_setup, _teardown: *state is a struct city. */
int tls_world_setup(void **state);
int tls_world_teardown(void **state);

#endif
