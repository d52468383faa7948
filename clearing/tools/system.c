/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/system.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define FILE_SIZE_MAX (4u << 20)
#define SIGNATURE_SIZE 64

static uint64_t read_clock(clockid_t which)
{
	struct timespec now;
	int failed = clock_gettime(which, &now);

	check(failed == 0);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t system_wall_us(void)
{
	return read_clock(CLOCK_REALTIME);
}

uint64_t system_monotonic_us(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

void system_random(uint8_t *bytes, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t got = getrandom(bytes + done, size - done, 0);

		check(got > 0 || errno == EINTR);
		if (got > 0)
			done += (size_t)got;
	}
}

struct id system_id(void)
{
	uint8_t random[ID_TAIL_SIZE];

	system_random(random, sizeof(random));
	return id_make(system_wall_us(), random);
}

void system_sha256(struct slice bytes, uint8_t out[SHA256_SIZE])
{
	unsigned int size = 0;
	int done = EVP_Digest(bytes.data, bytes.size, out, &size, EVP_sha256(),
			      NULL);

	check(done == 1 && size == SHA256_SIZE);
}

#define LARGE ((size_t)8 << 20)
#define HUGE_PAGE ((size_t)2 << 20)
#define CACHE_LINE ((size_t)64)

void *system_large(size_t size)
{
	size_t unit = size > LARGE ? HUGE_PAGE : CACHE_LINE;
	size_t whole = (size + unit) / unit * unit;
	void *memory = aligned_alloc(unit, whole);

	/* A wish: without it everything works, only slower. */
	if (memory != NULL && size > LARGE)
		(void)madvise(memory, whole, MADV_HUGEPAGE);
	return memory;
}

static char *read_all(int file, size_t *size)
{
	char *bytes = malloc(FILE_SIZE_MAX + 1);
	size_t done = 0;
	ssize_t got = 1;

	if (bytes == NULL)
		return NULL;
	while (got > 0 && done < FILE_SIZE_MAX) {
		got = read(file, bytes + done, FILE_SIZE_MAX - done);
		if (got > 0)
			done += (size_t)got;
	}
	if (got != 0) {
		errno = got > 0 ? EFBIG : errno;
		free(bytes);
		return NULL;
	}
	bytes[done] = '\0';
	*size = done;
	return bytes;
}

bool system_verify(const uint8_t key[NODE_KEY_SIZE], struct slice bytes,
		   const uint8_t *signature)
{
	EVP_PKEY *public = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
						       key, NODE_KEY_SIZE);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good =
		public != NULL && context != NULL &&
		EVP_DigestVerifyInit(context, NULL, NULL, NULL, public) == 1 &&
		EVP_DigestVerify(context, signature, SIGNATURE_SIZE, bytes.data,
				 bytes.size) == 1;

	EVP_MD_CTX_free(context);
	EVP_PKEY_free(public);
	return good;
}

char *system_read_file(const char *path, size_t *size)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	char *bytes;
	int why;

	if (file < 0)
		return NULL;
	bytes = read_all(file, size);
	why = errno;
	close(file);
	errno = why;
	return bytes;
}
