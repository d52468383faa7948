/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* clearctl net solve|verify: set-offs of plain files, without a node. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/netting_check.h"
#include "core/netting_text.h"
#include "node/file.h"
#include "tools/clearctl/session.h"
#include "tools/clearctl/verbs.h"
#include "tools/system.h"

#define SAID_EVERY_US 200000
#define STREAM_SIZE_MAX ((size_t)256 << 20) /* of what tells no size */

/* A file of obligations and what is found out about it. */
struct work {
	struct session *session;
	const char *path;
	struct slice text;
	struct netting_obligation *obligations;
	struct netting_input input;
	struct netting_solution solution;
	int64_t total;
	uint64_t begun_us;
	void *memory; /* of the solver or the checker */
};

static void work_release(struct work *work)
{
	file_release(&work->text);
	free(work->obligations);
	free(work->solution.set_off);
	free(work->solution.potentials);
	free(work->memory);
}

static bool lost(struct work *work, const char *path, const char *why)
{
	(void)session_lost_file(work->session, "%s: %s", path, why);
	return false;
}

static bool lost_line(struct work *work, const char *path,
		      const struct netting_fault *fault)
{
	(void)session_lost_file(work->session, "%s:%lu: %s", path,
				(unsigned long)fault->line, fault->what);
	return false;
}

static bool read_text(struct work *work, const char *path, struct slice *out)
{
	size_t size_max = STREAM_SIZE_MAX;
	struct stat facts;

	if (stat(path, &facts) == 0 && S_ISREG(facts.st_mode))
		size_max = (size_t)facts.st_size;
	return file_read(path, size_max, out) ||
	       lost(work, path, strerror(errno));
}

/* One more than asked for, so that none of a count of 0 is NULL. */
static void *allocate(size_t count, size_t size)
{
	return calloc(count + 1, size);
}

static bool make_room(struct work *work)
{
	uint32_t count = work->input.obligation_count;

	work->obligations = allocate(count, sizeof(work->obligations[0]));
	work->solution.set_off = allocate(count, sizeof(int64_t));
	work->solution.potentials =
		allocate(work->input.node_count, sizeof(int64_t));
	if (work->obligations == NULL || work->solution.set_off == NULL ||
	    work->solution.potentials == NULL)
		return lost(work, work->path, strerror(ENOMEM));
	work->input.obligations = work->obligations;
	return true;
}

static bool take_memory(struct work *work, size_t size)
{
	work->memory = system_large(size);
	return work->memory != NULL || lost(work, work->path, strerror(ENOMEM));
}

/* The obligations of operand 0, sound; false after telling. */
static bool read_input(struct work *work)
{
	struct netting_fault fault;
	enum netting_result result;
	uint32_t at;

	work->path = session_operand(work->session, 0);
	if (!read_text(work, work->path, &work->text))
		return false;
	if (!netting_text_head(work->text, &work->input.node_count,
			       &work->input.obligation_count, &fault))
		return lost_line(work, work->path, &fault);
	if (!make_room(work))
		return false;
	if (!netting_text_obligations(work->text, work->obligations, &fault))
		return lost_line(work, work->path, &fault);
	result = netting_check_input(&work->input, &at);
	if (result != NETTING_OK) {
		fault.line = netting_text_line(at);
		fault.what = netting_result_sentence(result);
		return lost_line(work, work->path, &fault);
	}
	for (uint32_t i = 0; i < work->input.obligation_count; i++)
		work->total += work->obligations[i].amount;
	file_release(&work->text);
	work->begun_us = system_monotonic_us();
	return true;
}

/* Both verbs say how much it is, and how long their work took. */
static json_t *document_of(const struct work *work)
{
	double seconds = (double)(system_monotonic_us() - work->begun_us) / 1e6;

	return json_pack("{s:I, s:I, s:I, s:I, s:f}", "cleared",
			 (json_int_t)work->solution.cleared, "total",
			 (json_int_t)work->total, "nodes",
			 (json_int_t)work->input.node_count, "obligations",
			 (json_int_t)work->input.obligation_count, "seconds",
			 seconds);
}

static void print_cleared(const json_t *document)
{
	printf("cleared %lld of %lld in %.3f s\n",
	       (long long)json_integer_value(
		       json_object_get(document, "cleared")),
	       (long long)json_integer_value(
		       json_object_get(document, "total")),
	       json_real_value(json_object_get(document, "seconds")));
}

