/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* clearctl federation: signing, showing and verifying a roster file. */
#include <stdlib.h>
#include <string.h>

#include "node/crypto.h"
#include "tools/clearctl/documents.h"
#include "tools/clearctl/draft.h"
#include "tools/clearctl/verbs.h"

#define HEX_SIZE (2 * SHA256_SIZE + 1)

static const char *const key_states[] = { "", "current", "retired", "revoked" };
static const char *const statuses[] = { "", "active", "gone" };

/* ---- sign */

static bool wrong_signer(struct session *session, const char *reason,
			 const char *message)
{
	(void)session_fail(
		session, &(struct failure){ CTL_REFUSED, "FAILED_PRECONDITION",
					    reason, message, false });
	return false;
}

static bool is_founder(const struct roster *roster, struct slice name)
{
	for (uint32_t i = 0; i < roster->founder_count; i++) {
		if (slice_equal(roster->founders[i], name))
			return true;
	}
	return false;
}

/* The city and key that sign: of --city, or of whom the key is. */
static bool find_signer(struct draft *draft, const struct signing_key *key,
			struct roster_signature *out)
{
	const struct roster *roster = draft->roster;
	struct session *session = draft->session;
	const char *wanted = session_value(session, "city");
	char id[ROSTER_KEY_ID_SIZE];

	roster_key_id(signing_key_public(key), crypto_sha256, id);
	for (uint32_t i = 0; i < roster->city_count; i++) {
		const struct roster_city *city = &roster->cities[i];
		const struct roster_key *found =
			roster_key(roster, i, slice_of(id, sizeof(id)));

		if (found == NULL ||
		    (wanted != NULL &&
		     !slice_equal(city->name, slice_from_text(wanted))))
			continue;
		out->city = city->name;
		out->key_id = found->id;
		if (is_founder(roster, city->name))
			return true;
		return wrong_signer(session, "NOT_A_FOUNDER",
				    "only founders sign a roster");
	}
	return wrong_signer(session, "KEY_UNKNOWN",
			    wanted != NULL ? "this key is not the city's in "
					     "the roster, or it is revoked"
					   : "this key is no city's in the "
					     "roster, or it is revoked");
}

/* In order of (city, key_id); a former one of the same key goes. */
static void add_signature(struct roster *roster,
			  const struct roster_signature *fresh)
{
	uint32_t at = 0;

	for (; at < roster->signature_count; at++) {
		const struct roster_signature *one = &roster->signatures[at];
		int order = slice_compare(one->city, fresh->city);

		if (order == 0)
			order = slice_compare(one->key_id, fresh->key_id);
		if (order > 0)
			break;
		if (order == 0) {
			roster->signatures[at] = *fresh;
			return;
		}
	}
	check(roster->signature_count < ROSTER_SIGNATURES_MAX);
	memmove(&roster->signatures[at + 1], &roster->signatures[at],
		(roster->signature_count - at) * sizeof(*fresh));
	roster->signatures[at] = *fresh;
	roster->signature_count++;
}

static int sign(struct draft *draft, struct signing_key *key)
{
	struct roster *roster = draft->roster;
	uint8_t bytes[ROSTER_SIGNED_SIZE], made[LINKLOG_SIGNATURE_SIZE];
	struct roster_signature fresh = { .signature = { made, sizeof(made) } };
	enum roster_result result = draft_verify(draft);

	if (result != ROSTER_OK && result != ROSTER_UNSIGNED)
		return draft_refuse(draft->session, roster, result,
				    CTL_REFUSED);
	if (!find_signer(draft, key, &fresh))
		return draft->session->status;
	roster_signed(roster->hash, bytes);
	crypto_sign(key, slice_of(bytes, sizeof(bytes)), made);
	add_signature(roster, &fresh);
	if (draft_write(draft, false) != CTL_DONE)
		return draft->session->status;
	return draft_tell(draft);
}

