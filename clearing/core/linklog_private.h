/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * linklog_private: what the halves of the codec share.  Private to
 * linklog*.c.
 */
#ifndef CLEARING_CORE_LINKLOG_PRIVATE_H
#define CLEARING_CORE_LINKLOG_PRIVATE_H

#include "core/block_format.h"
#include "core/linklog.h"

/* linklog_fixed: the field's bytes, exactly @size of them, to @out. */
void linklog_fixed(struct fields *fields, uint8_t *out, size_t size);

/* linklog_exact: likewise as a view. */
struct slice linklog_exact(struct fields *fields, size_t size);

/* linklog_name: the field as a city's or federation's name. */
struct slice linklog_name(struct fields *fields);

/* linklog_text: the field as printable text of at most @size_max bytes. */
struct slice linklog_text(struct fields *fields, size_t size_max);

/* linklog_varint32: the field as a number below 2^32. */
uint32_t linklog_varint32(struct fields *fields);

/* linklog_number: the field as a number up to LINKLOG_NUMBER_MAX. */
uint64_t linklog_number(struct fields *fields);

/* linklog_unknown: a field this message does not have. */
void linklog_unknown(struct fields *fields);

/* linklog_ended: LINKLOG_OK, or why not. */
enum linklog_result linklog_ended(const struct fields *fields);

#endif
