/* SPDX-License-Identifier: MIT */
/* What: finding the tool, at load; see tool.h. */
#define _GNU_SOURCE
#include "sys/tool.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sys/options.h"

#ifndef GORI_BINDIR
#define GORI_BINDIR "/usr/local/bin"
#endif

struct gori_tool gori_tool;

/* Appends dir and name as a path, unless it is relative or too long. */
static void add_path(const char *dir, size_t len, const char *name)
{
	size_t i = 0, n = strlen(name);

	while (i < 3 && gori_tool.paths[i][0])
		i++;
	if (len == 0 || dir[0] != '/' || len + n >= GORI_PATH_SIZE)
		return;
	memcpy(gori_tool.paths[i], dir, len);
	memcpy(gori_tool.paths[i] + len, name, n + 1);
}

/* A tool that was built or moved together with this library. */
static void add_neighbours(void)
{
	Dl_info info;
	const char *slash;

	if (!dladdr(&gori_tool, &info) || !info.dli_fname || !(slash = strrchr(info.dli_fname, '/')))
		return;
	add_path(info.dli_fname, (size_t)(slash - info.dli_fname), "/gorgon");
	add_path(info.dli_fname, (size_t)(slash - info.dli_fname), "/../bin/gorgon");
}

/* Not for a helper: it would be preloaded too, or take the program's options for its own. */
static bool is_ours(const char *var)
{
	static const char *const names[] = {"LD_PRELOAD=", "LD_AUDIT=", "GORGON_OPTIONS="};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strncmp(var, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

/* Pages of their own: the program may set its environment anew, and change or free this one's array. */
static void copy_environment(void)
{
	size_t n = 0, kept = 0;
	char **copy;

	while (environ && environ[n])
		n++;
	copy = mmap(NULL, (n + 1) * sizeof *copy, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (copy == MAP_FAILED)
		return;
	for (size_t i = 0; i < n; i++)
		if (!is_ours(environ[i]))
			copy[kept++] = environ[i];
	gori_tool.env = copy;
}

void gori_tool_init(void)
{
	const char *search = getenv("PATH");

	if (getauxval(AT_SECURE) || gori_options.helper_off)
		return;
	copy_environment();
	if (gori_options.helper[0]) {
		memcpy(gori_tool.paths[0], gori_options.helper, GORI_PATH_SIZE);
		return;
	}
	add_path(GORI_BINDIR, strlen(GORI_BINDIR), "/gorgon");
	add_neighbours();
	if (search && strlen(search) < sizeof gori_tool.search)
		strcpy(gori_tool.search, search);
}