/* ---- solve */

/* Said on a terminal, while somebody waits. */
struct waiting {
	bool silent, said;
	uint64_t said_us;
};

static bool on_progress(void *context, const struct netting_progress *now)
{
	struct waiting *waiting = context;
	uint64_t now_us = system_monotonic_us();
	double share = 1 - (double)now->open / (double)now->open_first;

	if (waiting->silent || now_us - waiting->said_us < SAID_EVERY_US)
		return true;
	waiting->said_us = now_us;
	waiting->said = true;
	fprintf(stderr,
		"\r\033[K%.4f %% of the net positions settled, "
		"%u updates",
		share > 0 ? 100 * share : 0, (unsigned)now->updates);
	return true;
}

static void solve(struct work *work)
{
	const struct arguments *arguments = &work->session->arguments;
	struct waiting waiting = { .silent = work->session->json ||
					     isatty(STDERR_FILENO) != 1 ||
					     arguments_has(arguments, "quiet"),
				   .said_us = work->begun_us };
	struct netting_options options = { .on_progress = on_progress,
					   .context = &waiting };
	enum netting_result result;

	result = netting_solve(&work->input, &options, work->memory,
			       &work->solution);
	/* Nobody stops it. */
	check(result == NETTING_OK);
	if (waiting.said)
		fputs("\r\033[K", stderr);
}

static bool write_certificate(struct work *work, const char *path)
{
	size_t size = netting_certificate_size(&work->input);
	uint8_t *bytes = malloc(size);
	struct buffer out;
	bool good;

	if (bytes == NULL)
		return lost(work, path, strerror(ENOMEM));
	buffer_init(&out, bytes, size);
	netting_certificate_write(&out, &work->input, &work->solution);
	check(!out.overflowed);
	good = file_write(path, buffer_view(&out));
	if (!good)
		(void)lost(work, path, strerror(errno));
	free(bytes);
	return good;
}

static int tell_solved(struct work *work, json_t *document, const char *path)
{
	json_object_set_new(document, "updates",
			    json_integer(work->solution.updates));
	json_object_set_new(document, "restarts",
			    json_integer(work->solution.restarts));
	json_object_set_new(document, "work",
			    json_integer((json_int_t)work->solution.work));
	json_object_set_new(document, "certificate",
			    path != NULL ? json_string(path) : json_null());
	if (work->session->json)
		return session_print(document);
	print_cleared(document);
	json_decref(document);
	return CTL_DONE;
}

int verb_net_solve(struct session *session)
{
	struct work work = { .session = session };
	const char *path = session_value(session, "certificate");

	if (read_input(&work) &&
	    take_memory(&work,
			netting_memory_size(work.input.node_count,
					    work.input.obligation_count))) {
		json_t *document;

		solve(&work);
		document = document_of(&work);
		if (path == NULL || write_certificate(&work, path))
			session->status = tell_solved(&work, document, path);
		else
			json_decref(document);
	}
	work_release(&work);
	return session->status;
}

/* ---- verify */

static bool read_certificate(struct work *work)
{
	const char *path = session_operand(work->session, 1);
	struct netting_fault fault;

	if (!read_text(work, path, &work->text))
		return false;
	return netting_certificate_read(work->text, &work->input,
					&work->solution, &fault) ||
	       lost_line(work, path, &fault);
}

static int tell_verdict(struct work *work, enum netting_verdict verdict)
{
	struct session *session = work->session;
	json_t *document = document_of(work);

	if (verdict != NETTING_PROVEN) {
		json_decref(document);
		return session_fail(
			session,
			&(struct failure){ CTL_REFUSED, "FAILED_PRECONDITION",
					   netting_verdict_name(verdict),
					   netting_verdict_sentence(verdict),
					   false });
	}
	json_object_set_new(document, "proven", json_true());
	if (session->json)
		return session_print(document);
	print_cleared(document);
	printf("proven: %s\n", netting_verdict_sentence(verdict));
	json_decref(document);
	return CTL_DONE;
}

int verb_net_verify(struct session *session)
{
	struct work work = { .session = session };

	if (read_input(&work) && read_certificate(&work) &&
	    take_memory(&work,
			netting_check_memory_size(work.input.node_count)))
		session->status = tell_verdict(
			&work, netting_check(&work.input, &work.solution,
					     work.memory));
	work_release(&work);
	return session->status;
}
