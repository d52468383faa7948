/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "core/refusal.h"

#include "base/check.h"

#define RETRY true
#define FINAL false

/* The same word says the same in each family. */

#define SAY_ID_MALFORMED                                               \
	"The id is not a UUIDv7 of 16 bytes: make one with 'clearctl " \
	"id' or a UUID library."
#define SAY_ID_TOO_OLD                                                   \
	"The id is older than this city remembers ids: look up whether " \
	"it was carried out, and if not, send it again with a fresh id."
#define SAY_ID_IN_FUTURE                                              \
	"The id's time is more than 60 seconds ahead of this city's " \
	"clock: set your clock, or send it again later."
#define SAY_ADDRESS_MALFORMED                                           \
	"The account is not named by an id or by coop[/purpose]@city: " \
	"correct the address."
#define SAY_ADDRESS_OTHER_CITY                                     \
	"The address is of another city: this node keeps its own " \
	"city's accounts alone, ask that city's node."
#define SAY_AMOUNT_NOT_POSITIVE                                       \
	"The amount is zero or negative: give an amount of at least " \
	"one minor unit."
#define SAY_AMOUNT_TOO_LARGE                                             \
	"The amount is above 9,007,199,254,740,991 minor units: give a " \
	"smaller one."
#define SAY_KIND_UNKNOWN                                               \
	"The kind of transfer does not exist or cannot be asked for: " \
	"use one of the kinds 1 to 6."
#define SAY_REFERENCE_MALFORMED                                            \
	"The reference has a wrong size, or is not the id of the payment " \
	"request: leave it out or give a UUID of your own."
#define SAY_MEMO_INVALID                                                \
	"The memo is longer than 140 bytes, not UTF-8, or has control " \
	"characters: shorten or correct it."
#define SAY_SAME_ACCOUNT "Payer and payee are the same account: name two."
#define SAY_ID_CONFLICT                                                 \
	"The id was already used for something else: send this with a " \
	"fresh id."
#define SAY_DEBIT_ACCOUNT_UNKNOWN \
	"The payer's account does not exist: check its address or id."
#define SAY_CREDIT_ACCOUNT_UNKNOWN \
	"The payee's account does not exist: check its address or id."
#define SAY_DEBIT_ACCOUNT_CLOSED                                    \
	"The payer's account is closed for good: pay from another " \
	"account."
#define SAY_CREDIT_ACCOUNT_CLOSED                                    \
	"The payee's account is closed for good: ask the payee for " \
	"another account."
#define SAY_DEBIT_ACCOUNT_FROZEN                                       \
	"The payer's account is frozen: ask the city's operator why, " \
	"and send it again when it is unfrozen."
#define SAY_CREDIT_ACCOUNT_FROZEN                                      \
	"The payee's account is frozen: ask the city's operator why, " \
	"and send it again when it is unfrozen."
#define SAY_OVER_LIMIT                                               \
	"The payer would go below its credit limit: pay less, sell " \
	"something first, or ask the treasurer for a higher limit."
#define SAY_OVER_CEILING                                               \
	"The payee would go above its balance ceiling: pay less, or "  \
	"let the payee spend first or ask the treasurer for a higher " \
	"ceiling."
#define SAY_TOTAL_TOO_LARGE                                              \
	"A growing total of the account would leave the exact range of " \
	"2^53 - 1 minor units: open a new account and go on with it."
#define SAY_LINKED_OPEN                                                  \
	"The last item is linked to a next one that is not there: send " \
	"the whole group in one request."
#define SAY_LINKED_FAILED                                            \
	"Another item of its linked group was refused, so none was " \
	"carried out: see that item's refusal."
#define SAY_EXPIRY_PAST "It would expire in the past: give a later expiry."
#define SAY_EXPIRY_TOO_FAR \
	"It would expire more than 366 days ahead: give an earlier expiry."
#define SAY_HOLD_UNKNOWN                                             \
	"There is no hold with this id: check the id it was placed " \
	"with."
#define SAY_HOLD_POSTED                                                 \
	"The hold was posted already: look at it to see for how much; " \
	"to move more, make a transfer."
