/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* clearing.v1.LinkService and FederationService. */
#include "api/handler.h"
#include "api/neighbours_private.h"
#include "wire/messages_payment.h"

/* Rows of a page of a link's statement; its bytes bound it, too. */
#define STATEMENT_ROWS 1000

static struct link_view view_of(struct neighbours *neighbours,
				const struct link *link)
{
	const struct peer_session *session =
		peer_session_of(neighbours_peer(neighbours), link->number);

	return (struct link_view){
		.city = link_city(link),
		.state = session->state,
		.why = slice_from_text(session->why == NULL ? ""
							    : session->why),
		.connected = session->connected,
		.caught_up = session->caught_up,
		.frozen_here = link->frozen_here,
		.frozen_there = link->frozen_there,
		.paused = link->paused,
		.owed_minor = link_owed_minor(link),
		.line_minor = (int64_t)link->line_minor,
		.peer_line_minor = (int64_t)link->peer_line_minor,
		.pending_in_minor = (int64_t)link->pending_in_minor,
		.pending_out_minor = (int64_t)link->pending_out_minor,
		.out_seq = link->open.seq,
		.in_seq = link->in.seq,
		.acknowledged_seq = session->acknowledged,
		.incarnation = link->life.incarnation,
		.out_head = slice_of(link->out.head, SHA256_SIZE),
		.in_head = slice_of(link->in.head, SHA256_SIZE),
		.oldest_promise_us = (int64_t)session->oldest_us,
		.account = link->account,
		.estate_minor = link->estate_minor,
		.batches_sealed = session->sealed,
		.batches_sent = session->sent,
	};
}

static void refuse_link(struct api_call *call, uint32_t refusal)
{
	struct answer answer = { .refusal = refusal };

	reply_refusal(call, &link_refusals, &answer);
}

/* The link that a request names; answered when there is none. */
static bool named_link(struct api_call *call, bool command,
		       struct neighbours **neighbours, const struct link **out)
{
	struct slice city;
	bool ok;

	do {
		ok = decode_link_city(call->message, &call->arena, &city);
	} while (handler_decode_again(call, ok));
	if (!ok) {
		reply_error_now(call, REQUEST_OVERLOADED, NULL);
		return false;
	}
	if (!handler_federation(call, command, neighbours))
		return false;
	*out = links_of(&call->api->ledger->links, city);
	if (*out == NULL)
		refuse_link(call, LINK_LINK_UNKNOWN);
	return *out != NULL;
}

void handle_get_link(struct api *api, struct api_call *call, uint64_t now_us)
{
	struct neighbours *neighbours;
	const struct link *link;
	struct link_view view;

	(void)now_us;
	if (!named_link(call, false, &neighbours, &link))
		return;
	view = view_of(neighbours, link);
	do {
		encode_get_link(&call->reply, &view,
				journal_newest(api->journal));
	} while (handler_encode_again(call));
	reply_ok(call);
}

void handle_list_links(struct api *api, struct api_call *call, uint64_t now_us)
{
	const struct links *links;
	struct neighbours *neighbours;
	struct link_view *views;

	(void)now_us;
	if (!handler_federation(call, false, &neighbours))
		return;
	links = &api->ledger->links;
	views = handler_take(call, (links->link_count + 1) * sizeof(*views));
	if (views == NULL)
		return;
	for (uint32_t i = 0; i < links->link_count; i++)
		views[i] = view_of(neighbours, links_at(links, i + 1));
	do {
		encode_list_links(&call->reply, views, links->link_count,
				  journal_newest(api->journal));
	} while (handler_encode_again(call));
	reply_ok(call);
}

void handle_reconcile_link(struct api *api, struct api_call *call,
			   uint64_t now_us)
{
	struct neighbours *neighbours;
	const struct link *link;

	(void)now_us;
	if (!named_link(call, true, &neighbours, &link))
		return;
	peer_ask_again(neighbours_peer(neighbours), link->number);
	encode_position(&call->reply, journal_newest(api->journal));
	reply_ok(call);
}

