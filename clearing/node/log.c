/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "node/log.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TIME_TEXT_SIZE 32

static const char *const level_names[] = { "debug", "info", "warning",
					   "error" };

/* The one global that may change (STYLE): any thread reads it. */
static struct {
	atomic_uint level;
	atomic_bool json;
} settings = { LOG_INFO, false };

void log_set(const char *level, const char *format)
{
	for (unsigned int i = LOG_DEBUG; i <= LOG_ERROR; i++)
		if (strcmp(level_names[i], level) == 0)
			settings.level = i;
	settings.json = strcmp(format, "json") == 0;
}

bool log_enabled(enum log_level level)
{
	return level >= settings.level;
}

/* 2026-01-02T03:04:05.678Z */
static void put_time(struct buffer *out, uint64_t wall_us)
{
	time_t seconds = (time_t)(wall_us / 1000000);
	char text[TIME_TEXT_SIZE];
	struct tm parts;

	gmtime_r(&seconds, &parts);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
	buffer_put_text(out, text);
	snprintf(text, sizeof(text), ".%03uZ",
		 (unsigned int)(wall_us / 1000 % 1000));
	buffer_put_text(out, text);
}

static void put_quoted(struct buffer *out, struct slice text)
{
	buffer_put_byte(out, '"');
	for (size_t i = 0; i < text.size; i++) {
		uint8_t byte = text.data[i];
		char escaped[8];

		if (byte == '"' || byte == '\\') {
			buffer_put_byte(out, '\\');
			buffer_put_byte(out, byte);
		} else if (byte < 0x20 || byte == 0x7f) {
			snprintf(escaped, sizeof(escaped), "\\u%04x", byte);
			buffer_put_text(out, escaped);
		} else {
			buffer_put_byte(out, byte);
		}
	}
	buffer_put_byte(out, '"');
}

static bool is_plain(struct slice text)
{
	for (size_t i = 0; i < text.size; i++) {
		uint8_t byte = text.data[i];

		if (byte <= ' ' || byte == '"' || byte == '\\' || byte == '=' ||
		    byte == 0x7f)
			return false;
	}
	return text.size > 0;
}

static void put_field(struct buffer *out, bool json,
		      const struct log_field *field)
{
	if (json) {
		buffer_put_byte(out, ',');
		put_quoted(out, slice_from_text(field->key));
		buffer_put_byte(out, ':');
	} else {
		buffer_put_byte(out, ' ');
		buffer_put_text(out, field->key);
		buffer_put_byte(out, '=');
	}
	if (field->is_number)
		buffer_put_decimal(out, field->number);
	else if (!json && is_plain(field->text))
		buffer_put(out, field->text);
	else
		put_quoted(out, field->text);
}

void log_format(struct buffer *out, bool json, uint64_t wall_us,
		enum log_level level, const char *event,
		const struct log_field *fields)
{
	buffer_put_text(out, json ? "{\"time\":\"" : "");
	put_time(out, wall_us);
	buffer_put_text(out, json ? "\",\"level\":\"" : " ");
	buffer_put_text(out, level_names[level]);
	buffer_put_text(out, json ? "\",\"event\":\"" : " ");
	buffer_put_text(out, event);
	buffer_put_text(out, json ? "\"" : "");
	for (; fields->key != NULL; fields++)
		put_field(out, json, fields);
	buffer_put_text(out, json ? "}\n" : "\n");
}

void log_write(enum log_level level, const char *event,
	       const struct log_field *fields)
{
	static const struct log_field none[] = { LOG_END };
	uint8_t line[LOG_LINE_SIZE_MAX];
	struct timespec wall;
	uint64_t wall_us;
	struct buffer out;

	if (!log_enabled(level))
		return;
	clock_gettime(CLOCK_REALTIME, &wall);
	wall_us =
		(uint64_t)wall.tv_sec * 1000000 + (uint64_t)wall.tv_nsec / 1000;
	buffer_init(&out, line, sizeof(line));
	log_format(&out, settings.json, wall_us, level, event, fields);
	if (out.overflowed) {
		/* Better the event alone than half a line. */
		buffer_init(&out, line, sizeof(line));
		log_format(&out, settings.json, wall_us, level, event, none);
	}
	/* Nobody is left to tell when standard error is gone. */
	if (write(STDERR_FILENO, line, out.size) < 0)
		return;
}
