/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/system.h"
#include "wire/tls.h"

#define READ_SIZE (64u << 10)
/* Stop pulling from gRPC while this much waits for the socket. */
#define OUTPUT_HIGH (256u << 10)
#define TURN_MS_MAX 1000

struct channel {
	int socket;
	SSL_CTX *context;
	SSL *ssl;
	struct grpc_client *client;
	uint8_t *output; /* what gRPC gave and the socket has not taken */
	size_t output_size, output_done, output_capacity;
	bool gone;
	const char *alert; /* why TLS ended it, or NULL */
	/* the waiting call */
	bool waiting;
	struct channel_reply reply;
	uint8_t *reply_bytes;
	uint8_t input[READ_SIZE];
};

struct file_bytes {
	char *data;
	size_t size;
};

static bool read_file(const char *path, const char *what,
		      struct file_bytes *out, char *error)
{
	if (path == NULL || path[0] == '\0') {
		snprintf(error, CHANNEL_ERROR_SIZE, "no %s given: use --%s",
			 what, what);
		return false;
	}
	out->data = system_read_file(path, &out->size);
	if (out->data == NULL)
		snprintf(error, CHANNEL_ERROR_SIZE, "%s: %s (--%s)", path,
			 strerror(errno), what);
	return out->data != NULL;
}

static struct slice view(const struct file_bytes *file)
{
	return slice_of(file->data, file->size);
}

static void copy_text(char *to, size_t capacity, struct slice from)
{
	size_t size = from.size < capacity ? from.size : capacity - 1;

	if (size > 0)
		memcpy(to, from.data, size);
	to[size] = '\0';
}

enum channel_result channel_self(const char *certificate,
				 struct channel_self *out, char *error)
{
	struct file_bytes file = { 0 };
	uint8_t room[IDENTITY_URI_SIZE_MAX];
	struct buffer uri;
	struct identity identity;
	bool known;

	if (!read_file(certificate, "certificate", &file, error))
		return CHANNEL_FILES;
	buffer_init(&uri, room, sizeof(room));
	known = tls_own_identity(view(&file), &uri, &identity);
	free(file.data);
	if (!known) {
		snprintf(error, CHANNEL_ERROR_SIZE,
			 "%s: not a certificate with one spiffe:// URI name",
			 certificate);
		return CHANNEL_FILES;
	}
	copy_text(out->uri, sizeof(out->uri), identity.uri);
	copy_text(out->federation, sizeof(out->federation),
		  identity.federation);
	copy_text(out->city, sizeof(out->city), identity.city);
	return CHANNEL_OK;
}

static enum channel_result make_context(const struct channel_options *options,
					const char *uri, SSL_CTX **out,
					char *error)
{
	struct file_bytes certificate = { 0 }, key = { 0 }, ca = { 0 };
	char why[TLS_ERROR_SIZE] = "";
	enum channel_result result = CHANNEL_FILES;

	if (!read_file(options->certificate, "certificate", &certificate,
		       error) ||
	    !read_file(options->key, "key", &key, error) ||
	    !read_file(options->ca, "ca", &ca, error))
		goto out;
	*out = tls_client_context(
		&(struct tls_files){ .certificate = view(&certificate),
				     .key = view(&key),
				     .ca = view(&ca) },
		uri, why);
	if (*out == NULL)
		snprintf(error, CHANNEL_ERROR_SIZE, "%s", why);
	else
		result = CHANNEL_OK;
out:
	if (key.data != NULL)
		OPENSSL_cleanse(key.data, key.size);
	free(ca.data);
	free(key.data);
	free(certificate.data);
	return result;
}

/* Takes "host:port" or "[v6]:port" apart; false when it is neither. */
static bool split_endpoint(const char *endpoint, char *host, size_t host_size,
			   const char **port)
{
	const char *colon = strrchr(endpoint, ':');
	size_t size;

	if (colon == NULL || colon == endpoint || colon[1] == '\0')
		return false;
	size = (size_t)(colon - endpoint);
	if (endpoint[0] == '[') {
		if (endpoint[size - 1] != ']')
			return false;
		endpoint++;
		size -= 2;
	}
	if (size == 0 || size >= host_size)
		return false;
	memcpy(host, endpoint, size);
	host[size] = '\0';
	*port = colon + 1;
	return true;
}

