/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "sim/sim_roster.h"

#include <string.h>

#include "sim/sim_city.h"
#include "sim/sim_crypto.h"

static const struct slice names[SIM_CITIES_MAX] = {
	{ (const uint8_t *)"aarau", 5 }, { (const uint8_t *)"bern", 4 },
	{ (const uint8_t *)"chur", 4 },	 { (const uint8_t *)"davos", 5 },
	{ (const uint8_t *)"erlen", 5 }, { (const uint8_t *)"fribourg", 8 },
	{ (const uint8_t *)"genf", 4 },
};

void sim_roster_random(uint8_t *bytes, size_t size)
{
	sim_random_fill(&sim_running()->engine, bytes, size);
}

sha256_function *sim_roster_hash(const struct sim *sim)
{
	return sim->plan.real_hash ? sim_crypto_sha256 : sim_crypto_hash;
}

static uint64_t some_line(struct sim *sim)
{
	static const uint64_t lines[] = { 0, 300, 1000, 4000, 20000, 1000000 };

	if (sim->plan.line_most > 0)
		return sim_random_below(&sim->random, sim->plan.line_most);
	return lines[sim_random_below(&sim->random,
				      sizeof(lines) / sizeof(lines[0]))];
}

static void link_up(struct sim *sim, uint32_t a, uint32_t b)
{
	sim->linked[a][b] = sim->linked[b][a] = true;
	sim->lines[a][b] = some_line(sim);
	sim->lines[b][a] = some_line(sim);
	sim->line_highest[a][b] = sim->lines[a][b];
	sim->line_highest[b][a] = sim->lines[b][a];
}

void sim_roster_make(struct sim *sim)
{
	uint32_t count = sim->plan.cities;

	for (uint32_t i = 0; i < count; i++)
		sim->cities[i].name = names[i];
	/* A tree, so that everybody can be reached; then some more. */
	for (uint32_t i = 1; i < count; i++)
		link_up(sim, i, (uint32_t)sim_random_below(&sim->random, i));
	for (uint32_t i = 0; i < count; i++) {
		uint32_t a = (uint32_t)sim_random_below(&sim->random, count);
		uint32_t b = (uint32_t)sim_random_below(&sim->random, count);

		if (a != b && !sim->linked[a][b])
			link_up(sim, a, b);
	}
}

static uint64_t version(void *context)
{
	const struct sim_city *city = context;

	return city->roster_version;
}

static bool neighbour(void *context, uint32_t index, struct slice *out)
{
	const struct sim_city *city = context;
	const struct sim *sim = city->sim;

	for (uint32_t i = 0; i < sim->plan.cities; i++) {
		if (!sim->linked[city->number][i])
			continue;
		if (index-- == 0) {
			*out = sim->cities[i].name;
			return true;
		}
	}
	return false;
}

static bool key(void *context, struct slice name, struct slice key_id,
		uint8_t out[NODE_KEY_SIZE])
{
	const struct sim_city *city = context;
	uint32_t other = sim_city_of(city->sim, name);

	if (other == SIM_NONE || key_id.size != 2 || key_id.data[0] != 'k' ||
	    key_id.data[1] < '1' || key_id.data[1] > '3')
		return false;
	sim_crypto_key(other, (uint32_t)(key_id.data[1] - '0'), out);
	return true;
}

static bool known(void *context, struct slice name)
{
	const struct sim_city *city = context;

	return sim_city_of(city->sim, name) != SIM_NONE;
}

static bool says_gone(const struct sim_city *city, uint32_t other)
{
	uint64_t version = city->sim->cities[other].gone_version;

	return version > 0 && version <= city->roster_version;
}

static bool gone(void *context, struct slice name)
{
	const struct sim_city *city = context;
	uint32_t other = sim_city_of(city->sim, name);

	return other != SIM_NONE && says_gone(city, other);
}

static uint32_t in_flight_per_mille(void *context, struct slice name)
{
	const struct sim_city *city = context;
	uint32_t other = sim_city_of(city->sim, name);

	return (city->number + other) % 2 == 0 ? 500 : 1000;
}

static uint64_t line_minor(void *context, struct slice name)
{
	const struct sim_city *city = context;
	uint32_t other = sim_city_of(city->sim, name);

	return other == SIM_NONE ? 0 : city->sim->lines[city->number][other];
}

static bool is_excluded(const struct sim *sim, uint32_t from, uint32_t to,
			const struct peer_hop *excluded, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (slice_equal(sim->cities[from].name,
				slice_of(excluded[i].from,
					 excluded[i].from_size)) &&
		    slice_equal(sim->cities[to].name,
				slice_of(excluded[i].to, excluded[i].to_size)))
			return true;
	}
	return false;
}

/* A shortest way; from time to time it is begun by a detour. */
static uint32_t find_way(struct sim_city *city, uint32_t to,
			 const struct peer_hop *excluded, uint32_t count,
			 uint32_t before[SIM_CITIES_MAX])
{
	struct sim *sim = city->sim;
	uint32_t queue[SIM_CITIES_MAX], first = 0, last = 0;
	uint32_t shift =
		(uint32_t)sim_random_below(&sim->engine, sim->plan.cities);

	for (uint32_t i = 0; i < SIM_CITIES_MAX; i++)
		before[i] = SIM_NONE;
	before[city->number] = city->number;
	queue[last++] = city->number;
	while (first < last && before[to] == SIM_NONE) {
		uint32_t at = queue[first++];

		for (uint32_t i = 0; i < sim->plan.cities; i++) {
			uint32_t next = (i + shift) % sim->plan.cities;

			if (!sim->linked[at][next] ||
			    before[next] != SIM_NONE || says_gone(city, next) ||
			    is_excluded(sim, at, next, excluded, count))
				continue;
			before[next] = at;
			queue[last++] = next;
		}
	}
	return before[to];
}

static uint32_t route(void *context, struct slice name, uint64_t amount_minor,
		      const struct peer_hop *excluded, uint32_t excluded_count,
		      struct slice path[LINKLOG_PATH_MAX])
{
	struct sim_city *city = context;
	struct sim *sim = city->sim;
	uint32_t to = sim_city_of(sim, name), before[SIM_CITIES_MAX];
	uint32_t backwards[SIM_CITIES_MAX], count = 0;

	(void)amount_minor;
	if (to == SIM_NONE || to == city->number ||
	    find_way(city, to, excluded, excluded_count, before) == SIM_NONE)
		return 0;
	while (to != city->number) {
		backwards[count++] = to;
		to = before[to];
	}
	path[0] = city->name;
	for (uint32_t i = 0; i < count; i++)
		path[i + 1] = sim->cities[backwards[count - 1 - i]].name;
	return count + 1;
}

struct peer_directory sim_roster_directory(struct sim_city *city)
{
	return (struct peer_directory){
		.context = city,
		.version = version,
		.neighbour = neighbour,
		.key = key,
		.any_key = key,
		.known = known,
		.gone = gone,
		.in_flight_per_mille = in_flight_per_mille,
		.line_minor = line_minor,
		.route = route,
	};
}
