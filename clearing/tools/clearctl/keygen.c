/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* clearctl keygen: a city's node key. */
#include <errno.h>
#include <string.h>

#include "node/crypto.h"
#include "peer/roster.h"
#include "tools/clearctl/render.h"
#include "tools/clearctl/verbs.h"

#define OUT_DEFAULT "node.key"

static int tell(const struct session *session, const struct signing_key *key,
		const char *path)
{
	const uint8_t *public = signing_key_public(key);
	char hex[2 * NODE_KEY_SIZE + 1], key_id[ROSTER_KEY_ID_SIZE + 1] = "";

	(void)hex_text(slice_of(public, NODE_KEY_SIZE), hex);
	roster_key_id(public, crypto_sha256, key_id);
	if (session->json)
		return session_print(json_pack("{s:s, s:s, s:s}", "file", path,
					       "public_key", hex, "key_id",
					       key_id));
	printf("wrote %s: keep it secret\npublic key  %s\nkey id      %s\n",
	       path, hex, key_id);
	return CTL_DONE;
}

int verb_keygen(struct session *session)
{
	const char *path = session_value(session, "out");
	struct signing_key *key = signing_key_generate();

	check(key != NULL);
	if (path == NULL)
		path = OUT_DEFAULT;
	if (signing_key_write(key, path))
		session->status = tell(session, key, path);
	else
		(void)session_lost_file(session, "%s: %s", path,
					errno == EEXIST
						? "is there already and is "
						  "not written over"
						: strerror(errno));
	signing_key_free(key);
	return session->status;
}
