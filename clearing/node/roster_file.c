/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "node/roster_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/file.h"

static void release(struct roster_held *held)
{
	signing_key_free(held->key);
	file_release(&held->bytes);
	free(held->roster);
	*held = (struct roster_held){ 0 };
}

static bool refuse(const char *path, const struct roster *roster,
		   enum roster_result result, char *error)
{
	char text[ROSTER_EXPLAIN_SIZE_MAX + 1] = "";
	struct buffer buffer;

	buffer_init(&buffer, text, ROSTER_EXPLAIN_SIZE_MAX);
	roster_explain(&buffer, roster, result);
	snprintf(error, ROSTER_FILE_ERROR_SIZE,
		 "[federation] roster = %s: %s: %s", path,
		 roster_result_name(result), text);
	return false;
}

static struct roster_trust trust_of(const struct config *config,
				    const struct roster *previous)
{
	return (struct roster_trust){
		.sha256 = crypto_sha256,
		.verify = crypto_verify,
		.federation = slice_from_text(config->federation),
		.unit = slice_from_text(config->unit),
		.decimals = (uint32_t)config->decimals,
		.previous = previous,
	};
}

/* This node's city, with the key that it signs with. */
static bool find_self(const struct config *config, struct roster_held *held,
		      char *error)
{
	const uint8_t *public = signing_key_public(held->key);
	const struct roster_key *key;
	char id[ROSTER_KEY_ID_SIZE];

	held->city = roster_city(held->roster, slice_from_text(config->city));
	if (held->city == ROSTER_NONE) {
		snprintf(error, ROSTER_FILE_ERROR_SIZE,
			 "[federation] roster = %s: %s is not a city of it",
			 config->roster, config->city);
		return false;
	}
	key = roster_current_key(held->roster, held->city);
	if (key != NULL && memcmp(key->key.data, public, NODE_KEY_SIZE) == 0)
		return true;
	roster_key_id(public, crypto_sha256, id);
	snprintf(error, ROSTER_FILE_ERROR_SIZE,
		 "[federation] node_key = %s has the id %.*s, but the "
		 "current key of %s in the roster is %.*s",
		 config->node_key, ROSTER_KEY_ID_SIZE, id, config->city,
		 key != NULL ? ROSTER_KEY_ID_SIZE : 4,
		 key != NULL ? (const char *)key->id.data : "none");
	return false;
}

/* Both files into @out, held against @previous; false: @out is empty. */
static bool read_files(const struct config *config,
		       const struct roster *previous, struct roster_held *out,
		       char *error)
{
	const struct roster_trust trust = trust_of(config, previous);
	struct roster_held held = { 0 };
	enum roster_result result;

	held.roster = malloc(sizeof(*held.roster));
	if (held.roster == NULL ||
	    !file_read(config->roster, ROSTER_SIZE_MAX, &held.bytes)) {
		snprintf(error, ROSTER_FILE_ERROR_SIZE,
			 "[federation] roster = %s cannot be read: %m",
			 config->roster);
		goto out;
	}
	result = roster_load(held.roster, held.bytes, &trust);
	if (result != ROSTER_OK) {
		(void)refuse(config->roster, held.roster, result, error);
		goto out;
	}
	held.key = signing_key_read(config->node_key, error);
	if (held.key == NULL || !find_self(config, &held, error))
		goto out;
	*out = held;
	return true;
out:
	release(&held);
	return false;
}

static void hold(struct roster_file *file, const struct roster_held *held)
{
	file->now = *held;
	file->roster = held->roster;
	file->key = held->key;
	file->city = held->city;
}

bool roster_file_load(struct roster_file *out, const struct config *config,
		      char *error)
{
	struct roster_held held;

	*out = (struct roster_file){ 0 };
	if (config->roster == NULL && config->node_key == NULL)
		return true;
	if (config->roster == NULL || config->node_key == NULL) {
		snprintf(error, ROSTER_FILE_ERROR_SIZE,
			 "[federation] roster and node_key go together: give "
			 "both, or neither for a lone city");
		return false;
	}
	if (!read_files(config, NULL, &held, error))
		return false;
	hold(out, &held);
	return true;
}

bool roster_file_follows(struct roster_file *held, const char *path,
			 uint64_t version, const uint8_t hash[SHA256_SIZE],
			 char *error)
{
	struct roster_trust trust = { .sha256 = crypto_sha256,
				      .verify = crypto_verify,
				      .seen_version = version };
	enum roster_result result;

	if (held->roster == NULL)
		return true;
	memcpy(trust.seen_hash, hash, SHA256_SIZE);
	result = roster_verify(held->roster, &trust);
	if (result == ROSTER_OK)
		return true;
	return refuse(path, held->roster, result, error);
}

enum roster_reload roster_file_reload(struct roster_file *held,
				      const struct config *config, char *error)
{
	struct roster_held fresh;

	if (held->roster == NULL)
		return ROSTER_RELOAD_SAME;
	if (!read_files(config, held->roster, &fresh, error))
		return ROSTER_RELOAD_REFUSED;
	if (fresh.roster->version == held->roster->version &&
	    memcmp(signing_key_public(fresh.key), signing_key_public(held->key),
		   NODE_KEY_SIZE) == 0) {
		release(&fresh);
		return ROSTER_RELOAD_SAME;
	}
	release(&held->former);
	held->former = held->now;
	hold(held, &fresh);
	return ROSTER_RELOAD_TAKEN;
}

void roster_file_give_back(struct roster_file *held)
{
	struct roster_held former = held->former;

	check(former.roster != NULL);
	release(&held->now);
	held->former = (struct roster_held){ 0 };
	hold(held, &former);
}

void roster_file_release(struct roster_file *held)
{
	release(&held->former);
	release(&held->now);
	*held = (struct roster_file){ 0 };
}