#define SAY_HOLD_VOIDED "The hold was voided: ask the payer for a new one."
#define SAY_HOLD_EXPIRED "The hold has expired: ask the payer for a new one."
#define SAY_TOO_MANY_HOLDS                                              \
	"This city has as many open holds as its node is configured "   \
	"for: send it again when some have ended, or ask the operator " \
	"for room."
#define SAY_AMOUNT_OVER_HOLD                                           \
	"The amount is above that of the hold: post at most what was " \
	"held."
#define SAY_PAYMENT_PENDING                                               \
	"The hold stands behind a payment to another city: it ends when " \
	"the payment does."
#define SAY_NAME_RESERVED                                                \
	"The coop names 'city' and 'link' are reserved: choose another " \
	"name."
#define SAY_LIMIT_OUT_OF_RANGE                                           \
	"The credit limit is below zero or above what may be set: give " \
	"another one."
#define SAY_CEILING_OUT_OF_RANGE                                       \
	"The balance ceiling is below zero or above what may be set: " \
	"give another one."
#define SAY_REASON_INVALID                                             \
	"The reason is missing, longer than 140 bytes, not UTF-8, or " \
	"has control characters: say in one line why."
#define SAY_DISPLAY_NAME_INVALID                                       \
	"The display name is longer than 80 bytes, not UTF-8, or has " \
	"control characters: shorten or correct it."
#define SAY_ADDRESS_TAKEN                                             \
	"The address is or was another account's, and is never used " \
	"again: choose another one."
#define SAY_ACCOUNT_UNKNOWN \
	"The account does not exist: check its address or id."
#define SAY_ACCOUNT_CLOSED "The account is closed for good: open a new one."
/* Of an account, or of a link, which its two cities freeze each for itself. */
#define SAY_ALREADY_FROZEN "It is frozen here already: there is nothing to do."
#define SAY_NOT_FROZEN                                                    \
	"It is not frozen here: there is nothing to do; a link that the " \
	"neighbour froze is unfrozen there."
#define SAY_BALANCE_NOT_ZERO                                      \
	"The account's balance is not zero: bring it to zero by " \
	"transfers, then close it."
#define SAY_HOLDS_OPEN                                                \
	"The account takes part in open holds: post or void them or " \
	"let them expire, then close it."
#define SAY_TOO_MANY_ACCOUNTS                                            \
	"This city has as many accounts as its node is configured for: " \
	"ask the operator to raise limits.accounts_max."

#define SAY_LOCK_MALFORMED \
	"The lock is neither empty nor 32 bytes: give the SHA-256 of the key."
#define SAY_PAYEE_MALFORMED                                           \
	"The payee is not named by coop[/purpose]@city: correct the " \
	"address."
#define SAY_PAYEE_CITY_HERE                                             \
	"The payee is in this city: post a transfer, which is done at " \
	"once."
#define SAY_PAYEE_RESERVED                                                  \
	"The payee is an account of its city's own, city/... or link/..., " \
	"which takes no payments: name a coop's account."
#define SAY_PAYEE_CITY_UNKNOWN                                             \
	"The payee's city is not in the federation's roster, or is gone: " \
	"check the address."
#define SAY_PAYMENT_UNKNOWN                                            \
	"There is no payment with this id: check the id it was asked " \
	"for with."
#define SAY_PAYMENT_ENDED                                               \
	"The payment has ended, or its time to be decided has passed: " \
	"look at it to see how."
#define SAY_KEY_WRONG                                                     \
	"The payment has no lock that this key opens: ask the payer for " \
	"the key."
#define SAY_DECIDE_BY_WRONG                                            \
	"A payment is decided within 30 days from now, and without a " \
	"lock as soon as may be: correct decide_by_us or leave it out."
#define SAY_TOO_MANY_PAYMENTS                                             \
	"This city has as many payments under way as its node is "        \
	"configured for: send it again when some have ended, or ask the " \
	"operator to raise limits.payments_max."
#define SAY_NO_ROUTE                                                    \
	"No way of open links to the payee's city has room for this "   \
	"amount: pay less, or ask the treasurer to have a line raised " \
	"or a round cleared."
