/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* clearctl rejoin: let a restored city go on (rule PEER-22). */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "core/identity.h"
#include "node/config.h"
#include "node/file.h"
#include "node/rejoin.h"
#include "store/headfile.h"
#include "tools/clearctl/verbs.h"

struct rejoin {
	struct session *session;
	struct config config;
	struct rejoin_order order;
	bool ordered_already; /* and in the same words */
	char head_path[PATH_MAX];
	bool head_known;
	struct acknowledged_head head;
};

static bool read_config(struct rejoin *rejoin)
{
	const char *path = session_value(rejoin->session, "config");
	char error[CONFIG_ERROR_SIZE];

	if (path == NULL) {
		(void)session_misuse(rejoin->session,
				     "give --config FILE, the node's");
		return false;
	}
	if (config_read(path, &rejoin->config, error))
		return true;
	(void)session_misuse(rejoin->session, "%s", error);
	return false;
}

static bool read_reason(struct rejoin *rejoin)
{
	const char *text = session_value(rejoin->session, "reason");
	struct slice reason = slice_from_text(text == NULL ? "" : text);

	if (reason.size < 1 || reason.size > EVENT_NOTE_SIZE_MAX ||
	    !utf8_printable(reason)) {
		(void)session_misuse(rejoin->session,
				     "give --reason TEXT, 1 to %d bytes: it "
				     "stays in the journal for ever",
				     EVENT_NOTE_SIZE_MAX);
		return false;
	}
	memcpy(rejoin->order.reason, text, reason.size);
	rejoin->order.open_early =
		arguments_has(&rejoin->session->arguments, "open-early");
	return true;
}

static bool refuse(struct rejoin *rejoin, int status, const char *code,
		   const char *reason, const char *message)
{
	(void)session_fail(
		rejoin->session,
		&(struct failure){ status, code, reason, message, false });
	return false;
}

/* Who says so: an operator of this city, by the own certificate. */
static bool read_actor(struct rejoin *rejoin)
{
	struct session *session = rejoin->session;
	char error[SETTINGS_ERROR_SIZE + CHANNEL_ERROR_SIZE];
	struct channel_self self;
	struct identity identity;

	if (!settings_read(&session->arguments, &session->settings, error)) {
		(void)session_misuse(session, "%s", error);
		return false;
	}
	if (session->settings.certificate == NULL) {
		(void)session_misuse(session,
				     "give --certificate FILE, an operator's: "
				     "the journal names who rejoined");
		return false;
	}
	if (channel_self(session->settings.certificate, &self, error) !=
	    CHANNEL_OK) {
		(void)session_lost_file(session, "%s", error);
		return false;
	}
	if (!identity_parse(slice_from_text(self.uri), &identity) ||
	    identity.role != ROLE_OPERATOR ||
	    strcmp(self.city, rejoin->config.city) != 0 ||
	    strcmp(self.federation, rejoin->config.federation) != 0)
		return refuse(rejoin, CTL_IDENTITY, "PERMISSION_DENIED",
			      "NOT_PERMITTED",
			      "only an operator of the city lets it rejoin: "
			      "give an operator's --certificate");
	memcpy(rejoin->order.actor, self.uri, strlen(self.uri) + 1);
	return true;
}

/* A running node would write its head again at once. */
static bool node_is_stopped(struct rejoin *rejoin)
{
	char path[PATH_MAX];
	int lock;

	snprintf(path, sizeof(path), "%s/run/lock", rejoin->config.data_dir);
	if (access(path, F_OK) != 0)
		return true;
	lock = file_lock(path);
	if (lock >= 0) {
		close(lock);
		return true;
	}
	if (errno == EWOULDBLOCK)
		return refuse(rejoin, CTL_CONFLICT, "FAILED_PRECONDITION",
			      "NODE_RUNS",
			      "clearingd runs in this data folder: stop it "
			      "first");
	(void)session_lost_file(rejoin->session, "%s: %s", path,
				strerror(errno));
	return false;
}

