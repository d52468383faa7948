/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <stdlib.h>
#include <string.h>

#include "core/idwindow.h"
#include "unit/random_block.h"

#define NOW_US UINT64_C(1767225600000000)
#define SECOND_US UINT64_C(1000000)
#define WINDOW_US (600 * SECOND_US)
/* The step by which a full window's start moves; see idwindow.c. */
#define SLOT_US 65536

static const struct siphash_key key = { 1, 2 };

struct fixture {
	struct idwindow window;
	void *memory;
	uint32_t made;
};

static void create(struct fixture *fixture, uint32_t ids_max)
{
	size_t size = idwindow_memory_size(ids_max, WINDOW_US);

	fixture->memory = aligned_alloc(16, size);
	memset(fixture->memory, 0, size);
	fixture->made = 0;
	idwindow_init(&fixture->window, ids_max, WINDOW_US, key,
		      fixture->memory);
}

static struct id id_at(struct fixture *fixture, uint64_t time_us)
{
	uint8_t tail[ID_TAIL_SIZE] = { 0 };

	fixture->made++;
	/* Behind the bytes that version and variant go over. */
	memcpy(tail + 3, &fixture->made, sizeof(fixture->made));
	return id_make(time_us, tail);
}

static struct id add_at(struct fixture *fixture, uint64_t time_us)
{
	struct remembered what = { .id = id_at(fixture, time_us),
				   .content = { 7, fixture->made },
				   .number = fixture->made,
				   .seq = 5,
				   .kind = COMMAND_TRANSFER };

	idwindow_add(&fixture->window, &what);
	return what.id;
}

static void test_idwindow_remembers(void **state)
{
	/* Goal: what was added is found with everything it was. */
	struct fixture f;
	const struct remembered *found;
	struct id a, b, other;

	(void)state;
	create(&f, 100);
	idwindow_advance(&f.window, NOW_US);
	a = add_at(&f, NOW_US);
	b = add_at(&f, NOW_US - 5 * SECOND_US);
	other = id_at(&f, NOW_US);
	found = idwindow_find(&f.window, &b);
	assert_non_null(found);
	assert_true(id_equal(&found->id, &b));
	assert_int_equal(found->number, 2);
	assert_int_equal(found->seq, 5);
	assert_int_equal(found->kind, COMMAND_TRANSFER);
	assert_int_equal(found->content.b, 2);
	assert_non_null(idwindow_find(&f.window, &a));
	assert_null(idwindow_find(&f.window, &other));
	assert_int_equal(idwindow_count(&f.window), 2);
	free(f.memory);
}

static void test_idwindow_place(void **state)
{
	/* Goal: now - window and now + 60 s are inside, one more ms is not
	 * (rule LEDGER-9). */
	static const struct {
		int64_t from_now_ms;
		enum idwindow_place place;
	} cases[] = {
		{ 0, IDWINDOW_INSIDE },
		{ 60000, IDWINDOW_INSIDE },
		{ 60001, IDWINDOW_IN_FUTURE },
		{ -600000, IDWINDOW_INSIDE },
		{ -600001, IDWINDOW_TOO_OLD },
		{ -1767225600000, IDWINDOW_TOO_OLD },
		{ 100000000000000, IDWINDOW_IN_FUTURE },
	};
	struct fixture f;

	(void)state;
	create(&f, 10);
	for (int advanced = 0; advanced < 2; advanced++) {
		for (size_t i = 0; i < COUNT_OF(cases); i++) {
			struct id id = id_at(
				&f, NOW_US + (uint64_t)(cases[i].from_now_ms *
							1000));

			assert_int_equal(idwindow_place(&f.window, &id, NOW_US),
					 cases[i].place);
		}
		idwindow_advance(&f.window, NOW_US);
	}
	free(f.memory);
}

static void test_idwindow_forgets_with_time(void **state)
{
	/* Goal: what left the window is forgotten and its room used again. */
	struct fixture f;
	struct id first, last;

	(void)state;
	create(&f, 50);
	for (uint64_t second = 0; second < 5000; second++) {
		uint64_t now_us = NOW_US + second * 20 * SECOND_US;

		idwindow_advance(&f.window, now_us);
		last = add_at(&f, now_us);
		if (second == 0)
			first = last;
		assert_true(idwindow_count(&f.window) <= 32);
		assert_int_equal(f.window.start_us, now_us - WINDOW_US);
	}
	assert_null(idwindow_find(&f.window, &first));
	assert_non_null(idwindow_find(&f.window, &last));
	/* Never dropped for want of room. */
	assert_true(f.window.entries_used <= 33);
	idwindow_advance(&f.window, NOW_US * 2);
	assert_int_equal(idwindow_count(&f.window), 0);
	free(f.memory);
}

