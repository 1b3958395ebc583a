/* SPDX-License-Identifier: MIT */
/* What, how: leak_report.h. */
#include "leak_report.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "bounds.h"

void leak_settings_init(struct leak_settings *ret)
{
	const char *github = getenv("GITHUB_ACTIONS");

	memset(ret, 0, sizeof *ret);
	ret->fail_on = FAIL_ON_DEFAULT;
	ret->github = github && strcmp(github, "true") == 0;
}

int findings_load(struct findings *ret, const struct leak_settings *settings, struct error *e)
{
	int err = 0;

	memset(ret, 0, sizeof *ret);
	ret->settings = settings;
	if (settings->suppressions)
		err = rules_read(&ret->rules, settings->suppressions, e);
	if (!err && settings->baseline)
		err = baseline_read(&ret->baseline, settings->baseline, e);
	if (err)
		findings_free(ret);
	return err;
}

void findings_judge(struct findings *f, struct world *w)
{
	const struct leak_settings *s = f->settings;

	leaks_find(&f->leaks, w, s->suppressions ? &f->rules : NULL, s->baseline ? &f->baseline : NULL);
	f->leaks.fail_on = s->fail_on;
}

void findings_of_ending(struct findings *f, struct world *w, const struct leak_settings *settings,
			struct ending ending)
{
	memset(f, 0, sizeof *f);
	f->settings = settings;
	f->leaks = (struct leaks){.world = w, .ending = ending, .fail_on = settings->fail_on};
}

void findings_free(struct findings *f)
{
	rules_deinit(&f->rules);
	baseline_deinit(&f->baseline);
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

/* The folder with the sources, as far as one can tell. */
static const char *source_root(char cwd[PATH_MAX])
{
	const char *github = getenv("GITHUB_WORKSPACE");

	return github && *github == '/' ? github : getcwd(cwd, PATH_MAX);
}

const char *findings_path(struct arena *a, const char *path, int32_t pid)
{
	struct sink s;
	const char *ret;

	sink_init_memory(&s);
	for (; *path; path++) {
		if (path[0] == '%' && path[1] == 'p') {
			sink_dec(&s, pid);
			path++;
		} else {
			sink_char(&s, *path);
		}
	}
	ret = arena_str(a, sink_text(&s));
	sink_deinit(&s);
	return ret;
}

enum leak_form { AS_TEXT, AS_JUNIT, AS_SARIF, AS_JSON, AS_HTML, AS_BASELINE };

/* What a dying program has said stands in front of its report, and not in the world. */
static void put_page(const struct leaks *l, const struct emit_options *o, struct sink *s)
{
	const char *message = l->world->message;

	if ((!message || !*message) && ending_fails(&l->ending))
		l->world->message = l->ending.text;
	emit_html(l->world, o, s);
	l->world->message = message;
}

static void put(const struct findings *f, enum leak_form form, const struct emit_options *o, struct sink *s)
{
	char cwd[PATH_MAX];

	switch (form) {
	case AS_TEXT:
		if (f->leaks.ending.kind != ENDING_UNTOLD)
			emit_ending(&f->leaks, o, s);
		if (f->leaks.ending.kind == ENDING_UNTOLD || f->leaks.world->leaks_checked)
			emit_leaks(&f->leaks, o, s);
		return;
	case AS_JUNIT:
		emit_leaks_junit(&f->leaks, o, s);
		return;
	case AS_SARIF:
		emit_leaks_sarif(&f->leaks, source_root(cwd), s);
		return;
	case AS_JSON:
		emit_leaks_json(&f->leaks, o, s);
		return;
	case AS_HTML:
		put_page(&f->leaks, o, s);
		return;
	case AS_BASELINE:
		leaks_put_baseline(&f->leaks, s);
		return;
	}
}

static int write_file(const struct findings *f, enum leak_form form, const char *path,
		      const struct emit_options *o, struct error *e)
{
	struct file file;
	int err;

	if (!path)
		return 0;
	err = file_begin(&file, findings_path(&f->leaks.world->arena, path, f->leaks.world->pid), e);
	if (err)
		return err;
	bounds_output(file.temporary);
	put(f, form, o, &file.sink);
	err = file_end(&file, e);
	bounds_output(NULL);
	return err;
}

static int write_main(const struct findings *f, const struct report_options *o, int fd, struct error *e)
{
	char cwd[PATH_MAX];
	struct sink s;
	int err;

	sink_init_fd(&s, fd);
	s.color = tool_color(o->color, fd);
	if (f->settings->generate)
		leaks_put_rules(&f->leaks, &s);
	else if (!f->settings->report)
		emit_leaks(&f->leaks, &o->emit, &s);
	else if (f->leaks.n)
		emit_leaks_summary(&f->leaks, &s);
	if (f->settings->github && !f->settings->generate)
		emit_leaks_github(&f->leaks, source_root(cwd), &s);
	err = sink_finish(&s, "the report", e);
	sink_deinit(&s);
	return err;
}

/* All that can be written is: the first error counts, as the one that is said. */
int findings_write_files(const struct findings *f, const struct emit_options *o, struct error *e)
{
	const struct leak_settings *s = f->settings;
	const struct {
		enum leak_form form;
		const char *path;
	} files[] = {
		{AS_TEXT, s->report}, {AS_JUNIT, s->junit}, {AS_SARIF, s->sarif},
		{AS_JSON, s->json},   {AS_HTML, s->html},   {AS_BASELINE, s->write_baseline},
	};
	struct emit_options emit = *o;
	int err, first = 0;

	emit.culprit_again = false;
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		err = write_file(f, files[i].form, files[i].path, &emit, first ? NULL : e);
		if (err && !first)
			first = err;
	}
	return first;
}

int findings_write(const struct findings *f, const struct report_options *o, int fd, struct error *e)
{
	int err, first;

	analyse_ids(f->leaks.world);
	first = write_main(f, o, fd, e);
	err = findings_write_files(f, &o->emit, first ? NULL : e);
	return first ? first : err;
}