#define SAY_RECOVERING                                                \
	"This city was restored and is comparing its links with its " \
	"neighbours: send it again when that is done."
#define SAY_REQUEST_UNKNOWN                                               \
	"There is no payment request with this id: check the id, or ask " \
	"the payee for a new one."
#define SAY_REQUEST_ENDED                                             \
	"The payment request was paid, declined or has expired: ask " \
	"the payee for a new one."
#define SAY_REQUEST_DIFFERS                                              \
	"Payer, payee or amount is not the payment request's: leave it " \
	"out, or give what was asked for."
#define SAY_REQUEST_UNDER_WAY                                            \
	"A payment of this request is under way: wait for its end, and " \
	"pay again if it is refused."
#define SAY_PAYER_CITY_UNKNOWN                                             \
	"The payer's city is not in the federation's roster, or is gone: " \
	"check the address."
#define SAY_LINE_OUT_OF_RANGE                                          \
	"The line is below zero or above 9,007,199,254,740,991 minor " \
	"units: give another one."
#define SAY_LINK_UNKNOWN \
	"This city has no link with that one: check the city's name."
#define SAY_ALREADY_PAUSED "The link is paused already: there is nothing to do."
#define SAY_NOT_PAUSED "The link is not paused: there is nothing to do."
#define SAY_NOT_RECONCILED                                              \
	"The link has not been compared with the neighbour since this " \
	"node started: send it again when it is reconciled."
#define SAY_NOT_CONFIRMED                                              \
	"Ask the neighbour's operator whether that city was restored " \
	"meanwhile, and confirm that it was not."
#define SAY_NOT_STOPPED                                              \
	"The link is not stopped: withdraw only what the neighbour " \
	"refuses for good."
#define SAY_LOG_FULL                                                      \
	"The link's log takes no more until the neighbour has answered: " \
	"send it again later."

#define REFUSAL(family, word, class_, retry_)                      \
	{                                                          \
		.number = family##_##word, .name = #word,          \
		.sentence = SAY_##word, .class = REFUSAL_##class_, \
		.retry = (retry_),                                 \
	}

#define COUNT_OF(array) (uint32_t)(sizeof(array) / sizeof((array)[0]))

static const struct refusal transfer_table[] = {
	REFUSAL(TRANSFER, LINKED_OPEN, SHAPE, FINAL),
	REFUSAL(TRANSFER, LINKED_FAILED, PRECONDITION, RETRY),
	REFUSAL(TRANSFER, ID_MALFORMED, SHAPE, FINAL),
	REFUSAL(TRANSFER, ID_TOO_OLD, PRECONDITION, FINAL),
	REFUSAL(TRANSFER, ID_IN_FUTURE, PRECONDITION, RETRY),
	REFUSAL(TRANSFER, ADDRESS_MALFORMED, SHAPE, FINAL),
	REFUSAL(TRANSFER, ADDRESS_OTHER_CITY, SHAPE, FINAL),
	REFUSAL(TRANSFER, AMOUNT_NOT_POSITIVE, SHAPE, FINAL),
	REFUSAL(TRANSFER, AMOUNT_TOO_LARGE, SHAPE, FINAL),
	REFUSAL(TRANSFER, KIND_UNKNOWN, UNKNOWN, FINAL),
	REFUSAL(TRANSFER, REFERENCE_MALFORMED, SHAPE, FINAL),
	REFUSAL(TRANSFER, MEMO_INVALID, SHAPE, FINAL),
	REFUSAL(TRANSFER, SAME_ACCOUNT, SHAPE, FINAL),
	REFUSAL(TRANSFER, ID_CONFLICT, TAKEN, FINAL),
	REFUSAL(TRANSFER, DEBIT_ACCOUNT_UNKNOWN, UNKNOWN, FINAL),
	REFUSAL(TRANSFER, CREDIT_ACCOUNT_UNKNOWN, UNKNOWN, FINAL),
	REFUSAL(TRANSFER, DEBIT_ACCOUNT_CLOSED, PRECONDITION, FINAL),
	REFUSAL(TRANSFER, CREDIT_ACCOUNT_CLOSED, PRECONDITION, FINAL),
	REFUSAL(TRANSFER, DEBIT_ACCOUNT_FROZEN, PRECONDITION, RETRY),
	REFUSAL(TRANSFER, CREDIT_ACCOUNT_FROZEN, PRECONDITION, RETRY),
	REFUSAL(TRANSFER, OVER_LIMIT, PRECONDITION, RETRY),
	REFUSAL(TRANSFER, OVER_CEILING, PRECONDITION, RETRY),
	REFUSAL(TRANSFER, TOTAL_TOO_LARGE, PRECONDITION, FINAL),
};