/* Milliseconds until @deadline_us for poll(); -1 for no deadline. */
static int wait_ms(uint64_t deadline_us)
{
	uint64_t now = system_monotonic_us();
	uint64_t left;

	if (deadline_us == 0)
		return -1;
	if (now >= deadline_us)
		return 0;
	left = (deadline_us - now + 999) / 1000;
	return left > INT_MAX ? INT_MAX : (int)left;
}

static bool wait_for(int socket, short events, uint64_t deadline_us)
{
	struct pollfd wait = { .fd = socket, .events = events };
	int ready;

	do {
		ready = poll(&wait, 1, wait_ms(deadline_us));
	} while (ready < 0 && errno == EINTR);
	if (ready == 0)
		errno = ETIMEDOUT;
	return ready > 0;
}

static int connect_one(const struct addrinfo *address, uint64_t deadline_us)
{
	int one = 1, why = 0;
	socklen_t size = sizeof(why);
	int fd = socket(address->ai_family,
			SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (connect(fd, address->ai_addr, address->ai_addrlen) != 0) {
		why = errno;
		if (why == EINPROGRESS && wait_for(fd, POLLOUT, deadline_us))
			(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &size);
		else if (why == EINPROGRESS)
			why = errno;
	}
	if (why != 0) {
		close(fd);
		errno = why;
		return -1;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static int dial(const char *endpoint, uint64_t deadline_us, char *error)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *addresses = NULL;
	char host[256];
	const char *port;
	int found, fd = -1;

	if (!split_endpoint(endpoint, host, sizeof(host), &port)) {
		snprintf(error, CHANNEL_ERROR_SIZE,
			 "endpoint '%s': write host:port", endpoint);
		return -1;
	}
	found = getaddrinfo(host, port, &hints, &addresses);
	if (found != 0) {
		snprintf(error, CHANNEL_ERROR_SIZE, "%s: %s", endpoint,
			 gai_strerror(found));
		return -1;
	}
	for (const struct addrinfo *at = addresses; at != NULL && fd < 0;
	     at = at->ai_next)
		fd = connect_one(at, deadline_us);
	if (fd < 0)
		snprintf(error, CHANNEL_ERROR_SIZE, "%s: %s", endpoint,
			 strerror(errno));
	freeaddrinfo(addresses);
	return fd;
}

/* What OpenSSL has to say, the oldest entry of its queue. */
static void tls_reason(const SSL *ssl, const char *endpoint, char *error)
{
	unsigned long code = ERR_get_error();
	const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
	long verified = SSL_get_verify_result(ssl);

	if (verified != X509_V_OK)
		reason = X509_verify_cert_error_string(verified);
	snprintf(error, CHANNEL_ERROR_SIZE, "%s: handshake failed: %s",
		 endpoint,
		 reason != NULL ? reason : "the node closed the connection");
	ERR_clear_error();
}

static enum channel_result shake_hands(struct channel *channel,
				       const char *endpoint,
				       uint64_t deadline_us, char *error)
{
	uint8_t room[IDENTITY_URI_SIZE_MAX];
	struct buffer uri;
	struct identity peer;

	for (;;) {
		int done = SSL_connect(channel->ssl);
		int why = SSL_get_error(channel->ssl, done);

		if (done == 1)
			break;
		if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
			tls_reason(channel->ssl, endpoint, error);
			return CHANNEL_IDENTITY;
		}
		if (!wait_for(channel->socket,
			      why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT,
			      deadline_us)) {
			snprintf(error, CHANNEL_ERROR_SIZE,
				 "%s: no answer to the handshake", endpoint);
			return CHANNEL_AWAY;
		}
	}
	buffer_init(&uri, room, sizeof(room));
	if (tls_peer_identity(channel->ssl, &uri, &peer))
		return CHANNEL_OK;
	snprintf(error, CHANNEL_ERROR_SIZE,
		 "%s: the other end is no node that speaks HTTP/2", endpoint);
	return CHANNEL_IDENTITY;
}

static enum channel_result prepare(struct channel *channel,
				   const struct channel_options *options,
				   char *error)
{
	struct channel_self self;
	char uri[256];
	enum channel_result result;

	if (options->server_uri != NULL) {
		snprintf(uri, sizeof(uri), "%s", options->server_uri);
	} else {
		result = channel_self(options->certificate, &self, error);
		if (result != CHANNEL_OK)
			return result;
		snprintf(uri, sizeof(uri), "spiffe://%s/city/%s",
			 self.federation, self.city);
	}
	return make_context(options, uri, &channel->context, error);
}

static enum channel_result open_stages(struct channel *channel,
				       const struct channel_options *options,
				       char *error)
{
	uint64_t deadline_us =
		options->timeout_us == 0
			? 0
			: system_monotonic_us() + options->timeout_us;
	enum channel_result result = prepare(channel, options, error);

	if (result != CHANNEL_OK)
		return result;
	channel->socket = dial(options->endpoint, deadline_us, error);
	if (channel->socket < 0)
		return CHANNEL_AWAY;
	channel->ssl = SSL_new(channel->context);
	if (channel->ssl == NULL ||
	    SSL_set_fd(channel->ssl, channel->socket) != 1) {
		snprintf(error, CHANNEL_ERROR_SIZE, "out of memory");
		return CHANNEL_AWAY;
	}
	SSL_set_mode(channel->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
					   SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	result = shake_hands(channel, options->endpoint, deadline_us, error);
	if (result != CHANNEL_OK)
		return result;
	channel->client =
		grpc_client_create(options->endpoint, CHANNEL_MESSAGE_MAX);
	if (channel->client != NULL)
		return CHANNEL_OK;
	snprintf(error, CHANNEL_ERROR_SIZE, "out of memory");
	return CHANNEL_AWAY;
}

enum channel_result channel_open(const struct channel_options *options,
				 struct channel **out, char *error)
{
	struct channel *channel = calloc(1, sizeof(*channel));
	enum channel_result result;

	if (channel == NULL) {
		snprintf(error, CHANNEL_ERROR_SIZE, "out of memory");
		return CHANNEL_AWAY;
	}
	channel->socket = -1;
	result = open_stages(channel, options, error);
	if (result == CHANNEL_OK)
		*out = channel;
	else
		channel_close(channel);
	return result;
}

void channel_close(struct channel *channel)
{
	if (channel == NULL)
		return;
	if (channel->client != NULL)
		grpc_client_free(channel->client);
	if (channel->ssl != NULL && !channel->gone &&
	    SSL_is_init_finished(channel->ssl))
		(void)SSL_shutdown(channel->ssl);
	SSL_free(channel->ssl);
	SSL_CTX_free(channel->context);
	if (channel->socket >= 0)
		close(channel->socket);
	free(channel->reply_bytes);
	free(channel->output);
	free(channel);
}

bool channel_start(struct channel *channel, const char *path,
		   struct slice message, uint64_t timeout_us,
		   grpc_client_done *done, void *user)
{
	return !channel->gone &&
	       grpc_client_call(channel->client, path, message, timeout_us,
				done, user);
}

static bool keep_output(struct channel *channel, struct slice bytes)
{
	size_t wanted = channel->output_size + bytes.size;

	if (wanted > channel->output_capacity) {
		uint8_t *larger = realloc(channel->output, wanted * 2);

		if (larger == NULL)
			return false;
		channel->output = larger;
		channel->output_capacity = wanted * 2;
	}
	memcpy(channel->output + channel->output_size, bytes.data, bytes.size);
	channel->output_size += bytes.size;
	return true;
}

/* Pulls what gRPC has to say, up to OUTPUT_HIGH. */
static bool collect_output(struct channel *channel)
{
	struct slice bytes;

	if (channel->output_done == channel->output_size)
		channel->output_done = channel->output_size = 0;
	while (channel->output_size - channel->output_done < OUTPUT_HIGH) {
		bytes = grpc_client_send(channel->client);
		if (bytes.size == 0)
			break;
		if (!keep_output(channel, bytes))
			return false;
	}
	return true;
}

static bool may_go_on(struct channel *channel, int result)
{
	int why = SSL_get_error(channel->ssl, result);
	unsigned long code = ERR_peek_error();

	/* TLS 1.3 tells of a refused client certificate only now. */
	if (why == SSL_ERROR_SSL && ERR_GET_LIB(code) == ERR_LIB_SSL &&
	    ERR_GET_REASON(code) >= SSL_AD_REASON_OFFSET)
		channel->alert = ERR_reason_error_string(code);
	ERR_clear_error();
	return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
}

/* Writes what the socket takes; false when it is gone. */
static bool write_output(struct channel *channel)
{
	for (;;) {
		size_t left;
		int done;

		if (!collect_output(channel))
			return false;
		left = channel->output_size - channel->output_done;
		if (left == 0)
			return true;
		done = SSL_write(channel->ssl,
				 channel->output + channel->output_done,
				 left > INT_MAX ? INT_MAX : (int)left);
		if (done <= 0)
			return may_go_on(channel, done);
		channel->output_done += (size_t)done;
	}
}

static bool read_input(struct channel *channel)
{
	for (;;) {
		int done = SSL_read(channel->ssl, channel->input,
				    (int)sizeof(channel->input));

		if (done <= 0)
			return may_go_on(channel, done);
		if (!grpc_client_receive(
			    channel->client,
			    slice_of(channel->input, (size_t)done)))
			return false;
	}
}

static bool wait_for_peer(struct channel *channel, int timeout_ms)
{
	struct pollfd wait = { .fd = channel->socket, .events = POLLIN };

	if (channel->output_done < channel->output_size)
		wait.events |= POLLOUT;
	return poll(&wait, 1, timeout_ms) >= 0 || errno == EINTR;
}

bool channel_turn(struct channel *channel, int timeout_ms)
{
	if (channel->gone)
		return false;
	if (write_output(channel) && wait_for_peer(channel, timeout_ms) &&
	    read_input(channel) && write_output(channel))
		return true;
	channel->gone = true;
	return false;
}

static void set_reply(struct channel *channel, uint32_t code,
		      struct slice message, struct slice details)
{
	uint8_t *bytes = malloc(message.size + details.size + 1);

	if (bytes == NULL) {
		channel->reply = (struct channel_reply){
			.code = GRPC_RESOURCE_EXHAUSTED,
			.message = SLICE("out of memory"),
		};
		return;
	}
	free(channel->reply_bytes);
	channel->reply_bytes = bytes;
	if (message.size > 0)
		memcpy(bytes, message.data, message.size);
	if (details.size > 0)
		memcpy(bytes + message.size, details.data, details.size);
	channel->reply = (struct channel_reply){
		.code = code,
		.message = slice_of(bytes, message.size),
		.details = slice_of(bytes + message.size, details.size),
	};
}

static void on_done(void *user, const struct grpc_status *status,
		    struct slice message)
{
	struct channel *channel = user;

	if (!channel->waiting)
		return;
	channel->waiting = false;
	set_reply(channel, status->code,
		  status->code == GRPC_OK ? message : status->message,
		  status->details);
}

/* Ends the waiting call for a reason of our own. */
static void give_up(struct channel *channel, uint32_t code, const char *why)
{
	channel->waiting = false;
	channel->gone = true;
	if (channel->alert != NULL) {
		code = GRPC_UNAUTHENTICATED;
		why = channel->alert;
	}
	set_reply(channel, code, slice_from_text(why), (struct slice){ 0 });
}

void channel_call(struct channel *channel, const char *path,
		  struct slice message, uint64_t timeout_us,
		  struct channel_reply *reply)
{
	uint64_t deadline_us =
		timeout_us == 0 ? 0 : system_monotonic_us() + timeout_us;

	check(!channel->waiting);
	channel->waiting = true;
	if (!channel_start(channel, path, message, timeout_us, on_done,
			   channel))
		give_up(channel, GRPC_UNAVAILABLE, "the connection is gone");
	while (channel->waiting) {
		int wait = wait_ms(deadline_us);

		if (wait == 0)
			give_up(channel, GRPC_DEADLINE_EXCEEDED,
				"no answer in time");
		else if (!channel_turn(channel, wait < 0 || wait > TURN_MS_MAX
							? TURN_MS_MAX
							: wait) &&
			 channel->waiting)
			give_up(channel, GRPC_UNAVAILABLE,
				"the connection was lost");
	}
	*reply = channel->reply;
}

uint32_t channel_in_flight(const struct channel *channel)
{
	return grpc_client_in_flight(channel->client);
}