static bool is_same(const struct rejoin_order *one,
		    const struct rejoin_order *other)
{
	return strcmp(one->actor, other->actor) == 0 &&
	       strcmp(one->reason, other->reason) == 0 &&
	       one->open_early == other->open_early;
}

/*
 * What was ordered stays ordered: the journal is to name who let the city
 * rejoin, and why, as it was said.
 */
static bool may_order(struct rejoin *rejoin)
{
	struct rejoin_order former;
	char message[1024];

	switch (rejoin_read(rejoin->config.data_dir, &former)) {
	case REJOIN_NOT_ORDERED:
	case REJOIN_DAMAGED: /* the node does not start: this mends it */
		return true;
	case REJOIN_UNREADABLE:
		(void)session_lost_file(
			rejoin->session, "%s/" REJOIN_FILE ": %s",
			rejoin->config.data_dir, strerror(errno));
		return false;
	case REJOIN_ORDERED:
		break;
	}
	rejoin->ordered_already = is_same(&former, &rejoin->order);
	if (rejoin->ordered_already)
		return true;
	snprintf(
		message, sizeof(message),
		"a rejoin is ordered already%s, by %s: \"%s\"; start the node, "
		"which carries it out: after that there may be another",
		former.open_early ? " with --open-early" : "", former.actor,
		former.reason);
	return refuse(rejoin, CTL_CONFLICT, "FAILED_PRECONDITION",
		      "REJOIN_ORDERED", message);
}

/* The first order has put it aside. */
static bool read_head(struct rejoin *rejoin)
{
	snprintf(rejoin->head_path, sizeof(rejoin->head_path), "%s/%s",
		 rejoin->config.data_dir,
		 rejoin->ordered_already ? REJOIN_HEAD_KEPT_FILE
					 : REJOIN_HEAD_FILE);
	rejoin->head_known =
		headfile_read(rejoin->head_path, &rejoin->head) == HEADFILE_OK;
	return true;
}

static int tell(const struct rejoin *rejoin)
{
	if (rejoin->session->json)
		return session_print(json_pack(
			"{s:s, s:s, s:s, s:b, s:b, s:o}", "city",
			rejoin->config.city, "actor", rejoin->order.actor,
			"reason", rejoin->order.reason, "open_early",
			rejoin->order.open_early, "ordered_already",
			rejoin->ordered_already, "forgotten_position",
			rejoin->head_known
				? json_integer((json_int_t)rejoin->head.seq)
				: json_null()));
	if (rejoin->ordered_already)
		printf("this was ordered before, in the same words: nothing "
		       "has changed.\n");
	if (rejoin->head_known)
		printf("the node had acknowledged its journal up to position "
		       "%llu; that is kept in\n%s/" REJOIN_HEAD_KEPT_FILE "\n",
		       (unsigned long long)rejoin->head.seq,
		       rejoin->config.data_dir);
	printf("start the node: it rebuilds what it owes and is owed from its "
	       "neighbours' signed\nlogs%s.  What happened inside the city "
	       "after the backup\nis lost: clients send again, with the same "
	       "ids, what they have no other record of.\n"
	       "Nobody has looked whether anything is lost at all: where "
	       "nothing is, nothing changes\nbut that the node asks, and that "
	       "the journal says so for ever.\n",
	       rejoin->order.open_early
		       ? ", and takes local commands at once"
		       : ", and takes local commands when that is done");
	return CTL_DONE;
}

int verb_rejoin(struct session *session)
{
	struct rejoin rejoin = { .session = session };

	if (read_config(&rejoin) && read_reason(&rejoin) &&
	    read_actor(&rejoin) && node_is_stopped(&rejoin) &&
	    may_order(&rejoin) && read_head(&rejoin)) {
		if (rejoin.ordered_already ||
		    rejoin_order(rejoin.config.data_dir, &rejoin.order))
			session->status = tell(&rejoin);
		else
			(void)session_lost_file(session, "%s/%s: %s",
						rejoin.config.data_dir,
						REJOIN_FILE, strerror(errno));
	}
	config_release(&rejoin.config);
	return session->status;
}
