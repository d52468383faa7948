/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * refusal: why a command was not carried out.
 *
 * One enum a family of commands; numbers are for ever and are the precedence:
 * the lowest that applies is the answer (rule LEDGER-3).  The same word means
 * the same in each family.  The numbers stand in proto/clearing/v1/common.proto
 * too; a test compares the two.
 */
#ifndef CLEARING_CORE_REFUSAL_H
#define CLEARING_CORE_REFUSAL_H

#include <stdbool.h>
#include <stdint.h>

enum transfer_refusal {
	TRANSFER_OK = 0,
	TRANSFER_LINKED_OPEN = 10,
	TRANSFER_LINKED_FAILED = 11,
	TRANSFER_ID_MALFORMED = 20,
	TRANSFER_ID_TOO_OLD = 21,
	TRANSFER_ID_IN_FUTURE = 22,
	TRANSFER_ADDRESS_MALFORMED = 30,
	TRANSFER_ADDRESS_OTHER_CITY = 31,
	TRANSFER_AMOUNT_NOT_POSITIVE = 32,
	TRANSFER_AMOUNT_TOO_LARGE = 33,
	TRANSFER_KIND_UNKNOWN = 34,
	TRANSFER_REFERENCE_MALFORMED = 35,
	TRANSFER_MEMO_INVALID = 36,
	TRANSFER_SAME_ACCOUNT = 37,
	TRANSFER_ID_CONFLICT = 40,
	TRANSFER_DEBIT_ACCOUNT_UNKNOWN = 50,
	TRANSFER_CREDIT_ACCOUNT_UNKNOWN = 51,
	TRANSFER_DEBIT_ACCOUNT_CLOSED = 52,
	TRANSFER_CREDIT_ACCOUNT_CLOSED = 53,
	TRANSFER_DEBIT_ACCOUNT_FROZEN = 54,
	TRANSFER_CREDIT_ACCOUNT_FROZEN = 55,
	TRANSFER_OVER_LIMIT = 60,
	TRANSFER_OVER_CEILING = 61,
	TRANSFER_TOTAL_TOO_LARGE = 62,
};

enum hold_refusal {
	HOLD_OK = 0,
	HOLD_ID_MALFORMED = 20,
	HOLD_ID_TOO_OLD = 21,
	HOLD_ID_IN_FUTURE = 22,
	HOLD_ADDRESS_MALFORMED = 30,
	HOLD_ADDRESS_OTHER_CITY = 31,
	HOLD_AMOUNT_NOT_POSITIVE = 32,
	HOLD_AMOUNT_TOO_LARGE = 33,
	HOLD_KIND_UNKNOWN = 34,
	HOLD_REFERENCE_MALFORMED = 35,
	HOLD_MEMO_INVALID = 36,
	HOLD_SAME_ACCOUNT = 37,
	HOLD_EXPIRY_PAST = 38,
	HOLD_EXPIRY_TOO_FAR = 39,
	HOLD_ID_CONFLICT = 40,
	HOLD_DEBIT_ACCOUNT_UNKNOWN = 50,
	HOLD_CREDIT_ACCOUNT_UNKNOWN = 51,
	HOLD_DEBIT_ACCOUNT_CLOSED = 52,
	HOLD_CREDIT_ACCOUNT_CLOSED = 53,
	HOLD_DEBIT_ACCOUNT_FROZEN = 54,
	HOLD_CREDIT_ACCOUNT_FROZEN = 55,
	HOLD_HOLD_UNKNOWN = 56,
	HOLD_HOLD_POSTED = 57,
	HOLD_HOLD_VOIDED = 58,
	HOLD_HOLD_EXPIRED = 59,
	HOLD_OVER_LIMIT = 60,
	HOLD_OVER_CEILING = 61,
	HOLD_TOTAL_TOO_LARGE = 62,
	HOLD_AMOUNT_OVER_HOLD = 64,
	HOLD_TOO_MANY_HOLDS = 65,
};

