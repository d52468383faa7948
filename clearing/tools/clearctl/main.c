/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* clearctl: one city's node from the command line. */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/clearctl/verbs.h"

static int run(struct session *session)
{
	const struct verb *verb = session->arguments.verb;
	char error[SETTINGS_ERROR_SIZE];

	if (verb->local)
		return verb->run(session);
	if (!settings_read(&session->arguments, &session->settings, error))
		return session_misuse(session, "%s", error);
	if (!session_connect(session))
		return session->status;
	return verb->run(session);
}

int main(int argc, char **argv)
{
	struct session session = { 0 };
	char error[ARGUMENTS_ERROR_SIZE];
	int status;

	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_IGN);
	if (!arguments_parse(&clearctl_language, argc, argv, &session.arguments,
			     error)) {
		session.json = arguments_has(&session.arguments, "json");
		status = session_misuse(&session, "%s", error);
		if (!session.json)
			fputs("clearctl: --help tells what can be said\n",
			      stderr);
		return status;
	}
	if (session.arguments.help) {
		verb_usage(session.arguments.verb, stdout);
		return CTL_DONE;
	}
	session.json = arguments_has(&session.arguments, "json");
	status = run(&session);
	session_release(&session);
	return status;
}