int verb_federation_sign(struct session *session)
{
	const char *path = session_value(session, "key");
	char error[CRYPTO_ERROR_SIZE];
	struct signing_key *key;
	struct draft draft = { 0 };

	if (path == NULL)
		return session_misuse(session, "give --key FILE, the city's "
					       "node key (node.key)");
	key = signing_key_read(path, error);
	if (key == NULL)
		return session_lost_file(session, "%s", error);
	if (draft_open(&draft, session, session_operand(session, 0)))
		session->status = sign(&draft, key);
	draft_release(&draft);
	signing_key_free(key);
	return session->status;
}

/* ---- verify */

int verb_federation_verify(struct session *session)
{
	struct draft draft = { 0 };

	if (draft_open_trusted(&draft, session, session_operand(session, 0)))
		session->status = draft_tell(&draft);
	draft_release(&draft);
	return session->status;
}

/* ---- show */

static json_t *city_document(const struct roster *roster,
			     const struct roster_city *city)
{
	json_t *keys = json_array();

	for (uint32_t i = 0; i < city->key_count; i++) {
		char hex[HEX_SIZE];

		json_array_append_new(
			keys,
			json_pack("{s:o, s:s, s:s}", "key_id",
				  json_of_slice(city->keys[i].id), "public_key",
				  hex_text(city->keys[i].key, hex), "state",
				  key_states[city->keys[i].state]));
	}
	return json_pack(
		"{s:o, s:o, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:s, "
		"s:b}",
		"name", json_of_slice(city->name), "place",
		json_of_slice(city->place), "latitude_millionths",
		(int)city->latitude, "longitude_millionths",
		(int)city->longitude, "bioregion",
		json_of_slice(city->bioregion), "keys", keys, "endpoint",
		json_of_slice(city->endpoint), "uri", json_of_slice(city->uri),
		"ca", json_of_slice(city->ca), "status", statuses[city->status],
		"founder", is_founder(roster, city->name));
}

static json_t *link_document(const struct roster *roster,
			     const struct roster_link *link)
{
	return json_pack("{s:o, s:o, s:I, s:I, s:i}", "a",
			 json_of_slice(roster->cities[link->a].name), "b",
			 json_of_slice(roster->cities[link->b].name),
			 "line_a_minor", (json_int_t)money_minor(link->line_a),
			 "line_b_minor", (json_int_t)money_minor(link->line_b),
			 "in_flight_per_mille", (int)link->in_flight_per_mille);
}

static json_t *signature_document(const struct roster_signature *one)
{
	return json_pack("{s:o, s:o}", "city", json_of_slice(one->city),
			 "key_id", json_of_slice(one->key_id));
}

static json_t *lists_document(const struct roster *roster, json_t *document)
{
	json_t *founders = json_array(), *cities = json_array(),
	       *links = json_array(), *signatures = json_array();

	for (uint32_t i = 0; i < roster->founder_count; i++)
		json_array_append_new(founders,
				      json_of_slice(roster->founders[i]));
	for (uint32_t i = 0; i < roster->city_count; i++)
		json_array_append_new(
			cities, city_document(roster, &roster->cities[i]));
	for (uint32_t i = 0; i < roster->link_count; i++)
		json_array_append_new(links,
				      link_document(roster, &roster->links[i]));
	for (uint32_t i = 0; i < roster->signature_count; i++)
		json_array_append_new(
			signatures, signature_document(&roster->signatures[i]));
	json_object_set_new(document, "founders", founders);
	json_object_set_new(document, "cities", cities);
	json_object_set_new(document, "links", links);
	json_object_set_new(document, "signatures", signatures);
	return document;
}

