/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/clearctl/import.h"

#include <errno.h>
#include <string.h>

#include "base/siphash.h"

static bool find_columns(struct session *session, struct import_file *file,
			 const struct csv_row *header, const char *const *names)
{
	for (uint32_t i = 0; names[i] != NULL; i++) {
		bool must = names[i][0] == '!';
		const char *name = names[i] + must;

		check(i < IMPORT_COLUMNS_MAX);
		file->columns[i] = csv_column(header, name);
		if (file->columns[i] >= 0 || !must)
			continue;
		(void)session_lost_file(session,
					"%s: its first line names no column "
					"`%s`",
					file->path, name);
		return false;
	}
	return true;
}

static uint64_t count_lines(FILE *stream)
{
	char bytes[1 << 16];
	uint64_t count = 0;
	size_t size;

	while ((size = fread(bytes, 1, sizeof(bytes), stream)) > 0) {
		const char *at = bytes;

		while ((at = memchr(at, '\n', size - (size_t)(at - bytes))) !=
		       NULL) {
			count++;
			at++;
		}
	}
	rewind(stream);
	return count;
}

bool import_open(struct session *session, struct import_file *file,
		 const char *path, const char *const *names)
{
	static const char mark[] = "\xef\xbb\xbf";
	char line[CSV_LINE_MAX];
	struct csv_row header;
	char *start = line;

	*file = (struct import_file){ .path = path };
	file->stream = fopen(path, "re");
	if (file->stream == NULL) {
		(void)session_lost_file(session, "%s: %s", path,
					strerror(errno));
		return false;
	}
	file->line_count = count_lines(file->stream);
	if (fgets(line, sizeof(line), file->stream) == NULL) {
		(void)session_lost_file(session, "%s: empty", path);
		goto out;
	}
	file->line_number = 1;
	if (strncmp(line, mark, 3) == 0)
		start += 3;
	if (!csv_split(start, &header)) {
		(void)session_lost_file(session, "%s:1: no CSV", path);
		goto out;
	}
	if (find_columns(session, file, &header, names))
		return true;
out:
	import_close(file);
	return false;
}

void import_close(struct import_file *file)
{
	if (file->stream != NULL)
		fclose(file->stream);
	file->stream = NULL;
}

enum import_read import_line(struct session *session, struct import_file *file,
			     char *line, struct csv_row *row, uint64_t *hash)
{
	static const struct siphash_key key = { 0x636c656172637466, 1 };
	size_t size;

	do {
		if (fgets(line, CSV_LINE_MAX, file->stream) == NULL) {
			if (feof(file->stream))
				return IMPORT_END;
			(void)session_lost_file(session, "%s: %s", file->path,
						strerror(errno));
			return IMPORT_FAULT;
		}
		file->line_number++;
	} while (line[strspn(line, " \t\r\n")] == '\0');
	size = strlen(line);
	*hash = siphash64(key, slice_of(line, strcspn(line, "\r\n")));
	if ((size == CSV_LINE_MAX - 1 && line[size - 1] != '\n') ||
	    !csv_split(line, row)) {
		(void)session_lost_file(session,
					"%s:%llu: not a line of CSV, or over "
					"%d bytes",
					file->path,
					(unsigned long long)file->line_number,
					CSV_LINE_MAX - 2);
		return IMPORT_FAULT;
	}
	return IMPORT_LINE;
}

const char *import_field(const struct import_file *file,
			 const struct csv_row *row, uint32_t column)
{
	int at = file->columns[column];

	return at < 0 || (uint32_t)at >= row->count ? "" : row->fields[at];
}

static const char *name_of(const struct refusal_family *family, uint32_t number)
{
	for (uint32_t i = 0; i < family->count; i++) {
		if (family->refusals[i].number == number)
			return family->refusals[i].name;
	}
	return "UNKNOWN_REFUSAL";
}

static json_t *summary_document(const struct import_tally *tally,
				const struct refusal_family *family,
				const char *done, double seconds)
{
	json_t *by_name = json_object();

	for (uint32_t i = 0; i < REFUSAL_NUMBERS; i++) {
		if (tally->refused_by[i] > 0)
			json_object_set_new(
				by_name, name_of(family, i),
				json_integer((json_int_t)tally->refused_by[i]));
	}
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:f}", "lines",
			 (json_int_t)tally->lines, done,
			 (json_int_t)tally->done, "recorded",
			 (json_int_t)tally->recorded, "skipped",
			 (json_int_t)tally->skipped, "refused",
			 (json_int_t)tally->refused, "refusals", by_name,
			 "seconds", seconds);
}

static void print_count(uint64_t count, const char *what)
{
	if (count > 0)
		printf("%10llu  %s\n", (unsigned long long)count, what);
}

int import_summary(struct session *session, const struct import_tally *tally,
		   const struct refusal_family *family, const char *done,
		   double seconds)
{
	if (session->json) {
		(void)session_print(
			summary_document(tally, family, done, seconds));
	} else {
		printf("%10llu  lines in %.2f s\n",
		       (unsigned long long)tally->lines, seconds);
		printf("%10llu  %s\n", (unsigned long long)tally->done, done);
		print_count(tally->recorded, "done before");
		print_count(tally->skipped, "answered in an earlier run");
		for (uint32_t i = 0; i < REFUSAL_NUMBERS; i++)
			print_count(tally->refused_by[i], name_of(family, i));
	}
	if (tally->refused > 0 && arguments_has(&session->arguments, "strict"))
		session->status = CTL_REFUSED;
	return session->status;
}