enum account_refusal {
	ACCOUNT_OK = 0,
	ACCOUNT_ID_MALFORMED = 20,
	ACCOUNT_ID_TOO_OLD = 21,
	ACCOUNT_ID_IN_FUTURE = 22,
	ACCOUNT_ADDRESS_MALFORMED = 30,
	ACCOUNT_ADDRESS_OTHER_CITY = 31,
	ACCOUNT_NAME_RESERVED = 32,
	ACCOUNT_LIMIT_OUT_OF_RANGE = 33,
	ACCOUNT_CEILING_OUT_OF_RANGE = 34,
	ACCOUNT_REASON_INVALID = 35,
	ACCOUNT_DISPLAY_NAME_INVALID = 36,
	ACCOUNT_ID_CONFLICT = 40,
	ACCOUNT_ADDRESS_TAKEN = 41,
	ACCOUNT_ACCOUNT_UNKNOWN = 50,
	ACCOUNT_ACCOUNT_CLOSED = 52,
	ACCOUNT_ALREADY_FROZEN = 54,
	ACCOUNT_NOT_FROZEN = 55,
	ACCOUNT_BALANCE_NOT_ZERO = 60,
	ACCOUNT_HOLDS_OPEN = 61,
	ACCOUNT_TOO_MANY_ACCOUNTS = 62,
};

/* Of a payment to another city, before it leaves this one. */
enum payment_refusal {
	PAYMENT_OK = 0,
	PAYMENT_ID_MALFORMED = 20,
	PAYMENT_ID_TOO_OLD = 21,
	PAYMENT_ID_IN_FUTURE = 22,
	PAYMENT_ADDRESS_MALFORMED = 30,
	PAYMENT_ADDRESS_OTHER_CITY = 31,
	PAYMENT_AMOUNT_NOT_POSITIVE = 32,
	PAYMENT_AMOUNT_TOO_LARGE = 33,
	PAYMENT_LOCK_MALFORMED = 34,
	PAYMENT_REFERENCE_MALFORMED = 35,
	PAYMENT_MEMO_INVALID = 36,
	PAYMENT_PAYEE_MALFORMED = 37,
	PAYMENT_PAYEE_CITY_HERE = 38,
	PAYMENT_ID_CONFLICT = 40,
	PAYMENT_DEBIT_ACCOUNT_UNKNOWN = 50,

	PAYMENT_DEBIT_ACCOUNT_CLOSED = 52,
	PAYMENT_DEBIT_ACCOUNT_FROZEN = 54,
	PAYMENT_PAYMENT_UNKNOWN = 56,
	PAYMENT_OVER_LIMIT = 60,
	PAYMENT_TOTAL_TOO_LARGE = 62,
	PAYMENT_PAYEE_CITY_UNKNOWN = 63,
	PAYMENT_TOO_MANY_PAYMENTS = 65,
	PAYMENT_NO_ROUTE = 66,
	PAYMENT_RECOVERING = 67,
	PAYMENT_REQUEST_UNKNOWN = 68,
	PAYMENT_REQUEST_ENDED = 69,
};

/* Of what people do to a link. */
enum link_refusal {
	LINK_OK = 0,
	LINK_ID_MALFORMED = 20,
	LINK_ID_TOO_OLD = 21,
	LINK_ID_IN_FUTURE = 22,
	LINK_LINE_OUT_OF_RANGE = 33,
	LINK_REASON_INVALID = 35,
	LINK_ID_CONFLICT = 40,
	LINK_LINK_UNKNOWN = 50,
	LINK_ALREADY_FROZEN = 54,
	LINK_NOT_FROZEN = 55,
	LINK_ALREADY_PAUSED = 56,
	LINK_NOT_PAUSED = 57,
	LINK_NOT_RECONCILED = 60,
	LINK_LOG_FULL = 65,
};

/* What kind of status a refusal becomes when it ends a whole request. */
enum refusal_class {
	REFUSAL_SHAPE,	      /* INVALID_ARGUMENT */
	REFUSAL_UNKNOWN,      /* NOT_FOUND */
	REFUSAL_TAKEN,	      /* ALREADY_EXISTS */
	REFUSAL_PRECONDITION, /* FAILED_PRECONDITION */
};

struct refusal {
	uint32_t number;
	const char *name;     /* "OVER_LIMIT": without the family's prefix */
	const char *sentence; /* for a person; says what to do */
	enum refusal_class class;
	bool retry; /* may the same command succeed later? */
};

struct refusal_family {
	const char *name; /* "TransferRefusal" */
	const struct refusal *refusals;
	uint32_t count;
};

extern const struct refusal_family transfer_refusals;
extern const struct refusal_family hold_refusals;
extern const struct refusal_family account_refusals;
extern const struct refusal_family payment_refusals;
extern const struct refusal_family link_refusals;

/* refusal_find: the entry for @number (> 0), which must be in @family. */
const struct refusal *refusal_find(const struct refusal_family *family,
				   uint32_t number);

#endif
