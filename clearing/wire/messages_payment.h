/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * messages_payment: requests and responses about payments to other cities,
 * links and the federation.  Decoders and encoders as in messages.h.
 */
#ifndef CLEARING_WIRE_MESSAGES_PAYMENT_H
#define CLEARING_WIRE_MESSAGES_PAYMENT_H

#include "wire/messages.h"

struct pay_request {
	struct pay_command command;
	uint32_t wait_ms;
};

bool decode_pay(struct slice bytes, struct arena *arena,
		struct pay_request *out) MUST_CHECK;
void encode_pay(struct buffer *out, const struct payment_view *view,
		uint64_t position);
/* Clients, by hand as in messages.h: Pay's request. */
void encode_pay_request(struct buffer *out, const struct pay_request *request);
/*
 * decode_pay_response: state, reason, amount and attempts of the payment; its
 * texts are left empty.
 *
 * @bytes  from a server; need not be valid: false when they are malformed.
 */
bool decode_pay_response(struct slice bytes, struct payment_view *out,
			 uint64_t *position) MUST_CHECK;

struct settle_request {
	struct slice id;
	struct slice key;
};

bool decode_settle_payment(struct slice bytes, struct arena *arena,
			   struct settle_request *out) MUST_CHECK;

bool decode_cancel_payment(struct slice bytes, struct arena *arena,
			   struct slice *id) MUST_CHECK;
void encode_cancel_payment(struct buffer *out, bool released,
			   uint64_t position);

struct quote_request {
	struct account_ref payer;
	struct slice payee;
	int64_t amount_minor;
};

struct quote_hop_view {
	struct slice from;
	struct slice to;
	int64_t new_credit_minor;
};

struct quote_view {
	struct slice display_name;
	uint32_t reason;      /* enum link_reason; 0: it may receive */
	struct slice at_city; /* that gave the reason */
	struct quote_hop_view hops[8];
	uint32_t hop_count;
	int64_t new_credit_minor;
};

bool decode_quote_payment(struct slice bytes, struct arena *arena,
			  struct quote_request *out) MUST_CHECK;
void encode_quote_payment(struct buffer *out, const struct quote_view *view);

bool decode_get_payment(struct slice bytes, struct arena *arena,
			struct read_request *out) MUST_CHECK;
void encode_get_payment(struct buffer *out, const struct payment_view *view);
bool decode_list_payments(struct slice bytes, struct arena *arena,
			  struct read_request *out) MUST_CHECK;
void encode_list_payments(struct buffer *out, const struct payment_view *views,
			  uint32_t count, struct slice next_token);
void encode_get_receipt(struct buffer *out, struct slice terms,
			struct slice proof);

struct payment_request_command {
	struct slice id;
	struct slice payee;
	struct slice payer;
	int64_t amount_minor;
	struct slice purpose;
	struct slice reference;
	int64_t expires_at_us; /* 0: the default */
};

bool decode_request_payment(struct slice bytes, struct arena *arena,
			    struct payment_request_command *out) MUST_CHECK;
bool decode_list_payment_requests(struct slice bytes, struct arena *arena,
				  struct read_request *out) MUST_CHECK;
void encode_list_payment_requests(struct buffer *out,
				  const struct payment_request_view *views,
				  uint32_t count, struct slice next_token);
/* The id alone. */
bool decode_decline_payment_request(struct slice bytes, struct arena *arena,
				    struct slice *id) MUST_CHECK;

/* How a link stands, for people and programs. */
struct link_view {
	struct slice city;
	uint32_t state; /* LinkState */
	struct slice why;
	bool connected, caught_up, frozen_here, frozen_there, paused;
	int64_t owed_minor, line_minor, peer_line_minor;
	int64_t pending_in_minor, pending_out_minor;
	uint64_t out_seq, in_seq, acknowledged_seq, incarnation;
	struct slice out_head, in_head;
	int64_t oldest_promise_us;
	uint64_t account;
	int64_t estate_minor;
	uint64_t batches_sealed, batches_sent;
};

/* The city alone: GetLink, ReconcileLink. */
bool decode_link_city(struct slice bytes, struct arena *arena,
		      struct slice *city) MUST_CHECK;
void encode_get_link(struct buffer *out, const struct link_view *view,
		     uint64_t position);
void encode_list_links(struct buffer *out, const struct link_view *views,
		       uint32_t count, uint64_t position);
/* SetLine, FreezeLink, UnfreezeLink, PauseLink, ResumeLink,
 * WithdrawLink. */
bool decode_link_command(struct slice bytes, struct arena *arena,
			 struct link_command *out) MUST_CHECK;

struct link_statement_request {
	struct slice city;
	bool own;
	uint64_t from_seq;
};

bool decode_link_statement(struct slice bytes, struct arena *arena,
			   struct link_statement_request *out) MUST_CHECK;
/* One more batch of GetLinkStatementResponse, which is nothing but these. */
void encode_statement_batch(struct buffer *out, struct slice batch);

void encode_get_roster(struct buffer *out, uint64_t version,
		       struct slice roster);

struct city_view {
	struct slice name, place, bioregion, endpoint, uri;
	bool gone, neighbour;
};

/* One more city of ListCitiesResponse, which is nothing but these. */
void encode_city(struct buffer *out, const struct city_view *view);

#endif
