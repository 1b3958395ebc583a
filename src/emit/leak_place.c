/* SPDX-License-Identifier: MIT */
/*
 * What: files as services know them that show findings beside the source: by their path from its folder on.
 *
 * How: by the text of the path alone.  The machine that reads a report need not have the file, nor need this one.
 */
#include <string.h>

#include "emit/leaks.h"

/* Takes the last part away; false if there is none that can be. */
static bool drop_part(char *path, size_t *n, size_t root)
{
	size_t k = *n;

	while (k > root && path[k - 1] != '/')
		k--;
	if (*n == root || (*n - k == 2 && !memcmp(path + k, "..", 2)))
		return false;
	*n = k > root ? k - 1 : root;
	return true;
}

const char *leak_normal(struct arena *a, const char *path)
{
	size_t root = *path == '/', n = root;
	char *ret = arena_take(a, strlen(path) + 1);

	ret[0] = '/';
	while (*path) {
		size_t k = strcspn(path, "/");
		bool is_up = k == 2 && !memcmp(path, "..", 2);

		if (k && !(k == 1 && *path == '.') && !(is_up && (drop_part(ret, &n, root) || root))) {
			if (n > root)
				ret[n++] = '/';
			memcpy(ret + n, path, k);
			n += k;
		}
		path += k + (path[k] == '/');
	}
	ret[n] = '\0';
	return ret;
}

const char *leak_below(const char *root, const char *file)
{
	size_t n = root ? strlen(root) : 0;

	while (n && root[n - 1] == '/')
		n--;
	return n && !strncmp(file, root, n) && file[n] == '/' && file[n + 1] ? file + n + 1 : NULL;
}

const char *leak_file(const struct leak *leak, const char *file)
{
	const char *tail = file;

	if (!file || *file == '/')
		return file;
	while (!strncmp(tail, "../", 3) || !strncmp(tail, "./", 2))
		tail += *tail == '.' && tail[1] == '/' ? 2 : 3;
	for (uint32_t i = 0; i < leak->g->stack.nframes; i++) {
		const struct place *p = leak->g->stack.frames[i].place;
		size_t n = p && p->file ? strlen(p->file) : 0, k = strlen(tail);

		if (n > k && p->file[n - k - 1] == '/' && !strcmp(p->file + n - k, tail))
			return p->file;
	}
	return file;
}
