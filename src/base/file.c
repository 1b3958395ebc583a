/* SPDX-License-Identifier: MIT */
/* What, how: base/file.h. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"

enum { MAX_TEXT = 16 << 20 };

int file_read(const char *path, char **ret, struct error *e)
{
	FILE *f = fopen(path, "re");
	char *text = base_malloc(4096);
	size_t n = 0, cap = 4096, got;
	int err = 0;

	if (!f) {
		free(text);
		return error_sys(e, -errno, "cannot read %s", path);
	}
	while ((got = fread(text + n, 1, cap - n - 1, f)) > 0 && n < MAX_TEXT) {
		n += got;
		if (n == cap - 1)
			text = base_realloc(text, cap *= 2);
	}
	text[n] = '\0';
	if (ferror(f))
		err = error_sys(e, -errno, "cannot read %s", path);
	else if (n >= MAX_TEXT || strlen(text) != n)
		err = error_set(e, -EINVAL, "%s is no text file of a sensible size", path);
	fclose(f);
	if (err)
		free(text);
	else
		*ret = text;
	return err;
}

static int open_temporary(struct file *f)
{
	for (unsigned i = 0; i < 100; i++) {
		struct arena a = {0};

		f->temporary = base_strdup(arena_printf(&a, "%s.%d-%u", f->path, (int)getpid(), i));
		arena_deinit(&a);
		f->fd = open(f->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (f->fd >= 0 || errno != EEXIST)
			break;
		free(f->temporary);
		f->temporary = NULL;
	}
	return f->fd;
}

int file_begin(struct file *f, const char *path, struct error *e)
{
	struct stat st;

	memset(f, 0, sizeof *f);
	f->path = base_strdup(path);
	if (strcmp(path, "-") == 0)
		f->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	else if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		f->fd = open(path, O_WRONLY | O_CLOEXEC);
	else
		f->fd = open_temporary(f);
	if (f->fd < 0) {
		int err = error_sys(e, -errno, "cannot create %s", path);

		free(f->path);
		free(f->temporary);
		return err;
	}
	sink_init_fd(&f->sink, f->fd);
	return 0;
}

static void forget(struct file *f)
{
	sink_deinit(&f->sink);
	free(f->path);
	free(f->temporary);
}

int file_end(struct file *f, struct error *e)
{
	int err = sink_finish(&f->sink, f->path, e);

	if (close(f->fd) != 0 && !err)
		err = error_sys(e, -errno, "cannot write %s", f->path);
	if (f->temporary && !err && rename(f->temporary, f->path) != 0)
		err = error_sys(e, -errno, "cannot replace %s", f->path);
	if (f->temporary && err)
		unlink(f->temporary);
	forget(f);
	return err;
}

void file_abandon(struct file *f)
{
	close(f->fd);
	if (f->temporary)
		unlink(f->temporary);
	forget(f);
}
