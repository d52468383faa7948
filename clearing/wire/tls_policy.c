/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "wire/tls_policy.h"

#include <openssl/crypto.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"

/* How many URIs @names has, and the last of them. */
static int find_uri(const GENERAL_NAMES *names, const ASN1_IA5STRING **uri)
{
	int count = 0;

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type != GEN_URI)
			continue;
		*uri = name->d.uniformResourceIdentifier;
		count++;
	}
	return count;
}

bool tls_certificate_uri(X509 *certificate, struct buffer *uri)
{
	const ASN1_IA5STRING *found = NULL;
	bool good = false;
	/* NULL also when the extension stands twice. */
	GENERAL_NAMES *names =
		X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);

	if (names == NULL)
		return false;
	if (find_uri(names, &found) == 1) {
		buffer_put(uri, slice_of(ASN1_STRING_get0_data(found),
					 (size_t)ASN1_STRING_length(found)));
		good = !uri->overflowed;
	}
	GENERAL_NAMES_free(names);
	return good;
}

static struct slice own_city(const struct tls_policy *policy)
{
	return slice_of(policy->city, policy->city_size);
}

static X509_STORE *find_anchor(const struct tls_policy *policy,
			       struct slice city)
{
	for (size_t i = 0; i < policy->anchor_count; i++) {
		const struct tls_anchor *anchor = &policy->anchors[i];

		if (slice_equal(city,
				slice_of(anchor->city, anchor->city_size)))
			return anchor->store;
	}
	return NULL;
}

/* A client wants one URI; a server all of its city, and other nodes. */
static bool admits(const struct tls_policy *policy,
		   const struct identity *identity)
{
	if (!policy->is_server)
		return slice_equal(identity->uri,
				   slice_of(policy->uri, policy->uri_size));
	if (!slice_equal(identity->federation,
			 slice_of(policy->federation, policy->federation_size)))
		return false;
	return identity->role == ROLE_ARBITER || identity->role == ROLE_CITY ||
	       slice_equal(identity->city, own_city(policy));
}

/* Who has to vouch for @identity; NULL: nobody may. */
static X509_STORE *choose_store(SSL_CTX *context,
				const struct tls_policy *policy,
				const struct identity *identity)
{
	if (!admits(policy, identity))
		return NULL;
	/* An arbiter at either end stands under the own CA. */
	if (identity->role == ROLE_ARBITER || policy->city_size == 0 ||
	    slice_equal(identity->city, own_city(policy)))
		return SSL_CTX_get_cert_store(context);
	return find_anchor(policy, identity->city);
}

static void release(struct tls_policy *policy)
{
	for (size_t i = 0; i < policy->anchor_count; i++)
		X509_STORE_free(policy->anchors[i].store);
	free(policy->anchors);
}

void tls_policy_release(struct tls_policy *policy)
{
	release(policy);
	*policy = (struct tls_policy){ 0 };
}

bool tls_policy_knows(const struct tls_policy *policy, struct slice city)
{
	return find_anchor(policy, city) != NULL;
}

bool tls_policy_add(struct tls_policy *policy, struct slice city,
		    X509_STORE *store)
{
	struct tls_anchor *anchors = realloc(
		policy->anchors, (policy->anchor_count + 1) * sizeof(*anchors));
	struct tls_anchor *anchor;

	check(city.size <= NAME_SIZE_MAX);
	if (anchors == NULL) {
		X509_STORE_free(store);
		return false;
	}
	policy->anchors = anchors;
	anchor = &anchors[policy->anchor_count++];
	memcpy(anchor->city, city.data, city.size);
	anchor->city_size = city.size;
	anchor->store = store;
	return true;
}

/* Signature is OpenSSL's: the context that owned the policy is freed. */
static void free_policy(void *parent, void *policy, CRYPTO_EX_DATA *data,
			int index, long count, void *more)
{
	(void)parent;
	(void)data;
	(void)index;
	(void)count;
	(void)more;
	if (policy != NULL)
		release(policy);
	free(policy);
}

