/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Receipts: the decider's answer with its signature (rule PEER-34).  Where
 * the decider is the neighbour, its batch is in the tables and the proof is
 * made of it; where it is further away, the proof came with the answer.
 */
#include <string.h>

#include "api/neighbours.h"
#include "api/payment.h"
#include "core/linklog.h"
#include "wire/messages_payment.h"

static void give(struct api_call *call, struct slice terms, struct slice proof)
{
	struct answer unknown = { .refusal = PAYMENT_PAYMENT_UNKNOWN };

	/* Refused or not ended: there is nothing that was paid. */
	if (proof.size == 0) {
		reply_refusal(call, &payment_refusals, &unknown);
		return;
	}
	do {
		encode_get_receipt(&call->reply, terms, proof);
	} while (handler_encode_again(call));
	reply_ok_now(call);
}

/* (rule PEER-43): with a key of this city that counts for who asks now. */
static struct slice signed_now(const struct api *api, struct slice batch)
{
	return api->neighbours == NULL
		       ? batch
		       : peer_batch_to_send(neighbours_peer(api->neighbours),
					    batch);
}

/* The proof of the entry at @seq in a batch; empty when it is not there. */
static struct slice prove(struct api_call *call,
			  const struct link_batch_view *view, uint64_t seq)
{
	uint8_t(*leaves)[SHA256_SIZE] = handler_take(
		call, (size_t)2 * LINKLOG_ENTRIES_MAX * SHA256_SIZE);
	void *bytes = leaves == NULL
			      ? NULL
			      : handler_take(call, LINKLOG_PROOF_SIZE_MAX);
	struct link_batch batch;
	struct buffer out;

	if (bytes == NULL ||
	    linklog_batch(signed_now(call->api, view->batch), &batch) !=
		    LINKLOG_OK ||
	    seq < view->first_seq || seq > view->last_seq)
		return (struct slice){ 0 };
	buffer_init(&out, bytes, LINKLOG_PROOF_SIZE_MAX);
	linklog_prove(&batch, (uint32_t)(seq - view->first_seq), leaves,
		      call->api->sha256, &out);
	check(!out.overflowed);
	return buffer_view(&out);
}

static void batch_read(void *user, const struct read_result *result)
{
	struct api_call *call = user;
	const struct receipt_search *search = call->work;
	struct slice proof = { 0 };

	if (handler_read_ended(call, result))
		return;
	if (result->status == READ_OK && result->count > 0)
		proof = prove(call, &result->batches[0], search->answer_seq);
	call->work = search->work;
	if (!call->answered)
		search->found(call, search->terms, proof);
}

static struct slice keep(struct api_call *call, struct slice bytes)
{
	void *copy = bytes.size > 0 ? handler_take(call, bytes.size) : NULL;

	if (copy == NULL)
		return (struct slice){ 0 };
	memcpy(copy, bytes.data, bytes.size);
	return slice_of(copy, bytes.size);
}

/*
 * (rule PEER-35): does the neighbour hold this city's answer?  Of one that is
 * GONE nothing is waited for: all is acknowledged there.
 */
static bool is_held(struct api_call *call, const struct payment_view *view)
{
	struct neighbours *neighbours = call->api->neighbours;
	const struct link *link;
	uint64_t heard;

	if (!view->answer_own || neighbours == NULL)
		return true;
	link = links_at(&call->api->ledger->links, view->answer_link);
	heard = peer_session_of(neighbours_peer(neighbours), link->number)
			->acknowledged;
	return view->answer_seq <= link->acknowledged ||
	       view->answer_seq <= heard;
}

void receipt_find(struct api_call *call, const struct payment_view *view,
		  receipt_found *found)
{
	struct read_query query = {
		.kind = READ_LINK_LOG,
		.limit = 1,
		.account = view->answer_link,
		.state = view->answer_own,
		.cursor = view->answer_seq,
	};
	struct receipt_search *search;

	if (found == NULL)
		found = give;
	if (view->proof.size > 0 || view->answer_link == 0 ||
	    !is_held(call, view)) {
		found(call, view->terms, view->proof);
		return;
	}
	search = handler_take(call, sizeof(*search));
	if (search == NULL)
		return;
	*search = (struct receipt_search){
		.terms = keep(call, view->terms),
		.answer_seq = view->answer_seq,
		.work = call->work,
		.found = found,
	};
	if (call->answered)
		return;
	call->work = search;
	query.min_position = journal_acknowledged(call->api->journal);
	handler_submit(call, &query, batch_read);
}
