/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "wire/tls_files.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>

/* Says which file is wrong, and what OpenSSL thought of it last. */
static bool refuse(char *error, const char *file, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	if (reason != NULL)
		snprintf(error, TLS_ERROR_SIZE, "%s: %s (%s)", file, what,
			 reason);
	else
		snprintf(error, TLS_ERROR_SIZE, "%s: %s", file, what);
	return false;
}

/* Never asks a person for a password: a key in a file has none. */
static int no_password(char *password, int size, int writing, void *user)
{
	(void)password;
	(void)size;
	(void)writing;
	(void)user;
	return -1;
}

static BIO *open_pem(struct slice pem)
{
	if (pem.size > INT_MAX)
		return NULL;
	return BIO_new_mem_buf(pem.data, (int)pem.size);
}

/* After a failed read: was it the end, not a broken block? */
static bool at_end(void)
{
	const unsigned long last = ERR_peek_last_error();
	const bool end = ERR_GET_LIB(last) == ERR_LIB_PEM &&
			 ERR_GET_REASON(last) == PEM_R_NO_START_LINE;

	if (end)
		ERR_clear_error();
	return end;
}

X509 *tls_files_certificate(struct slice pem)
{
	BIO *file = open_pem(pem);
	X509 *certificate = NULL;

	if (file != NULL)
		certificate = PEM_read_bio_X509(file, NULL, no_password, NULL);
	BIO_free(file);
	return certificate;
}

static bool load_chain(SSL_CTX *context, BIO *file)
{
	X509 *certificate = PEM_read_bio_X509(file, NULL, no_password, NULL);
	bool good;

	good = certificate != NULL &&
	       SSL_CTX_use_certificate(context, certificate) == 1;
	X509_free(certificate);
	while (good) {
		certificate = PEM_read_bio_X509(file, NULL, no_password, NULL);
		if (certificate == NULL)
			return at_end();
		good = SSL_CTX_add1_chain_cert(context, certificate) == 1;
		X509_free(certificate);
	}
	return false;
}

static bool load_key(SSL_CTX *context, BIO *file)
{
	EVP_PKEY *key = PEM_read_bio_PrivateKey(file, NULL, no_password, NULL);
	bool good;

	good = key != NULL && SSL_CTX_use_PrivateKey(context, key) == 1;
	EVP_PKEY_free(key);
	return good && SSL_CTX_check_private_key(context) == 1;
}

static bool add_anchors(X509_STORE *store, BIO *file)
{
	uint32_t count = 0;

	for (;;) {
		X509 *ca = PEM_read_bio_X509(file, NULL, no_password, NULL);
		bool good;

		if (ca == NULL)
			return at_end() && count > 0;
		good = X509_check_ca(ca) == 1 &&
		       X509_STORE_add_cert(store, ca) == 1;
		X509_free(ca);
		if (!good)
			return false;
		count++;
	}
}

static bool load_ca(SSL_CTX *context, BIO *file)
{
	return add_anchors(SSL_CTX_get_cert_store(context), file);
}

X509_STORE *tls_files_anchor(struct slice pem)
{
	X509_STORE *store = X509_STORE_new();
	BIO *file = open_pem(pem);

	if (store == NULL || file == NULL || !add_anchors(store, file)) {
		X509_STORE_free(store);
		store = NULL;
	}
	BIO_free(file);
	return store;
}

/*
 * Is @crl signed by a CA of @store?  OpenSSL would find no list for any
 * certificate of ours otherwise, and refuse all of them.
 */
static bool of_ca(X509_STORE *store, X509_CRL *crl)
{
	STACK_OF(X509) *cas = X509_STORE_get1_all_certs(store);
	bool found = false;

	for (int i = 0; !found && i < sk_X509_num(cas); i++) {
		EVP_PKEY *key = X509_get0_pubkey(sk_X509_value(cas, i));

		found = key != NULL && X509_CRL_verify(crl, key) == 1;
	}
	sk_X509_pop_free(cas, X509_free);
	return found;
}

static bool load_crl(SSL_CTX *context, BIO *file)
{
	X509_STORE *store = SSL_CTX_get_cert_store(context);
	uint32_t count = 0;

	for (;;) {
		X509_CRL *crl =
			PEM_read_bio_X509_CRL(file, NULL, no_password, NULL);
		bool good;

		if (crl == NULL)
			break;
		good = of_ca(store, crl) && X509_STORE_add_crl(store, crl) == 1;
		X509_CRL_free(crl);
		if (!good)
			return false;
		count++;
	}
	return at_end() && count > 0 &&
	       X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK) == 1;
}

static bool load(SSL_CTX *context, struct slice pem,
		 bool (*read)(SSL_CTX *, BIO *))
{
	BIO *file = open_pem(pem);
	const bool good = file != NULL && read(context, file);

	BIO_free(file);
	return good;
}

/* Would a peer accept the own chain?  Before any CRL is in the store. */
static bool verify_own(SSL_CTX *context, char *error)
{
	X509_STORE_CTX *chain = X509_STORE_CTX_new();
	STACK_OF(X509) *untrusted = NULL;
	bool good = false;

	SSL_CTX_get0_chain_certs(context, &untrusted);
	if (chain != NULL &&
	    X509_STORE_CTX_init(chain, SSL_CTX_get_cert_store(context),
				SSL_CTX_get0_certificate(context),
				untrusted) == 1) {
		good = X509_verify_cert(chain) == 1;
		if (!good)
			snprintf(error, TLS_ERROR_SIZE,
				 "certificate: the CA does not vouch for it "
				 "(%s)",
				 X509_verify_cert_error_string(
					 X509_STORE_CTX_get_error(chain)));
	}
	X509_STORE_CTX_free(chain);
	return good;
}

bool tls_files_load(SSL_CTX *context, const struct tls_files *files,
		    char *error)
{
	ERR_clear_error();
	snprintf(error, TLS_ERROR_SIZE, "tls: out of memory");
	if (!load(context, files->certificate, load_chain))
		return refuse(error, "certificate", "not a PEM certificate");
	if (!load(context, files->key, load_key))
		return refuse(error, "key",
			      "not the certificate's PEM private key");
	if (!load(context, files->ca, load_ca))
		return refuse(error, "ca", "not PEM certificates of a CA");
	if (!verify_own(context, error))
		return false;
	/* An empty file is a broken one: it would let the revoked in. */
	if (files->crl.data != NULL && !load(context, files->crl, load_crl))
		return refuse(error, "crl",
			      "not a PEM revocation list of the CA");
	return true;
}
