/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* clearing.v1.NodeService */
#include "api/handler.h"

/* What the loaded store tells. */
static void fill_loaded(const struct api *api, struct node_view *view)
{
	const struct ledger *ledger = api->ledger;

	view->federation =
		slice_of(ledger->federation, ledger->federation_size);
	view->city = slice_of(ledger->city, ledger->city_size);
	view->unit = slice_of(ledger->unit, ledger->unit_size);
	view->decimals = ledger->decimals;
	view->schema = slice_from_text(connect_schema_version());
	view->position = journal_acknowledged(api->journal);
	view->projected_position = projector_position(api->projector);
	view->epoch = ledger->epoch;
	view->accounts = ledger->account_count;
	/* As of the newest moment when all was durable. */
	view->credit_issued_minor = api->credit_issued_minor;
}

void handle_get_node(struct api *api, struct api_call *call, uint64_t now_us)
{
	bool waits = api->state == NODE_SERVING || api->state == NODE_REJOINING;
	struct node_view view = {
		.federation = call->caller->federation,
		.city = call->caller->city,
		.version = slice_from_text(api->options.version),
		.state = api->state, /* enum node_state is NodeState */
		.time_us = (int64_t)now_us,
		.batch_max = api->options.batch_max,
		.message_max_bytes = api->options.message_max_bytes,
	};

	if (api->ledger != NULL)
		fill_loaded(api, &view);
	if (api->ledger != NULL && waits) {
		__int128 issued = api->ledger->credit_issued_minor;

		view.credit_issued_minor = issued > MONEY_MAX_MINOR
						   ? MONEY_MAX_MINOR
						   : (int64_t)issued;
	}
	do {
		encode_get_node(&call->reply, &view);
	} while (handler_encode_again(call));
	/* A node in trouble says so at once, with what it knows is durable. */
	if (waits)
		reply_ok(call);
	else
		reply_ok_now(call);
}
