/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/bench/transfers.h"

#include <stdlib.h>

#include "tools/system.h"
#include "wire/messages.h"
#include "wire/method.h"

/* A transfer by account ids takes about 40 bytes. */
#define TRANSFER_SIZE 64
#define REQUEST_SPARE 4096

void transfers_init(struct transfers *transfers, struct draw *draw,
		    uint32_t batch)
{
	*transfers = (struct transfers){
		.draw = draw,
		.batch = batch,
		.commands = calloc(batch, sizeof(*transfers->commands)),
		.ids = calloc(batch, sizeof(*transfers->ids)),
		.answers = calloc(batch, sizeof(*transfers->answers)),
	};
	check(transfers->commands != NULL && transfers->ids != NULL &&
	      transfers->answers != NULL);
}

void transfers_release(struct transfers *transfers)
{
	free(transfers->commands);
	free(transfers->ids);
	free(transfers->answers);
}

static void fill(void *context, struct buffer *request)
{
	struct transfers *transfers = context;

	draw_transfers(transfers->draw, transfers->commands, transfers->ids,
		       transfers->batch, system_wall_us());
	encode_post_transfers_request(request, transfers->commands,
				      transfers->batch);
}

static bool take(void *context, struct slice message)
{
	struct transfers *transfers = context;
	uint32_t count = 0;

	if (!decode_post_transfers_response(message, transfers->answers,
					    transfers->batch, &count,
					    &transfers->position) ||
	    count != transfers->batch)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		if (transfers->answers[i].refusal == 0)
			transfers->posted++;
		else
			transfers->refused++;
	}
	return true;
}

struct load_work transfers_work(struct transfers *transfers)
{
	return (struct load_work){
		.path = rpc_method_at(RPC_POST_TRANSFERS)->path,
		.request_size = (size_t)transfers->batch * TRANSFER_SIZE +
				REQUEST_SPARE,
		.fill = fill,
		.take = take,
		.context = transfers,
	};
}
