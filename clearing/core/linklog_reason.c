/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Why a promise was waived, in words (rule PEER-27). */
#include "core/linklog.h"

struct reason {
	const char *name;
	const char *sentence;
	bool retry;
};

static const struct reason reasons[LINK_REASON_COUNT] = {
	[LINK_REASON_NONE] = { "NONE", "It was not refused.", false },
	[LINK_REASON_WRONG_FEDERATION] = { "WRONG_FEDERATION",
					   "The payment is of another "
					   "federation.",
					   false },
	[LINK_REASON_BAD_PATH] = { "BAD_PATH",
				   "The way it names is none from payer to "
				   "payee.",
				   false },
	[LINK_REASON_NOT_ON_PATH] = { "NOT_ON_PATH",
				      "It came to a city that is not next on "
				      "its way.",
				      false },
	[LINK_REASON_AMOUNT_RANGE] = { "AMOUNT_RANGE",
				       "The amount is zero or too large.",
				       false },
	[LINK_REASON_ID_CONFLICT] = { "ID_CONFLICT",
				      "A payment with this id came by before.",
				      false },
	[LINK_REASON_ID_TOO_OLD] = { "ID_TOO_OLD",
				     "Its id is outside the time that the city "
				     "remembers.",
				     false },
	[LINK_REASON_CITY_GONE] = { "CITY_GONE",
				    "A city of the way has left the "
				    "federation.",
				    false },
	[LINK_REASON_FROZEN] = { "FROZEN",
				 "The link there is frozen: try again when it "
				 "is not.",
				 true },
	[LINK_REASON_LATE] = { "LATE",
			       "The time to decide had passed: pay again.",
			       false },
	[LINK_REASON_LINE] = { "LINE",
			       "The credit line between two cities of the way "
			       "is used up: pay less, or try again after a "
			       "round.",
			       true },
	[LINK_REASON_TOO_MANY_PENDING] = { "TOO_MANY_PENDING",
					   "Too much is under way between two "
					   "cities: try again in a moment.",
					   true },
	[LINK_REASON_NO_LINK] = { "NO_LINK",
				  "A city of the way has no link with the "
				  "next.",
				  false },
	[LINK_REASON_LINK_DOWN] = { "LINK_DOWN",
				    "A city of the way cannot reach the next "
				    "one now: try again later.",
				    true },
	[LINK_REASON_NEXT_FROZEN] = { "NEXT_FROZEN",
				      "A link on the way is frozen: try again "
				      "when it is not.",
				      true },
	[LINK_REASON_NEXT_BUSY] = { "NEXT_BUSY",
				    "A link on the way is full: pay less, or "
				    "try again later.",
				    true },
	[LINK_REASON_PAYEE_UNKNOWN] = { "PAYEE_UNKNOWN",
					"The payee has no such account: check "
					"the address.",
					false },
	[LINK_REASON_PAYEE_CLOSED] = { "PAYEE_CLOSED",
				       "The payee's account is closed: ask for "
				       "another one.",
				       false },
	[LINK_REASON_PAYEE_CEILING] = { "PAYEE_CEILING",
					"The payee would go above its balance "
					"ceiling: pay less, or let the payee "
					"spend first.",
					true },
	[LINK_REASON_PAYEE_DECLINED] = { "PAYEE_DECLINED",
					 "The payee's account takes no "
					 "payments now.",
					 false },
	[LINK_REASON_CANCELLED] = { "CANCELLED", "It was cancelled.", false },
	[LINK_REASON_ROUND_ABORTED] = { "ROUND_ABORTED",
					"The clearing round was given up.",
					false },
};

const char *link_reason_name(uint32_t reason)
{
	return reason < LINK_REASON_COUNT ? reasons[reason].name : "UNKNOWN";
}

const char *link_reason_sentence(uint32_t reason)
{
	return reason < LINK_REASON_COUNT
		       ? reasons[reason].sentence
		       : "A reason that this city does not know.";
}

bool link_reason_retry(uint32_t reason)
{
	return reason < LINK_REASON_COUNT && reasons[reason].retry;
}