static CRYPTO_ONCE index_once = CRYPTO_ONCE_STATIC_INIT;
static int index_reserved = -1;

static void reserve_index(void)
{
	index_reserved =
		SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_policy);
}

/*
 * Where a context keeps its policy: OpenSSL gives out the number once in the
 * life of a process; negative without memory.
 */
static int policy_index(void)
{
	if (CRYPTO_THREAD_run_once(&index_once, reserve_index) != 1)
		return -1;
	return index_reserved;
}

/* Chain, dates, revocation and purpose, as the connection has them set. */
static int verify_chain(X509_STORE *store, const SSL *ssl, X509 *certificate,
			STACK_OF(X509) * untrusted)
{
	X509_STORE_CTX *chain = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *wanted;
	int result = X509_V_ERR_OUT_OF_MEM;

	if (chain == NULL ||
	    X509_STORE_CTX_init(chain, store, certificate, untrusted) != 1)
		goto out;
	X509_STORE_CTX_set_default(chain, SSL_is_server(ssl) ? "ssl_client"
							     : "ssl_server");
	wanted = X509_STORE_CTX_get0_param(chain);
	X509_VERIFY_PARAM_set_depth(wanted, SSL_get_verify_depth(ssl));
	X509_VERIFY_PARAM_set_auth_level(wanted, SSL_get_security_level(ssl));
	if (X509_verify_cert(chain) == 1)
		result = X509_V_OK;
	else
		result = X509_STORE_CTX_get_error(chain);
out:
	X509_STORE_CTX_free(chain);
	return result;
}

int tls_policy_verify(SSL_CTX *context, const SSL *ssl, X509 *certificate,
		      STACK_OF(X509) * untrusted)
{
	const struct tls_policy *policy =
		SSL_CTX_get_ex_data(context, policy_index());
	uint8_t data[IDENTITY_URI_SIZE_MAX];
	struct identity identity;
	struct buffer uri;
	X509_STORE *store;

	check(policy != NULL);
	buffer_init(&uri, data, sizeof(data));
	if (X509_check_ca(certificate) != 0 ||
	    !tls_certificate_uri(certificate, &uri) ||
	    !identity_parse(buffer_view(&uri), &identity))
		return X509_V_ERR_APPLICATION_VERIFICATION;
	store = choose_store(context, policy, &identity);
	if (store == NULL)
		return X509_V_ERR_APPLICATION_VERIFICATION;
	return verify_chain(store, ssl, certificate, untrusted);
}

/* OpenSSL's own way knows one store for all (rule RPC-2). */
static int verify(X509_STORE_CTX *chain, void *user)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(
		chain, SSL_get_ex_data_X509_STORE_CTX_idx());
	X509 *certificate = X509_STORE_CTX_get0_cert(chain);
	int result = X509_V_ERR_APPLICATION_VERIFICATION;

	(void)user;
	if (certificate != NULL)
		result = tls_policy_verify(
			SSL_get_SSL_CTX(ssl), ssl, certificate,
			X509_STORE_CTX_get0_untrusted(chain));
	X509_STORE_CTX_set_error(chain, result);
	return result == X509_V_OK;
}

bool tls_policy_install(SSL_CTX *context, struct tls_policy *policy)
{
	const int index = policy_index();
	struct tls_policy *own = malloc(sizeof(*own));

	if (own == NULL || index < 0) {
		free(own);
		return false;
	}
	*own = *policy;
	if (SSL_CTX_set_ex_data(context, index, own) != 1) {
		free(own);
		return false;
	}
	*policy = (struct tls_policy){ 0 };
	SSL_CTX_set_verify(context,
			   SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
			   NULL);
	SSL_CTX_set_cert_verify_callback(context, verify, NULL);
	return true;
}
