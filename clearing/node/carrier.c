/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "node/carrier.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wire/tls.h"

/* A TLS record; reading whole ones leaves nothing behind in OpenSSL. */
#define RECORD_SIZE 16384
/* Records read in one turn, so that others have theirs. */
#define RECORDS_PER_TURN_MAX 4
/* What may wait to be written before nothing more is pulled. */
#define OUTPUT_SIZE_MAX ((size_t)256 << 10)
#define OUTPUT_CAPACITY_MIN ((size_t)32 << 10)

struct carrier {
	struct carrier_options options;
	enum carrier_state state;
	SSL *ssl;
	int socket;
	struct grpc_client *client;
	struct event *readable;
	struct event *writable;
	const char *reason;
	uint8_t *output;
	size_t output_begin;
	size_t output_end;
	size_t output_capacity;
};

static void end(struct carrier *carrier, const char *reason)
{
	if (carrier->state == CARRIER_GONE)
		return;
	carrier->state = CARRIER_GONE;
	carrier->reason = reason;
	event_del(carrier->readable);
	event_del(carrier->writable);
}

/* TLS 1.3 tells of a refused certificate only when something is read. */
static const char *tls_reason(void)
{
	const unsigned long code = ERR_peek_error();
	const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);

	return reason == NULL ? "the other end closed" : reason;
}

/* What SSL_read() or SSL_write() could not do now. */
static void after_tls(struct carrier *carrier, int result)
{
	switch (SSL_get_error(carrier->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		break;
	case SSL_ERROR_WANT_WRITE:
		event_add(carrier->writable, NULL);
		break;
	default:
		end(carrier, tls_reason());
		break;
	}
	ERR_clear_error();
}

/* Returns false when there is nothing more to read now. */
static bool read_record(struct carrier *carrier)
{
	uint8_t record[RECORD_SIZE];
	int size;

	ERR_clear_error();
	size = SSL_read(carrier->ssl, record, sizeof(record));
	if (size <= 0) {
		after_tls(carrier, size);
		return false;
	}
	if (!grpc_client_receive(carrier->client,
				 slice_of(record, (size_t)size))) {
		end(carrier, "the other end ended HTTP/2");
		return false;
	}
	if (carrier->state == CARRIER_OPENING)
		carrier->state = CARRIER_OPEN;
	if (!grpc_client_accepts(carrier->client))
		carrier->state = CARRIER_LEAVING;
	return true;
}

static void on_ready(evutil_socket_t socket, short what, void *argument)
{
	struct carrier *carrier = argument;

	(void)socket;
	(void)carrier->options.now(carrier->options.context);
	/* What can be written is written by carrier_flush(). */
	for (int i = 0; (what & EV_READ) != 0 && i < RECORDS_PER_TURN_MAX; i++)
		if (!read_record(carrier))
			break;
	carrier->options.on_event(carrier->options.context, carrier);
}

struct carrier *carrier_create(const struct carrier_options *options, SSL *ssl)
{
	struct carrier *carrier = calloc(1, sizeof(*carrier));

	if (carrier == NULL) {
		close(SSL_get_fd(ssl));
		SSL_free(ssl);
		return NULL;
	}
	carrier->options = *options;
	carrier->ssl = ssl;
	carrier->socket = SSL_get_fd(ssl);
	carrier->client = grpc_client_create(options->authority,
					     options->message_size_max);
	carrier->readable = event_new(options->base, carrier->socket,
				      EV_READ | EV_PERSIST, on_ready, carrier);
	carrier->writable = event_new(options->base, carrier->socket, EV_WRITE,
				      on_ready, carrier);
	if (carrier->client != NULL && carrier->readable != NULL &&
	    carrier->writable != NULL &&
	    event_add(carrier->readable, NULL) == 0)
		return carrier;
	carrier_free(carrier);
	return NULL;
}

void carrier_free(struct carrier *carrier)
{
	grpc_client_free(carrier->client);
	if (carrier->readable != NULL)
		event_free(carrier->readable);
	if (carrier->writable != NULL)
		event_free(carrier->writable);
	ERR_clear_error();
	if (carrier->state != CARRIER_GONE)
		(void)SSL_shutdown(carrier->ssl);
	ERR_clear_error();
	SSL_free(carrier->ssl);
	close(carrier->socket);
	free(carrier->output);
	free(carrier);
}

enum carrier_state carrier_state(const struct carrier *carrier)
{
	return carrier->state;
}

const char *carrier_reason(const struct carrier *carrier)
{
	check(carrier->state == CARRIER_GONE);
	return carrier->reason;
}

struct grpc_client *carrier_client(const struct carrier *carrier)
{
	return carrier->client;
}

bool carrier_still_good(const struct carrier *carrier, SSL_CTX *tls)
{
	return tls_peer_still_good(carrier->ssl, tls);
}

static size_t waiting(const struct carrier *carrier)
{
	return carrier->output_end - carrier->output_begin;
}

/* Room for @size more bytes at the end of the output. */
static bool make_room(struct carrier *carrier, size_t size)
{
	const size_t kept = waiting(carrier);
	size_t capacity = carrier->output_capacity;
	uint8_t *grown;

	if (carrier->output_begin > 0) {
		memmove(carrier->output,
			carrier->output + carrier->output_begin, kept);
		carrier->output_begin = 0;
		carrier->output_end = kept;
	}
	if (kept + size <= capacity)
		return true;
	capacity = capacity == 0 ? OUTPUT_CAPACITY_MIN : capacity;
	while (capacity < kept + size)
		capacity *= 2;
	grown = realloc(carrier->output, capacity);
	if (grown == NULL)
		return false;
	carrier->output = grown;
	carrier->output_capacity = capacity;
	return true;
}

/* Pull what HTTP/2 has to say; false when memory is out. */
static bool pull(struct carrier *carrier)
{
	while (waiting(carrier) < OUTPUT_SIZE_MAX) {
		struct slice bytes = grpc_client_send(carrier->client);

		if (bytes.size == 0)
			return true;
		if (carrier->output_end + bytes.size >
			    carrier->output_capacity &&
		    !make_room(carrier, bytes.size))
			return false;
		memcpy(carrier->output + carrier->output_end, bytes.data,
		       bytes.size);
		carrier->output_end += bytes.size;
	}
	return true;
}

/* Returns false when nothing more can be written now, or ever. */
static bool write_some(struct carrier *carrier)
{
	int written;

	ERR_clear_error();
	written =
		SSL_write(carrier->ssl, carrier->output + carrier->output_begin,
			  (int)waiting(carrier));
	if (written <= 0) {
		after_tls(carrier, written);
		return false;
	}
	carrier->output_begin += (size_t)written;
	if (waiting(carrier) == 0)
		carrier->output_begin = carrier->output_end = 0;
	return true;
}

void carrier_flush(struct carrier *carrier)
{
	if (carrier->state == CARRIER_GONE ||
	    event_pending(carrier->writable, EV_WRITE, NULL) != 0)
		return;
	do {
		if (!pull(carrier)) {
			end(carrier, "out of memory");
			return;
		}
	} while (waiting(carrier) > 0 && write_some(carrier));
}
