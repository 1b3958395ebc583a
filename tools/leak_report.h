/* SPDX-License-Identifier: MIT */
#ifndef LEAK_REPORT_H
#define LEAK_REPORT_H
/*
 * What: from verdicts to files, for `gorgon leaks` and for the check that a program makes at its end.
 *
 * How: load reads what the user has written, before anything is stopped; judge applies it; write makes all reports.
 * In names of files to be written, %p is the number of the process, since a test may start several.
 */
#include "analyse/leaks.h"
#include "emit/leaks.h"
#include "tool.h"

struct leak_settings {
	const char *report, *junit, *sarif, *json, *html; /* files to be written; NULL: none */
	const char *write_baseline;
	const char *suppressions, *baseline; /* files to be read; NULL: none */
	unsigned fail_on;                    /* bits 1 << verdict */
	bool generate; /* rules that would suppress what was found, instead of a report */
	bool github;   /* annotations after the report */
};

struct findings {
	const struct leak_settings *settings;
	struct rules rules;
	struct baseline baseline;
	struct leaks leaks;
};

/* What the environment asks for. */
void leak_settings_init(struct leak_settings *ret);

int findings_load(struct findings *ret, const struct leak_settings *settings, struct error *e);
void findings_judge(struct findings *f, struct world *w);

/* Instead of judge: nothing was searched for, only the end is told. */
void findings_of_ending(struct findings *f, struct world *w, const struct leak_settings *settings,
			struct ending ending);

int findings_write(const struct findings *f, const struct report_options *o, int fd, struct error *e);

/* The files only. */
int findings_write_files(const struct findings *f, const struct emit_options *o, struct error *e);

/* The name of a file that is to be written; in the arena. */
const char *findings_path(struct arena *a, const char *path, int32_t pid);

void findings_free(struct findings *f);

#endif