static enum link_command_kind kind_of(enum rpc rpc)
{
	switch ((uint32_t)rpc) {
	case RPC_SET_LINE:
		return LINK_SET_LINE;
	case RPC_FREEZE_LINK:
		return LINK_FREEZE;
	case RPC_UNFREEZE_LINK:
		return LINK_UNFREEZE;
	case RPC_PAUSE_LINK:
		return LINK_PAUSE;
	case RPC_RESUME_LINK:
		return LINK_RESUME;
	case RPC_WITHDRAW_LINK:
		return LINK_WITHDRAW;
	}
	clearing_panic(__FILE__, __LINE__, "link command");
}

void handle_link_command(struct api *api, struct api_call *call,
			 uint64_t now_us)
{
	struct caller caller = handler_caller(call);
	struct neighbours *neighbours;
	struct link_command command;
	struct answer answer;
	bool ok;

	(void)api;
	do {
		ok = decode_link_command(call->message, &call->arena, &command);
	} while (handler_decode_again(call, ok));
	if (!ok) {
		reply_error_now(call, REQUEST_OVERLOADED, NULL);
		return;
	}
	if (!handler_federation(call, true, &neighbours))
		return;
	peer_command(neighbours_peer(neighbours), kind_of(call->method->rpc),
		     &command, &caller, now_us, &answer);
	if (answer.refusal != 0) {
		reply_refusal(call, &link_refusals, &answer);
		return;
	}
	encode_position(&call->reply, answer.position);
	reply_ok(call);
}

static void statement_read(void *user, const struct read_result *result)
{
	struct api_call *call = user;

	if (handler_read_ended(call, result))
		return;
	do {
		for (uint32_t i = 0; i < result->count; i++)
			encode_statement_batch(&call->reply,
					       result->batches[i].batch);
	} while (handler_encode_again(call));
	reply_ok_now(call);
}

/* (rule PEER-42): headers that acknowledge each other are the statement. */
void handle_get_link_statement(struct api *api, struct api_call *call,
			       uint64_t now_us)
{
	struct read_query query = { .kind = READ_LINK_LOG,
				    .limit = STATEMENT_ROWS };
	struct link_statement_request request;
	struct neighbours *neighbours;
	const struct link *link;
	bool ok;

	(void)now_us;
	do {
		ok = decode_link_statement(call->message, &call->arena,
					   &request);
	} while (handler_decode_again(call, ok));
	if (!ok) {
		reply_error_now(call, REQUEST_OVERLOADED, NULL);
		return;
	}
	if (!handler_federation(call, false, &neighbours))
		return;
	link = links_of(&api->ledger->links, request.city);
	if (link == NULL) {
		refuse_link(call, LINK_LINK_UNKNOWN);
		return;
	}
	query.account = link->number;
	query.state = request.own;
	query.cursor = request.from_seq == 0 ? 1 : request.from_seq;
	query.min_position = journal_acknowledged(api->journal);
	handler_submit(call, &query, statement_read);
}

void handle_get_roster(struct api *api, struct api_call *call, uint64_t now_us)
{
	const struct neighbours_options *options;
	struct neighbours *neighbours;

	(void)api;
	(void)now_us;
	if (!handler_federation(call, false, &neighbours))
		return;
	options = neighbours_options(neighbours);
	do {
		encode_get_roster(&call->reply, options->roster->version,
				  options->roster_bytes);
	} while (handler_encode_again(call));
	reply_ok_now(call);
}

static struct city_view city_view_of(const struct roster *roster, uint32_t at,
				     uint32_t here)
{
	const struct roster_city *city = &roster->cities[at];

	return (struct city_view){
		.name = city->name,
		.place = city->place,
		.bioregion = city->bioregion,
		.endpoint = city->endpoint,
		.uri = city->uri,
		.gone = city->status == ROSTER_CITY_GONE,
		.neighbour = roster_link(roster, here, at) != ROSTER_NONE,
	};
}

void handle_list_cities(struct api *api, struct api_call *call, uint64_t now_us)
{
	const struct roster *roster;
	struct neighbours *neighbours;
	uint32_t here;

	(void)now_us;
	if (!handler_federation(call, false, &neighbours))
		return;
	roster = neighbours_options(neighbours)->roster;
	here = roster_city(roster, slice_from_text(api->city));
	do {
		for (uint32_t i = 0; i < roster->city_count; i++) {
			struct city_view view = city_view_of(roster, i, here);

			encode_city(&call->reply, &view);
		}
	} while (handler_encode_again(call));
	reply_ok_now(call);
}
