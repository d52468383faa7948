/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * replay: run a fuzz target over every file of the folders given, once, where
 * libFuzzer is not at hand.  An empty corpus is a mistake, not a success.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* As large as libFuzzer makes them by itself, and then some. */
#define INPUT_MAX (1u << 20)
#define PATH_MAX_SIZE 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(INPUT_MAX);
	size_t size;
	uint8_t *exact;

	if (file == NULL || data == NULL) {
		perror(path);
		exit(1);
	}
	size = fread(data, 1, INPUT_MAX, file);
	fclose(file);
	/* Its exact size, so that a sanitizer sees what lies behind. */
	exact = realloc(data, size > 0 ? size : 1);
	LLVMFuzzerTestOneInput(exact != NULL ? exact : data, size);
	free(exact != NULL ? exact : data);
	return 1;
}

static int replay_folder(const char *folder)
{
	DIR *opened = opendir(folder);
	struct dirent *entry;
	int count = 0;

	if (opened == NULL) {
		perror(folder);
		exit(1);
	}
	while ((entry = readdir(opened)) != NULL) {
		char path[PATH_MAX_SIZE];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		count += replay_file(path);
	}
	closedir(opened);
	return count;
}

int main(int argument_count, char **arguments)
{
	int count = 0;

	for (int i = 1; i < argument_count; i++)
		count += replay_folder(arguments[i]);
	printf("%d inputs replayed\n", count);
	return count > 0 ? 0 : 1;
}
