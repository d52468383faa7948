/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * log: one line an event on standard error: time, level, a fixed event name
 * and key=value pairs, or the same as JSON.  Never memos, never keys.  Safe
 * from any thread: a line is one write.
 */
#ifndef CLEARING_NODE_LOG_H
#define CLEARING_NODE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

#define LOG_LINE_SIZE_MAX 2048

struct log_field {
	const char *key; /* NULL: the last one */
	bool is_number;
	struct slice text;
	uint64_t number;
};

#define LOG_TEXT(name, value)                                 \
	{                                                     \
		.key = (name), .text = slice_from_text(value) \
	}
#define LOG_SLICE(name, value)                 \
	{                                      \
		.key = (name), .text = (value) \
	}
#define LOG_NUMBER(name, value)                                     \
	{                                                           \
		.key = (name), .is_number = true, .number = (value) \
	}
#define LOG_END             \
	{                   \
		.key = NULL \
	}

/* log_event(level, "name", LOG_TEXT("key", value), ..., LOG_END) */
#define log_event(level, event, ...) \
	log_write(level, event, (const struct log_field[]){ __VA_ARGS__ })

/* log_set: by the words of the configuration. */
void log_set(const char *level, const char *format);

/* log_enabled: is a line of @level written at all? */
bool log_enabled(enum log_level level);

void log_write(enum log_level level, const char *event,
	       const struct log_field *fields);

/* log_format: append the line that log_write() would write (pure). */
void log_format(struct buffer *out, bool json, uint64_t wall_us,
		enum log_level level, const char *event,
		const struct log_field *fields);

#endif
