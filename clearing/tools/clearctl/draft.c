/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/clearctl/draft.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/crypto.h"
#include "node/file.h"

static const struct roster_trust trust_own = {
	.sha256 = crypto_sha256,
	.verify = crypto_verify,
};

static const char *explain(const struct roster *roster,
			   enum roster_result result,
			   char text[ROSTER_EXPLAIN_SIZE_MAX + 1])
{
	struct buffer buffer;

	memset(text, 0, ROSTER_EXPLAIN_SIZE_MAX + 1);
	buffer_init(&buffer, text, ROSTER_EXPLAIN_SIZE_MAX);
	roster_explain(&buffer, roster, result);
	return text;
}

int draft_refuse(struct session *session, const struct roster *roster,
		 enum roster_result result, int status)
{
	char text[ROSTER_EXPLAIN_SIZE_MAX + 1];

	return session_fail(session,
			    &(struct failure){ status, "FAILED_PRECONDITION",
					       roster_result_name(result),
					       explain(roster, result, text),
					       false });
}

static bool make_room(struct draft *draft, struct session *session,
		      const char *path)
{
	*draft = (struct draft){ .session = session, .path = path };
	draft->roster = calloc(1, sizeof(*draft->roster));
	if (draft->roster != NULL)
		return true;
	(void)session_lost_file(session, "%s: out of memory", path);
	return false;
}

bool draft_new(struct draft *draft, struct session *session, const char *path)
{
	if (!make_room(draft, session, path))
		return false;
	if (access(path, F_OK) != 0)
		return true;
	(void)session_lost_file(session,
				"%s is there already: name another file", path);
	return false;
}

/* Read, and decoded: false after telling that it cannot be read at all. */
static bool read_roster(struct draft *draft, struct session *session,
			const char *path, enum roster_result *result)
{
	if (!make_room(draft, session, path))
		return false;
	if (!file_read(path, ROSTER_SIZE_MAX, &draft->file)) {
		(void)session_lost_file(session, "%s: %s", path,
					strerror(errno));
		return false;
	}
	*result = roster_decode(draft->file, crypto_sha256, draft->roster);
	return true;
}

bool draft_open(struct draft *draft, struct session *session, const char *path)
{
	enum roster_result result;

	if (!read_roster(draft, session, path, &result))
		return false;
	if (result == ROSTER_OK)
		return true;
	(void)draft_refuse(session, draft->roster, result, CTL_REFUSED);
	return false;
}

/* One that something is held against: no roster there is a wrong file. */
static bool open_beside(struct draft *draft, struct session *session,
			const char *path)
{
	char text[ROSTER_EXPLAIN_SIZE_MAX + 1];
	enum roster_result result;

	if (!read_roster(draft, session, path, &result))
		return false;
	if (result == ROSTER_OK)
		return true;
	(void)session_lost_file(session,
				"%s: no roster: %s; give the federation's, "
				"which `clearctl federation verify` finds "
				"sound",
				path, explain(draft->roster, result, text));
	return false;
}

/* It proves nothing as it stands: told with the file's name. */
static void distrust(const struct draft *draft, enum roster_result result)
{
	char text[ROSTER_EXPLAIN_SIZE_MAX + 1], message[512];

	snprintf(message, sizeof(message), "%s: %s", draft->path,
		 explain(draft->roster, result, text));
	(void)session_fail(draft->session,
			   &(struct failure){ CTL_REFUSED,
					      "FAILED_PRECONDITION",
					      roster_result_name(result),
					      message, false });
}

void draft_release(struct draft *draft)
{
	file_release(&draft->file);
	free(draft->roster);
	*draft = (struct draft){ 0 };
}

enum roster_result draft_verify(struct draft *draft)
{
	return roster_verify(draft->roster, &trust_own);
}

/* Held against the file of --previous, which must be signed itself. */
static bool follows(struct draft *draft, struct draft *previous,
		    const char *path)
{
	struct roster_trust trust = trust_own;
	enum roster_result result;

	if (!open_beside(previous, draft->session, path))
		return false;
	result = draft_verify(previous);
	if (result != ROSTER_OK) {
		distrust(previous, result);
		return false;
	}
	trust.previous = previous->roster;
	result = roster_verify(draft->roster, &trust);
	if (result != ROSTER_OK)
		distrust(draft, result);
	return result == ROSTER_OK;
}

static bool is_trusted(struct draft *draft)
{
	const char *before = session_value(draft->session, "previous");
	struct draft previous = { 0 };
	enum roster_result result;
	bool trusted;

	if (before != NULL) {
		trusted = follows(draft, &previous, before);
		draft_release(&previous);
		return trusted;
	}
	result = draft_verify(draft);
	if (result != ROSTER_OK)
		distrust(draft, result);
	return result == ROSTER_OK;
}

bool draft_open_trusted(struct draft *draft, struct session *session,
			const char *path)
{
	return draft_open(draft, session, path) && is_trusted(draft);
}

bool draft_open_beside(struct draft *draft, struct session *session,
		       const char *path)
{
	return open_beside(draft, session, path) && is_trusted(draft);
}

bool draft_change(struct draft *draft, struct session *session)
{
	struct roster *roster;

	if (!draft_open(draft, session, session_operand(session, 0)))
		return false;
	roster = draft->roster;
	if (draft_verify(draft) == ROSTER_OK) {
		memcpy(draft->prev_hash, roster->hash, SHA256_SIZE);
		roster->prev_hash = slice_of(draft->prev_hash, SHA256_SIZE);
		roster->version++;
	}
	return true;
}

