/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "wire/tls_policy.h"

#include <openssl/crypto.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

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

/* Does @uri lie under spiffe://FEDERATION/city/CITY of @policy? */
static bool is_of_city(const struct tls_policy *policy, struct slice uri)
{
	uint8_t data[IDENTITY_URI_SIZE_MAX];
	struct buffer prefix;
	struct slice start;

	buffer_init(&prefix, data, sizeof(data));
	buffer_put_text(&prefix, "spiffe://");
	buffer_put(&prefix,
		   slice_of(policy->federation, policy->federation_size));
	buffer_put_text(&prefix, "/city/");
	buffer_put(&prefix, slice_of(policy->city, policy->city_size));
	check(!prefix.overflowed);
	start = buffer_view(&prefix);
	return slice_starts_with(uri, start) &&
	       (uri.size == start.size || uri.data[start.size] == '/');
}

static bool admits_identity(const struct tls_policy *policy, struct slice uri)
{
	struct identity identity;

	if (!identity_parse(uri, &identity))
		return false;
	if (!policy->is_server)
		return slice_equal(uri,
				   slice_of(policy->uri, policy->uri_size));
	if (identity.role == ROLE_ARBITER)
		return slice_equal(
			identity.federation,
			slice_of(policy->federation, policy->federation_size));
	return is_of_city(policy, uri);
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

/*
 * OpenSSL asks for each certificate of a chain, from the root down; the
 * leaf's own rules come last (rule RPC-2).
 */
static int verify(int chain_is_good, X509_STORE_CTX *chain)
{
	const SSL *ssl;

	if (chain_is_good != 1)
		return 0;
	if (X509_STORE_CTX_get_error_depth(chain) > 0)
		return 1;
	ssl = X509_STORE_CTX_get_ex_data(chain,
					 SSL_get_ex_data_X509_STORE_CTX_idx());
	if (tls_policy_admits(SSL_get_SSL_CTX(ssl),
			      X509_STORE_CTX_get_current_cert(chain)))
		return 1;
	X509_STORE_CTX_set_error(chain, X509_V_ERR_APPLICATION_VERIFICATION);
	return 0;
}

bool tls_policy_install(SSL_CTX *context, const struct tls_policy *policy)
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
	SSL_CTX_set_verify(context,
			   SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
			   verify);
	return true;
}

bool tls_policy_admits(const SSL_CTX *context, X509 *certificate)
{
	const struct tls_policy *policy =
		SSL_CTX_get_ex_data(context, policy_index());
	uint8_t data[IDENTITY_URI_SIZE_MAX];
	struct buffer uri;

	check(policy != NULL);
	if (X509_check_ca(certificate) != 0)
		return false;
	buffer_init(&uri, data, sizeof(data));
	return tls_certificate_uri(certificate, &uri) &&
	       admits_identity(policy, buffer_view(&uri));
}
