/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * roster_format: field numbers of roster.proto, shared by the writing and the
 * reading half of its codec.  Private to roster*.c; roster.proto says what
 * each field means.
 */
#ifndef CLEARING_PEER_ROSTER_FORMAT_H
#define CLEARING_PEER_ROSTER_FORMAT_H

/* Fields of SignedRoster and Signature. */
enum {
	SIGNED_ROSTER = 1,
	SIGNED_SIGNATURES = 2,
	SIGNATURE_CITY = 1,
	SIGNATURE_KEY_ID = 2,
	SIGNATURE_BYTES = 3,
};

/* Fields of Roster. */
enum {
	ROSTER_VERSION = 1,
	ROSTER_FEDERATION = 2,
	ROSTER_UNIT = 3,
	ROSTER_DECIMALS = 4,
	ROSTER_PREV_HASH = 5,
	ROSTER_FOUNDERS = 6,
	ROSTER_CITIES = 7,
	ROSTER_LINKS = 8,
};

/* Fields of City. */
enum {
	CITY_NAME = 1,
	CITY_PLACE = 2,
	CITY_LATITUDE = 3,
	CITY_LONGITUDE = 4,
	CITY_BIOREGION = 5,
	CITY_KEYS = 6,
	CITY_CA = 7,
	CITY_ENDPOINT = 8,
	CITY_URI = 9,
	CITY_STATUS = 10,
};

/* Fields of Key and Link. */
enum {
	KEY_ID = 1,
	KEY_BYTES = 2,
	KEY_STATE = 3,
	LINK_A = 1,
	LINK_B = 2,
	LINK_LINE_A = 3,
	LINK_LINE_B = 4,
	LINK_IN_FLIGHT = 5,
};

#endif