static void test_idwindow_start_never_falls(void **state)
{
	/* Goal: a clock that goes back opens nothing again. */
	struct fixture f;
	struct id old;

	(void)state;
	create(&f, 10);
	idwindow_advance(&f.window, NOW_US);
	idwindow_advance(&f.window, NOW_US - 100 * SECOND_US);
	assert_int_equal(f.window.start_us, NOW_US - WINDOW_US);
	old = id_at(&f, NOW_US - WINDOW_US - SECOND_US);
	assert_int_equal(
		idwindow_place(&f.window, &old, NOW_US - 100 * SECOND_US),
		IDWINDOW_TOO_OLD);
	free(f.memory);
}

static void test_idwindow_full_moves_start(void **state)
{
	/*
	 * Goal: with no room left the oldest go and the start moves above
	 * them: whatever is not remembered is refused.
	 */
	struct fixture f;
	struct id ids[40];

	(void)state;
	create(&f, 16);
	idwindow_advance(&f.window, NOW_US);
	for (uint32_t i = 0; i < 40; i++) {
		ids[i] = add_at(&f, NOW_US + i * SECOND_US);
		for (uint32_t j = 0; j <= i; j++) {
			bool found = idwindow_find(&f.window, &ids[j]) != NULL;
			bool inside = idwindow_place(&f.window, &ids[j],
						     NOW_US + 40 * SECOND_US) ==
				      IDWINDOW_INSIDE;

			assert_int_equal(found, inside);
		}
		assert_non_null(idwindow_find(&f.window, &ids[i]));
	}
	assert_int_equal(idwindow_count(&f.window), 16);
	assert_in_range(f.window.start_us, NOW_US + 23 * SECOND_US,
			NOW_US + 23 * SECOND_US + SLOT_US);
	free(f.memory);
}

static void test_idwindow_full_of_one_moment(void **state)
{
	/*
	 * Goal: when one moment alone fills it, that moment is given up for
	 * refusal, the newcomer with it; fresh ids go on right after it.
	 */
	struct fixture f;
	struct id id;

	(void)state;
	create(&f, 4);
	idwindow_advance(&f.window, NOW_US);
	for (int i = 0; i < 4; i++)
		add_at(&f, NOW_US);
	id = add_at(&f, NOW_US);
	assert_null(idwindow_find(&f.window, &id));
	assert_int_equal(idwindow_place(&f.window, &id, NOW_US),
			 IDWINDOW_TOO_OLD);
	assert_true(f.window.start_us <= NOW_US + SLOT_US);
	/* Taking back what was not kept is nothing to do. */
	idwindow_remove(&f.window, &id);
	id = add_at(&f, NOW_US + SLOT_US);
	assert_non_null(idwindow_find(&f.window, &id));
	free(f.memory);
}

static void test_idwindow_old_is_not_added(void **state)
{
	/* Goal: an id below the start changes nothing, full or not. */
	struct fixture f;
	struct id kept;

	(void)state;
	create(&f, 1);
	idwindow_advance(&f.window, NOW_US);
	kept = add_at(&f, NOW_US);
	(void)add_at(&f, NOW_US - WINDOW_US - SECOND_US);
	assert_int_equal(idwindow_count(&f.window), 1);
	assert_non_null(idwindow_find(&f.window, &kept));
	free(f.memory);
}

static void test_idwindow_remove(void **state)
{
	/* Goal: in any order, an id taken back is as if never added. */
	struct fixture f;
	struct id ids[20];

	(void)state;
	create(&f, 20);
	idwindow_advance(&f.window, NOW_US);
	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < 20; i++)
			ids[i] = add_at(&f, NOW_US + i % 3);
		for (uint32_t i = 0; i < 20; i++) {
			uint32_t which = (i * 7 + (uint32_t)round) % 20;

			idwindow_remove(&f.window, &ids[which]);
			assert_null(idwindow_find(&f.window, &ids[which]));
			assert_int_equal(idwindow_count(&f.window), 19 - i);
		}
	}
	assert_int_equal(f.window.entries_used, 20);
	expect_assert_failure(idwindow_remove(&f.window, &ids[0]));
	free(f.memory);
}