static json_t *roster_document(struct draft *draft)
{
	const struct roster *roster = draft->roster;
	enum roster_result result = draft_verify(draft);
	char hash[HEX_SIZE], prev_hash[HEX_SIZE];

	return lists_document(
		roster,
		json_pack("{s:I, s:o, s:o, s:i, s:s, s:s, s:b, s:s, s:i, s:i}",
			  "version", (json_int_t)roster->version, "federation",
			  json_of_slice(roster->federation), "unit",
			  json_of_slice(roster->unit), "decimals",
			  (int)roster->decimals, "hash",
			  hex_text(slice_of(roster->hash, SHA256_SIZE), hash),
			  "prev_hash", hex_text(roster->prev_hash, prev_hash),
			  "valid", result == ROSTER_OK, "result",
			  roster_result_name(result), "founders_signed",
			  (int)roster->founders_signed, "founders_needed",
			  (int)roster->founders_needed));
}

/* "founder, has signed" and so on; a key that signs now, if any. */
static void add_city_row(struct table *table, const struct roster *roster,
			 uint32_t index)
{
	const struct roster_city *city = &roster->cities[index];
	const struct roster_key *key = roster_current_key(roster, index);
	char name[NAME_SIZE_MAX + 1], place[ROSTER_PLACE_SIZE_MAX + 1],
		endpoint[ROSTER_ENDPOINT_SIZE_MAX + 1],
		key_id[ROSTER_KEY_ID_SIZE + 1] = "-";
	bool founder = is_founder(roster, city->name), has_signed = false;

	for (uint32_t i = 0; i < roster->signature_count; i++)
		has_signed |=
			slice_equal(roster->signatures[i].city, city->name);
	if (key != NULL)
		(void)text_of_slice(key->id, key_id, sizeof(key_id));
	table_add(table,
		  (const char *const[]){
			  text_of_slice(city->name, name, sizeof(name)),
			  text_of_slice(city->place, place, sizeof(place)),
			  text_of_slice(city->endpoint, endpoint,
					sizeof(endpoint)),
			  key_id, statuses[city->status],
			  !founder     ? ""
			  : has_signed ? "founder, signed"
				       : "founder" });
}

static void add_link_row(struct table *table, const struct roster *roster,
			 const struct roster_link *link)
{
	char a[NAME_SIZE_MAX + 1], b[NAME_SIZE_MAX + 1],
		line_a[AMOUNT_TEXT_SIZE], line_b[AMOUNT_TEXT_SIZE],
		in_flight[16];

	snprintf(in_flight, sizeof(in_flight), "%u/1000",
		 link->in_flight_per_mille);
	table_add(table, (const char *const[]){
				 text_of_slice(roster->cities[link->a].name, a,
					       sizeof(a)),
				 text_of_slice(roster->cities[link->b].name, b,
					       sizeof(b)),
				 amount_text(money_minor(link->line_a),
					     roster->decimals, line_a),
				 amount_text(money_minor(link->line_b),
					     roster->decimals, line_b),
				 in_flight });
}

static int show_tables(struct draft *draft)
{
	const struct roster *roster = draft->roster;
	struct table cities, links;
	int status = draft_tell(draft);

	table_init(&cities,
		   (const char *const[]){ "city", "place", "endpoint", "key",
					  "status", "founder" },
		   6, 0);
	for (uint32_t i = 0; i < roster->city_count; i++)
		add_city_row(&cities, roster, i);
	putchar('\n');
	table_print(&cities, stdout);
	table_init(&links,
		   (const char *const[]){ "a", "b", "a lets b owe",
					  "b lets a owe", "in flight" },
		   5, 4 | 8 | 16);
	for (uint32_t i = 0; i < roster->link_count; i++)
		add_link_row(&links, roster, &roster->links[i]);
	putchar('\n');
	table_print(&links, stdout);
	return status;
}

int verb_federation_show(struct session *session)
{
	struct draft draft = { 0 };

	if (draft_open(&draft, session, session_operand(session, 0)))
		session->status =
			session->json ? session_print(roster_document(&draft))
				      : show_tables(&draft);
	draft_release(&draft);
	return session->status;
}
