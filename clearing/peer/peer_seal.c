/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What a block adds to the own logs becomes batches; they are signed. */
#include "peer/peer_private.h"

/* (rule PEER-6) */
static void sign_header(const struct peer *peer, struct slice header,
			uint8_t signature[LINKLOG_SIGNATURE_SIZE])
{
	uint8_t bytes[LINKLOG_HEADER_SIZE_MAX + 32];
	struct buffer tbs;

	buffer_init(&tbs, bytes, sizeof(bytes));
	linklog_signed(&tbs, header);
	check(!tbs.overflowed);
	peer->options.sign(peer->options.context, buffer_view(&tbs), signature);
}

/* (rule PEER-7): header, signature, and the event that carries the batch. */
static void seal_link(struct peer *peer, struct recorder *recorder,
		      const struct link *link)
{
	struct event event = { .kind = EVENT_LINK_BATCH_SEALED };
	uint8_t header_bytes[LINKLOG_HEADER_SIZE_MAX];
	uint8_t signature[LINKLOG_SIGNATURE_SIZE] = { 0 };
	struct link_batch batch = {
		.key_id = peer->options.key_id,
		.signature = slice_of(signature, sizeof(signature)),
		.entries = buffer_view(&link->open_entries),
		.entry_count = link->open_count,
	};
	struct block_header *block = &recorder->block->header;
	uint64_t first = link->out.seq + 1;
	struct buffer header, bytes;

	buffer_init(&header, header_bytes, sizeof(header_bytes));
	links_header(peer_links(peer), link->number, block->seq,
		     block->created_us, &header);
	batch.header = buffer_view(&header);
	check(!header.overflowed);
	sign_header(peer, batch.header, signature);
	buffer_init(&bytes, peer->scratch, PEER_SCRATCH_SIZE);
	linklog_put_batch(&bytes, &batch);
	check(!bytes.overflowed);
	event.link.link = link->number;
	event.link.batch = buffer_view(&bytes);
	peer_link_event(recorder, &event);
	peer_session(peer, link->number)->sealed++;
	peer->options.on_sealed(peer->options.context, link->number, first,
				link->out.seq, buffer_view(&bytes));
}

static void note_acknowledged(struct recorder *recorder,
			      const struct link *link, uint64_t seq)
{
	struct event event = { .kind = EVENT_LINK_ACKNOWLEDGED };

	if (seq <= link->acknowledged || !block_has_room(recorder->block, 0, 1))
		return;
	event.link.link = link->number;
	event.link.seq = seq;
	peer_link_event(recorder, &event);
}

void peer_note_acknowledged(struct peer *peer)
{
	const struct links *links = peer_links(peer);

	for (uint32_t i = 1; i <= links->link_count; i++) {
		const struct link *link = links_at(links, i);
		uint64_t seq = peer_session_of(peer, i)->acknowledged;
		struct recorder recorder;

		if (seq > link->acknowledged &&
		    peer_open(peer, 0, 1, 0, &recorder))
			note_acknowledged(&recorder, link, seq);
	}
}

void peer_seal(struct peer *peer, struct block *block)
{
	struct recorder recorder = { .ledger = peer->ledger, .block = block };

	block_release(block);
	for (uint32_t i = 1; i <= peer_links(peer)->link_count; i++) {
		const struct link *link = links_at(peer_links(peer), i);

		if (link->open_count > 0)
			seal_link(peer, &recorder, link);
	}
	/* What costs a few bytes travels with what is written anyway. */
	for (uint32_t i = 1; i <= peer_links(peer)->link_count; i++)
		note_acknowledged(&recorder, links_at(peer_links(peer), i),
				  peer_session_of(peer, i)->acknowledged);
}

/* Was it signed with a key of this city that is REVOKED by now? */
static bool is_revoked(const struct peer *peer, const struct link_batch *batch)
{
	const struct peer_directory *directory = &peer->options.directory;
	uint8_t key[NODE_KEY_SIZE];
	struct link_header header;

	return linklog_header(batch->header, &header) == LINKLOG_OK &&
	       slice_equal(header.author, peer_here(peer)) &&
	       !directory->key(directory->context, header.author, batch->key_id,
			       key);
}

/* (rule PEER-43): its header, and so its head, stays (rule PEER-6). */
struct slice peer_batch_to_send(struct peer *peer, struct slice bytes)
{
	uint8_t signature[LINKLOG_SIGNATURE_SIZE];
	struct link_batch batch;
	struct buffer out;

	if (linklog_batch(bytes, &batch) != LINKLOG_OK ||
	    !is_revoked(peer, &batch))
		return bytes;
	sign_header(peer, batch.header, signature);
	batch.key_id = peer->options.key_id;
	batch.signature = slice_of(signature, sizeof(signature));
	buffer_init(&out, peer->scratch, PEER_SCRATCH_SIZE);
	linklog_put_batch(&out, &batch);
	check(!out.overflowed);
	return buffer_view(&out);
}
