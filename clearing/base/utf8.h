/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * utf8: which texts from outside are texts.  RFC 3629: shortest form only, no
 * surrogates, nothing above U+10FFFF.
 */
#ifndef CLEARING_BASE_UTF8_H
#define CLEARING_BASE_UTF8_H

#include <stdbool.h>

#include "base/slice.h"

/* utf8_valid: well-formed UTF-8 without NUL. */
bool utf8_valid(struct slice text);

/* utf8_printable: utf8_valid, and no control characters (C0, DEL, C1). */
bool utf8_printable(struct slice text);

#endif