static const struct refusal hold_table[] = {
	REFUSAL(HOLD, ID_MALFORMED, SHAPE, FINAL),
	REFUSAL(HOLD, ID_TOO_OLD, PRECONDITION, FINAL),
	REFUSAL(HOLD, ID_IN_FUTURE, PRECONDITION, RETRY),
	REFUSAL(HOLD, ADDRESS_MALFORMED, SHAPE, FINAL),
	REFUSAL(HOLD, ADDRESS_OTHER_CITY, SHAPE, FINAL),
	REFUSAL(HOLD, AMOUNT_NOT_POSITIVE, SHAPE, FINAL),
	REFUSAL(HOLD, AMOUNT_TOO_LARGE, SHAPE, FINAL),
	REFUSAL(HOLD, KIND_UNKNOWN, UNKNOWN, FINAL),
	REFUSAL(HOLD, REFERENCE_MALFORMED, SHAPE, FINAL),
	REFUSAL(HOLD, MEMO_INVALID, SHAPE, FINAL),
	REFUSAL(HOLD, SAME_ACCOUNT, SHAPE, FINAL),
	REFUSAL(HOLD, EXPIRY_PAST, SHAPE, FINAL),
	REFUSAL(HOLD, EXPIRY_TOO_FAR, SHAPE, FINAL),
	REFUSAL(HOLD, ID_CONFLICT, TAKEN, FINAL),
	REFUSAL(HOLD, DEBIT_ACCOUNT_UNKNOWN, UNKNOWN, FINAL),
	REFUSAL(HOLD, CREDIT_ACCOUNT_UNKNOWN, UNKNOWN, FINAL),
	REFUSAL(HOLD, DEBIT_ACCOUNT_CLOSED, PRECONDITION, FINAL),
	REFUSAL(HOLD, CREDIT_ACCOUNT_CLOSED, PRECONDITION, FINAL),
	REFUSAL(HOLD, DEBIT_ACCOUNT_FROZEN, PRECONDITION, RETRY),
	REFUSAL(HOLD, CREDIT_ACCOUNT_FROZEN, PRECONDITION, RETRY),
	REFUSAL(HOLD, HOLD_UNKNOWN, UNKNOWN, FINAL),
	REFUSAL(HOLD, HOLD_POSTED, PRECONDITION, FINAL),
	REFUSAL(HOLD, HOLD_VOIDED, PRECONDITION, FINAL),
	REFUSAL(HOLD, HOLD_EXPIRED, PRECONDITION, FINAL),
	REFUSAL(HOLD, OVER_LIMIT, PRECONDITION, RETRY),
	REFUSAL(HOLD, OVER_CEILING, PRECONDITION, RETRY),
	REFUSAL(HOLD, TOTAL_TOO_LARGE, PRECONDITION, FINAL),
	REFUSAL(HOLD, AMOUNT_OVER_HOLD, PRECONDITION, FINAL),
	REFUSAL(HOLD, TOO_MANY_HOLDS, PRECONDITION, RETRY),
	REFUSAL(HOLD, PAYMENT_PENDING, PRECONDITION, FINAL),
};

