/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * messages: requests as plain structs, and plain structs as responses.  What
 * protobuf-c makes of the .proto files does not leave this folder.
 *
 * Decoders: @bytes passed rpc_request_valid() before; texts and ids in @out
 * are views into the arena, those of PostTransfers into @bytes; false only
 * when the arena is exhausted.
 * Encoders append to @out, whose overflow the caller looks at once.
 */
#ifndef CLEARING_WIRE_MESSAGES_H
#define CLEARING_WIRE_MESSAGES_H

#include "base/arena.h"
#include "base/buffer.h"
#include "core/decide.h"
#include "core/record.h"
#include "core/view.h"
#include "wire/grpc.h"

/* What a read asks for; each method uses the fields its request has. */
struct read_request {
	bool has_account;
	struct account_ref account;
	struct slice id;       /* GetTransfer, GetHold, and so on */
	uint32_t state;	       /* ListHolds: HoldState */
	uint64_t after_number; /* ListEntries */
	int64_t from_us;       /* GetStatement */
	int64_t until_us;
	uint32_t page_size; /* as sent: 0 means the default */
	struct slice page_token;
	uint64_t min_position;
};

bool decode_open_account(struct slice bytes, struct arena *arena,
			 struct open_account_command *out) MUST_CHECK;
bool decode_account_command(enum account_command_kind kind, struct slice bytes,
			    struct arena *arena,
			    struct account_command *out) MUST_CHECK;
/*
 * By hand, for speed; held against protobuf-c by a test and a fuzzer.
 * @commands: as many as the request has, in the arena; at most @count_max are
 * decoded, @count tells how many there are.
 */
bool decode_post_transfers(struct slice bytes, struct arena *arena,
			   uint32_t count_max,
			   struct transfer_command **commands,
			   uint32_t *count) MUST_CHECK;
bool decode_place_hold(struct slice bytes, struct arena *arena,
		       struct place_hold_command *out) MUST_CHECK;
bool decode_post_hold(struct slice bytes, struct arena *arena,
		      struct post_hold_command *out) MUST_CHECK;
bool decode_void_hold(struct slice bytes, struct arena *arena,
		      struct void_hold_command *out) MUST_CHECK;
bool decode_get_account(struct slice bytes, struct arena *arena,
			struct read_request *out) MUST_CHECK;
bool decode_list_accounts(struct slice bytes, struct arena *arena,
			  struct read_request *out) MUST_CHECK;
bool decode_get_transfer(struct slice bytes, struct arena *arena,
			 struct read_request *out) MUST_CHECK;
bool decode_get_hold(struct slice bytes, struct arena *arena,
		     struct read_request *out) MUST_CHECK;
bool decode_list_holds(struct slice bytes, struct arena *arena,
		       struct read_request *out) MUST_CHECK;
bool decode_get_balance(struct slice bytes, struct arena *arena,
			struct read_request *out) MUST_CHECK;
bool decode_get_statement(struct slice bytes, struct arena *arena,
			  struct read_request *out) MUST_CHECK;
bool decode_list_entries(struct slice bytes, struct arena *arena,
			 struct read_request *out) MUST_CHECK;
bool decode_health_check(struct slice bytes, struct arena *arena,
			 struct slice *service) MUST_CHECK;

struct balance_view {
	int64_t balance_minor;
	int64_t available_minor;
	int64_t receivable_minor;
	uint64_t position;
};

struct node_view {
	struct slice federation, city, unit;
	uint32_t decimals;
	struct slice version, schema;
	uint32_t state; /* NodeState */
	uint64_t position, projected_position;
	uint32_t epoch, accounts;
	int64_t credit_issued_minor, time_us;
	uint32_t batch_max;
	uint64_t message_max_bytes;
};

/* The responses that are a position alone (limits, freeze, hold, ...). */
void encode_position(struct buffer *out, uint64_t position);
void encode_open_account(struct buffer *out, uint64_t account_id,
			 uint64_t position);
void encode_post_hold(struct buffer *out, uint64_t position, uint64_t number);
/* @city: the node's, to complete addresses. */
void encode_get_account(struct buffer *out, const struct account *account,
			struct slice city, uint64_t position);
void encode_list_accounts(struct buffer *out,
			  const struct account *const *accounts, uint32_t count,
			  struct slice city, struct slice next_token,
			  uint64_t position);
/* By hand: one result an answer. */
void encode_post_transfers(struct buffer *out, const struct answer *answers,
			   uint32_t count, uint64_t position);
void encode_get_transfer(struct buffer *out, const struct transfer_view *view);
void encode_get_hold(struct buffer *out, const struct hold_view *view);
void encode_list_holds(struct buffer *out, const struct hold_view *views,
		       uint32_t count, struct slice next_token);
void encode_list_entries(struct buffer *out, const struct transfer_view *views,
			 uint32_t count, struct slice next_token);
void encode_get_statement(struct buffer *out,
			  const struct statement_view *view);
void encode_get_balance(struct buffer *out, const struct balance_view *view);
void encode_get_node(struct buffer *out, const struct node_view *view);
/* @status: 1 SERVING, 2 NOT_SERVING, 3 SERVICE_UNKNOWN (Watch only). */
void encode_health_check(struct buffer *out, uint32_t status);
/*
 * One answer of the reflection stream to one request @bytes (either
 * version): files by name or symbol, service list, or its error_response.
 * False when it does not fit or @bytes are malformed.
 */
bool encode_reflection(struct slice bytes, struct arena *arena,
		       struct buffer *out) MUST_CHECK;

/* What goes with a refusal of a whole request. */
struct error_details {
	uint32_t code; /* enum grpc_code */
	struct slice message;
	const char *reason; /* ErrorInfo.reason; domain is "clearing.v1" */
	/* metadata, each left out when NULL */
	const char *field;
	const char *limit;
	const char *value;
	uint64_t retry_delay_us; /* > 0: a RetryInfo too */
};

/* encode_error_details: the google.rpc.Status of it. */
void encode_error_details(struct buffer *out,
			  const struct error_details *details);

/*
 * Clients: the hot request by hand (clearbench, clearctl).  Overflows when
 * fewer than 200 bytes stay free behind the texts of the last item.
 */
void encode_post_transfers_request(struct buffer *out,
				   const struct transfer_command *commands,
				   uint32_t count);
/*
 * decode_post_transfers_response: its results as answers, without the limit
 * and value that are not sent.
 *
 * @bytes      from a server; need not be valid.
 * @answers    room for @count_max; the first of more are written.
 * @count      how many results there are.
 * @position   newest journal position looked at.
 * False when @bytes are malformed.
 */
bool decode_post_transfers_response(struct slice bytes, struct answer *answers,
				    uint32_t count_max, uint32_t *count,
				    uint64_t *position) MUST_CHECK;
/*
 * decode_error_details: ErrorInfo's reason and metadata out of a
 * google.rpc.Status; views into @bytes.  False when there is none.
 */
struct error_view {
	struct slice reason;
	struct slice field, limit, value;
	uint64_t retry_delay_us;
};
bool decode_error_details(struct slice bytes,
			  struct error_view *out) MUST_CHECK;

#endif