static void test_idwindow_twice_is_an_error(void **state)
{
	/* Goal: who adds a remembered id did not look first. */
	struct fixture f;
	struct remembered what = { .kind = COMMAND_CLOSE };

	(void)state;
	create(&f, 4);
	idwindow_advance(&f.window, NOW_US);
	what.id = add_at(&f, NOW_US);
	expect_assert_failure(idwindow_add(&f.window, &what));
	free(f.memory);
}

static void test_idwindow_frees_little_by_little(void **state)
{
	/*
	 * Goal: however many ids leave the window at once, no step is long;
	 * they are refused at once and freed with the steps that follow.
	 */
	uint64_t now_us = NOW_US + WINDOW_US + SECOND_US;
	uint32_t steps = 0, count = 20000;
	struct fixture f;
	struct id id;

	(void)state;
	create(&f, count);
	idwindow_advance(&f.window, NOW_US);
	for (uint32_t i = 0; i < count; i++)
		id = add_at(&f, NOW_US);
	while (idwindow_count(&f.window) > 0) {
		uint32_t before = idwindow_count(&f.window);

		idwindow_advance(&f.window, now_us);
		assert_null(idwindow_find(&f.window, &id));
		assert_int_equal(idwindow_place(&f.window, &id, now_us),
				 IDWINDOW_TOO_OLD);
		assert_in_range(before - idwindow_count(&f.window), 1, 8192);
		steps++;
	}
	assert_int_equal(steps, 3);
	for (uint32_t i = 0; i < count; i++)
		id = add_at(&f, now_us);
	assert_non_null(idwindow_find(&f.window, &id));
	assert_int_equal(f.window.entries_used, count);
	free(f.memory);
}

/* The model: ids as they were added, and whether they were taken back. */
struct model {
	struct id ids[20000];
	bool removed[20000];
	uint32_t count;
};

/* Remembered, or refused: never neither (unless taken back). */
static void assert_model(const struct fixture *f, const struct model *model,
			 uint64_t now_us)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < model->count; i++) {
		const struct id *id = &model->ids[i];

		if (idwindow_find(&f->window, id) != NULL) {
			assert_false(model->removed[i]);
			found++;
		} else if (!model->removed[i]) {
			assert_int_equal(idwindow_place(&f->window, id, now_us),
					 IDWINDOW_TOO_OLD);
		}
	}
	/* The others there wait to be freed. */
	assert_true(found <= idwindow_count(&f->window));
}

static void test_idwindow_like_a_model(void **state)
{
	/* Goal: random additions, removals and passing time, small memory. */
	static struct model model;
	struct random random = { 11 };
	uint64_t now_us = NOW_US, start_us = 0;
	struct fixture f;

	(void)state;
	create(&f, 300);
	for (uint32_t step = 0; step < 20000; step++) {
		if (random_one_in(&random, 5))
			now_us += random_below(&random, 4 * SECOND_US);
		idwindow_advance(&f.window, now_us);
		assert_true(f.window.start_us >= start_us);
		start_us = f.window.start_us;
		model.ids[step] = add_at(
			&f, now_us + ID_SKEW_US -
				    random_below(&random, 700 * SECOND_US));
		model.count = step + 1;
		if (random_one_in(&random, 10)) {
			if (idwindow_find(&f.window, &model.ids[step]) != NULL)
				model.removed[step] = true;
			idwindow_remove(&f.window, &model.ids[step]);
		}
		if (step % 1000 == 0)
			assert_model(&f, &model, now_us);
	}
	assert_model(&f, &model, now_us);
	free(f.memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_idwindow_remembers),
		cmocka_unit_test(test_idwindow_place),
		cmocka_unit_test(test_idwindow_forgets_with_time),
		cmocka_unit_test(test_idwindow_start_never_falls),
		cmocka_unit_test(test_idwindow_full_moves_start),
		cmocka_unit_test(test_idwindow_full_of_one_moment),
		cmocka_unit_test(test_idwindow_old_is_not_added),
		cmocka_unit_test(test_idwindow_remove),
		cmocka_unit_test(test_idwindow_twice_is_an_error),
		cmocka_unit_test(test_idwindow_frees_little_by_little),
		cmocka_unit_test(test_idwindow_like_a_model),
	};

	return cmocka_run_group_tests_name("idwindow", tests, NULL, NULL);
}
