/* SPDX-License-Identifier: MIT */
/* What, how: ending.h. */
#include "ending.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

void ending_watch(struct ending_files *f)
{
	for (int i = 0; i < ENDING_FILES; i++) {
		struct ending_file *file = &f->items[i];
		struct stat st;

		file->was_there = file->path && stat(file->path, &st) == 0;
		if (file->was_there) {
			file->inode = st.st_ino;
			file->changed = st.st_mtim;
		}
	}
}

/* The file, unless the program has written it; NULL. */
static const char *unwritten(struct ending_files *f, int which, int32_t pid)
{
	const struct ending_file *file = &f->items[which];
	const char *path = file->path ? findings_path(&f->arena, file->path, pid) : NULL;
	struct stat st;

	if (!path || stat(path, &st) != 0)
		return path;
	if (!S_ISREG(st.st_mode)) /* nobody can tell what has gone through it */
		return NULL;
	return file->was_there && st.st_ino == file->inode && st.st_mtim.tv_sec == file->changed.tv_sec &&
			       st.st_mtim.tv_nsec == file->changed.tv_nsec
		       ? path
		       : NULL;
}

int ending_write(struct ending_files *f, int32_t pid, const char *program, struct ending ending,
		 struct error *e)
{
	struct leak_settings settings;
	struct emit_options o = {0};
	struct world w = {.pid = pid, .exe = program};
	struct findings findings;
	int err;

	leak_settings_init(&settings);
	settings.report = unwritten(f, ENDING_REPORT, pid);
	settings.junit = unwritten(f, ENDING_JUNIT, pid);
	settings.sarif = unwritten(f, ENDING_SARIF, pid);
	settings.json = unwritten(f, ENDING_JSON, pid);
	settings.html = unwritten(f, ENDING_HTML, pid);
	findings_of_ending(&findings, &w, &settings, ending);
	err = findings_write_files(&findings, &o, e);
	world_deinit(&w);
	arena_deinit(&f->arena);
	return err;
}

struct ending ending_of(struct ending_files *f, int status)
{
	if (WIFSIGNALED(status))
		return (struct ending){ENDING_CRASHED,
				       arena_printf(&f->arena, "killed by signal %d (%s)", WTERMSIG(status),
						    strsignal(WTERMSIG(status)))};
	if (WEXITSTATUS(status))
		return (struct ending){ENDING_FAILED,
				       arena_printf(&f->arena, "exit status %d", WEXITSTATUS(status))};
	return (struct ending){ENDING_WELL, "the program ended with status 0; leaks were not looked for"};
}