static const struct refusal account_table[] = {
	REFUSAL(ACCOUNT, ID_MALFORMED, SHAPE, FINAL),
	REFUSAL(ACCOUNT, ID_TOO_OLD, PRECONDITION, FINAL),
	REFUSAL(ACCOUNT, ID_IN_FUTURE, PRECONDITION, RETRY),
	REFUSAL(ACCOUNT, ADDRESS_MALFORMED, SHAPE, FINAL),
	REFUSAL(ACCOUNT, ADDRESS_OTHER_CITY, SHAPE, FINAL),
	REFUSAL(ACCOUNT, NAME_RESERVED, SHAPE, FINAL),
	REFUSAL(ACCOUNT, LIMIT_OUT_OF_RANGE, SHAPE, FINAL),
	REFUSAL(ACCOUNT, CEILING_OUT_OF_RANGE, SHAPE, FINAL),
	REFUSAL(ACCOUNT, REASON_INVALID, SHAPE, FINAL),
	REFUSAL(ACCOUNT, DISPLAY_NAME_INVALID, SHAPE, FINAL),
	REFUSAL(ACCOUNT, ID_CONFLICT, TAKEN, FINAL),
	REFUSAL(ACCOUNT, ADDRESS_TAKEN, TAKEN, FINAL),
	REFUSAL(ACCOUNT, ACCOUNT_UNKNOWN, UNKNOWN, FINAL),
	REFUSAL(ACCOUNT, ACCOUNT_CLOSED, PRECONDITION, FINAL),
	REFUSAL(ACCOUNT, ALREADY_FROZEN, PRECONDITION, FINAL),
	REFUSAL(ACCOUNT, NOT_FROZEN, PRECONDITION, FINAL),
	REFUSAL(ACCOUNT, BALANCE_NOT_ZERO, PRECONDITION, RETRY),
	REFUSAL(ACCOUNT, HOLDS_OPEN, PRECONDITION, RETRY),
	REFUSAL(ACCOUNT, TOO_MANY_ACCOUNTS, PRECONDITION, FINAL),
};

static const struct refusal payment_table[] = {
	REFUSAL(PAYMENT, ID_MALFORMED, SHAPE, FINAL),
	REFUSAL(PAYMENT, ID_TOO_OLD, PRECONDITION, FINAL),
	REFUSAL(PAYMENT, ID_IN_FUTURE, PRECONDITION, RETRY),
	REFUSAL(PAYMENT, ADDRESS_MALFORMED, SHAPE, FINAL),
	REFUSAL(PAYMENT, ADDRESS_OTHER_CITY, SHAPE, FINAL),
	REFUSAL(PAYMENT, AMOUNT_NOT_POSITIVE, SHAPE, FINAL),
	REFUSAL(PAYMENT, AMOUNT_TOO_LARGE, SHAPE, FINAL),
	REFUSAL(PAYMENT, LOCK_MALFORMED, SHAPE, FINAL),
	REFUSAL(PAYMENT, REFERENCE_MALFORMED, SHAPE, FINAL),
	REFUSAL(PAYMENT, MEMO_INVALID, SHAPE, FINAL),
	REFUSAL(PAYMENT, PAYEE_MALFORMED, SHAPE, FINAL),
	REFUSAL(PAYMENT, PAYEE_CITY_HERE, SHAPE, FINAL),
	REFUSAL(PAYMENT, PAYEE_RESERVED, SHAPE, FINAL),
	REFUSAL(PAYMENT, ID_CONFLICT, TAKEN, FINAL),
	REFUSAL(PAYMENT, EXPIRY_PAST, SHAPE, FINAL),
	REFUSAL(PAYMENT, EXPIRY_TOO_FAR, SHAPE, FINAL),
	REFUSAL(PAYMENT, DEBIT_ACCOUNT_UNKNOWN, UNKNOWN, FINAL),
	REFUSAL(PAYMENT, CREDIT_ACCOUNT_UNKNOWN, UNKNOWN, FINAL),
	REFUSAL(PAYMENT, DEBIT_ACCOUNT_CLOSED, PRECONDITION, FINAL),
	REFUSAL(PAYMENT, CREDIT_ACCOUNT_CLOSED, PRECONDITION, FINAL),
	REFUSAL(PAYMENT, DEBIT_ACCOUNT_FROZEN, PRECONDITION, RETRY),
	REFUSAL(PAYMENT, PAYMENT_UNKNOWN, UNKNOWN, FINAL),
	REFUSAL(PAYMENT, PAYMENT_ENDED, PRECONDITION, FINAL),
	REFUSAL(PAYMENT, KEY_WRONG, PRECONDITION, FINAL),
	REFUSAL(PAYMENT, OVER_LIMIT, PRECONDITION, RETRY),
	REFUSAL(PAYMENT, TOTAL_TOO_LARGE, PRECONDITION, FINAL),
	REFUSAL(PAYMENT, PAYEE_CITY_UNKNOWN, UNKNOWN, FINAL),
	REFUSAL(PAYMENT, DECIDE_BY_WRONG, PRECONDITION, FINAL),
	REFUSAL(PAYMENT, TOO_MANY_PAYMENTS, PRECONDITION, RETRY),
	REFUSAL(PAYMENT, NO_ROUTE, PRECONDITION, RETRY),
	REFUSAL(PAYMENT, RECOVERING, PRECONDITION, RETRY),
	REFUSAL(PAYMENT, REQUEST_UNKNOWN, UNKNOWN, FINAL),
	REFUSAL(PAYMENT, REQUEST_ENDED, PRECONDITION, FINAL),
	REFUSAL(PAYMENT, REQUEST_DIFFERS, PRECONDITION, FINAL),
	REFUSAL(PAYMENT, REQUEST_UNDER_WAY, PRECONDITION, RETRY),
	REFUSAL(PAYMENT, PAYER_CITY_UNKNOWN, UNKNOWN, FINAL),
};

