/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the node does with an operator's order to rejoin (rejoin.h). */
#include <errno.h>
#include <string.h>

#include "node/log.h"
#include "node/node.h"
#include "node/rejoin.h"

/* (rule PEER-22) */
bool node_take_rejoin(struct node *node)
{
	struct rejoin_order order;
	struct rejoined_by by;

	switch (rejoin_read(node->config.data_dir, &order)) {
	case REJOIN_NOT_ORDERED:
		return true;
	case REJOIN_DAMAGED:
		node_end(node, EXIT_CONFIGURATION, "ended_rejoin",
			 REJOIN_FILE ": not what clearctl rejoin writes");
		return false;
	case REJOIN_UNREADABLE:
		node_end(node, EXIT_CONFIGURATION, "ended_rejoin",
			 strerror(errno));
		return false;
	case REJOIN_ORDERED:
		break;
	}
	by = (struct rejoined_by){
		.uri = slice_from_text(order.actor),
		.reason = slice_from_text(order.reason),
		.closed = !order.open_early,
	};
	if (!api_rejoin(node->api, &by, node_now(node), &node->rejoin_seq)) {
		node_end(node, EXIT_NO_DATABASE, "ended_rejoin",
			 "no room to record it");
		return false;
	}
	log_event(LOG_WARNING, "rejoined", LOG_TEXT("actor", order.actor),
		  LOG_TEXT("reason", order.reason),
		  LOG_NUMBER("open_early", order.open_early),
		  LOG_NUMBER("position", node->rejoin_seq), LOG_END);
	return true;
}

void node_check_rejoin(struct node *node)
{
	if (node->rejoin_seq == 0 ||
	    journal_acknowledged(node->journal) < node->rejoin_seq)
		return;
	node->rejoin_seq = 0;
	if (!rejoin_done(node->config.data_dir))
		log_event(LOG_ERROR, "rejoin_order_stays",
			  LOG_TEXT("path", REJOIN_FILE),
			  LOG_TEXT("reason", strerror(errno)), LOG_END);
}