/* The encoding of all of @roster in malloc'ed memory, or NULL. */
static uint8_t *encode(struct roster *roster, bool changed, struct slice *out)
{
	uint8_t *memory = malloc(2 * (size_t)ROSTER_SIZE_MAX);
	struct buffer body, sealed;

	if (memory == NULL)
		return NULL;
	buffer_init(&body, memory, ROSTER_SIZE_MAX);
	buffer_init(&sealed, memory + ROSTER_SIZE_MAX, ROSTER_SIZE_MAX);
	if (changed) {
		roster_encode_body(roster, &body);
		roster->body = buffer_view(&body);
		crypto_sha256(roster->body, roster->hash);
		roster->signature_count = 0;
	}
	roster_encode(roster, &sealed);
	if (!body.overflowed && !sealed.overflowed) {
		*out = buffer_view(&sealed);
		return memory;
	}
	free(memory);
	return NULL;
}

int draft_write(struct draft *draft, bool changed)
{
	struct session *session = draft->session;
	struct roster *again = malloc(sizeof(*again));
	struct slice bytes = { 0 };
	uint8_t *memory = encode(draft->roster, changed, &bytes);
	enum roster_result result = ROSTER_TOO_LARGE;

	check(again != NULL);
	memset(again, 0, sizeof(*again));
	if (memory != NULL)
		result = roster_decode(bytes, crypto_sha256, again);
	if (result != ROSTER_OK)
		(void)draft_refuse(session, again, result, CTL_USAGE);
	else if (!file_write(draft->path, bytes))
		(void)session_lost_file(session, "%s: %s", draft->path,
					strerror(errno));
	free(again);
	free(memory);
	return session->status;
}

int draft_tell(struct draft *draft)
{
	struct roster *roster = draft->roster;
	enum roster_result result = draft_verify(draft);
	char text[ROSTER_EXPLAIN_SIZE_MAX + 1] = "";
	struct buffer buffer;

	buffer_init(&buffer, text, ROSTER_EXPLAIN_SIZE_MAX);
	roster_explain(&buffer, roster, result);
	if (draft->session->json)
		return session_print(json_pack(
			"{s:s, s:I, s:b, s:s, s:i, s:i}", "file", draft->path,
			"version", (json_int_t)roster->version, "valid",
			result == ROSTER_OK, "result",
			roster_result_name(result), "founders_signed",
			(int)roster->founders_signed, "founders_needed",
			(int)roster->founders_needed));
	printf("%s: version %llu of %.*s: %s\n", draft->path,
	       (unsigned long long)roster->version,
	       (int)roster->federation.size, roster->federation.data, text);
	return CTL_DONE;
}

uint32_t draft_city(struct draft *draft, const char *name)
{
	uint32_t city = roster_city(draft->roster, slice_from_text(name));
	char text[256];

	if (city != ROSTER_NONE)
		return city;
	snprintf(text, sizeof(text), "%s: the city %s is not in it",
		 draft->path, name);
	(void)session_fail(draft->session,
			   &(struct failure){ CTL_NOT_FOUND, "NOT_FOUND",
					      "CITY_UNKNOWN", text, false });
	return ROSTER_NONE;
}

struct roster_city *draft_add_city(struct draft *draft, struct slice name)
{
	struct roster *roster = draft->roster;
	uint32_t at = 0;

	if (roster->city_count == ROSTER_CITIES_MAX) {
		(void)draft_refuse(draft->session, roster, ROSTER_TOO_LARGE,
				   CTL_REFUSED);
		return NULL;
	}
	while (at < roster->city_count &&
	       slice_compare(roster->cities[at].name, name) < 0)
		at++;
	memmove(&roster->cities[at + 1], &roster->cities[at],
		(roster->city_count - at) * sizeof(roster->cities[0]));
	roster->city_count++;
	for (uint32_t i = 0; i < roster->link_count; i++) {
		roster->links[i].a += roster->links[i].a >= at;
		roster->links[i].b += roster->links[i].b >= at;
	}
	roster->cities[at] = (struct roster_city){ .name = name };
	return &roster->cities[at];
}

struct roster_link *draft_link(struct draft *draft, uint32_t x, uint32_t y)
{
	struct roster *roster = draft->roster;
	struct roster_link link = {
		.a = x < y ? x : y,
		.b = x < y ? y : x,
		.in_flight_per_mille = ROSTER_IN_FLIGHT_PER_MILLE_DEFAULT
	};
	uint32_t found = roster_link(roster, x, y), at = 0;

	if (found != ROSTER_NONE)
		return &roster->links[found];
	if (roster->link_count == ROSTER_LINKS_MAX) {
		(void)draft_refuse(draft->session, roster, ROSTER_TOO_LARGE,
				   CTL_REFUSED);
		return NULL;
	}
	while (at < roster->link_count && (roster->links[at].a < link.a ||
					   (roster->links[at].a == link.a &&
					    roster->links[at].b < link.b)))
		at++;
	memmove(&roster->links[at + 1], &roster->links[at],
		(roster->link_count - at) * sizeof(roster->links[0]));
	roster->link_count++;
	roster->links[at] = link;
	return &roster->links[at];
}