static const struct refusal link_table[] = {
	REFUSAL(LINK, ID_MALFORMED, SHAPE, FINAL),
	REFUSAL(LINK, ID_TOO_OLD, PRECONDITION, FINAL),
	REFUSAL(LINK, ID_IN_FUTURE, PRECONDITION, RETRY),
	REFUSAL(LINK, LINE_OUT_OF_RANGE, SHAPE, FINAL),
	REFUSAL(LINK, REASON_INVALID, SHAPE, FINAL),
	REFUSAL(LINK, NOT_CONFIRMED, SHAPE, FINAL),
	REFUSAL(LINK, ID_CONFLICT, TAKEN, FINAL),
	REFUSAL(LINK, LINK_UNKNOWN, UNKNOWN, FINAL),
	REFUSAL(LINK, ALREADY_FROZEN, PRECONDITION, FINAL),
	REFUSAL(LINK, NOT_FROZEN, PRECONDITION, FINAL),
	REFUSAL(LINK, ALREADY_PAUSED, PRECONDITION, FINAL),
	REFUSAL(LINK, NOT_PAUSED, PRECONDITION, FINAL),
	REFUSAL(LINK, NOT_RECONCILED, PRECONDITION, RETRY),
	REFUSAL(LINK, NOT_STOPPED, PRECONDITION, FINAL),
	REFUSAL(LINK, LOG_FULL, PRECONDITION, RETRY),
};

const struct refusal_family transfer_refusals = {
	.name = "TransferRefusal",
	.refusals = transfer_table,
	.count = COUNT_OF(transfer_table),
};

const struct refusal_family hold_refusals = {
	.name = "HoldRefusal",
	.refusals = hold_table,
	.count = COUNT_OF(hold_table),
};

const struct refusal_family account_refusals = {
	.name = "AccountRefusal",
	.refusals = account_table,
	.count = COUNT_OF(account_table),
};

const struct refusal_family payment_refusals = {
	.name = "PaymentRefusal",
	.refusals = payment_table,
	.count = COUNT_OF(payment_table),
};

const struct refusal_family link_refusals = {
	.name = "LinkRefusal",
	.refusals = link_table,
	.count = COUNT_OF(link_table),
};

const struct refusal *refusal_find(const struct refusal_family *family,
				   uint32_t number)
{
	uint32_t at = 0;

	while (at < family->count && family->refusals[at].number != number)
		at++;
	check(at < family->count);
	return &family->refusals[at];
}
