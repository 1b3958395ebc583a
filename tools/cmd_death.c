/* SPDX-License-Identifier: MIT */
/*
 * What: gorgon @death, @dump, @leaks and @snapshot: what a program asks for by starting this tool as its helper.  The
 * agreement is in abi/death.h.
 *
 * How: everything is decoded before WRITES is sent, so that the program can still make its own, raw report if
 * something goes wrong here.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "abi/death.h"
#include "leak_report.h"
#include "snapshot/snapshot.h"
#include "tool.h"

#include <gorgon/dump.h>

enum task { DEATH, DUMP, LEAKS, SNAPSHOT };

struct helper {
	enum task task;
	int32_t pid;
	int status_fd, out_fd;
	struct leak_settings settings; /* @leaks, @death */
	struct findings findings;
};

static bool number(const char *text, int *ret)
{
	char *end;
	long n = strtol(text, &end, 10);

	*ret = (int)n;
	return !*end && end != text && n >= 0 && n <= INT32_MAX;
}

static int say(const struct helper *h, char what, struct error *e)
{
	ssize_t n;

	do
		n = write(h->status_fd, &what, 1);
	while (n < 0 && errno == EINTR);
	return n == 1 ? 0 : error_sys(e, -EPIPE, "process %d does not listen", h->pid);
}

/* Half of the time that is left is for writing. */
static int64_t decode_until(int64_t deadline)
{
	int64_t now = target_now();

	return deadline > now ? now + (deadline - now) / 2 : 0;
}

static bool is_set(int setting)
{
	return setting != GORI_UNSET && setting;
}

static void set_options(const struct helper *h, const struct collect_request *q, struct report_options *o)
{
	static const enum color colors[] = {COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER};
	bool system = q->traceback >= GORI_TB_SYSTEM || (h->task == DUMP && q->flags & GOR_DUMP_SYSTEM);
	bool single = q->traceback == GORI_TB_SINGLE || (h->task == DUMP && q->flags & GOR_DUMP_SELF);

	memset(o, 0, sizeof *o);
	o->emit.args = q->args == GORI_UNSET ? ARGS_TYPED : (enum args_style)q->args;
	o->emit.group = q->group == GORI_UNSET ? h->task == LEAKS : is_set(q->group);
	o->emit.why = is_set(q->why);
	o->emit.threads = o->collect.threads = q->threads == GORI_UNSET || q->threads;
	o->emit.system = o->collect.system = system;
	o->collect.only_culprit = single;
	o->collect.args = o->emit.args != ARGS_NONE;
	o->collect.deadline_ns = decode_until(q->deadline);
	o->collect.every = h->task == LEAKS;
	o->emit.similar = SIMILAR_LINES;
	if (q->color >= 0 && q->color < 3)
		o->color = colors[q->color];
	o->emit.culprit_again = h->task == DEATH && !single && isatty(h->out_fd);
}

static int say_number(const struct helper *h, uint32_t n, struct error *e)
{
	char text[1 + 8 + 1];
	ssize_t done;

	snprintf(text, sizeof text, "%c%08x", GORI_HELPER_COUNT, n);
	do
		done = write(h->status_fd, text, sizeof text - 1);
	while (done < 0 && errno == EINTR);
	return done == sizeof text - 1 ? 0 : error_sys(e, -EPIPE, "process %d does not listen", h->pid);
}

static void set_files(struct leak_settings *s, const struct collect_request *q)
{
	s->report = q->report;
	s->junit = q->junit;
	s->sarif = q->sarif;
	s->json = q->json;
	s->html = q->html;
}

/* Files are written, and a list of the user's counts, at the end of the program only: before, a report is for whoever
 * has called gor_leaks. */
static int set_leak_settings(struct helper *h, const struct collect_request *q, struct error *e)
{
	struct leak_settings *s = &h->settings;
	int err = 0;

	leak_settings_init(s);
	s->suppressions = q->suppressions;
	s->baseline = q->baseline;
	if (q->flags & GORI_LEAKS_AT_EXIT) {
		set_files(s, q);
		if (q->fail_on)
			err = leaks_parse_verdicts(q->fail_on, &s->fail_on, e);
		if (err)
			error_prefix(e, "GORGON_OPTIONS: fail_on");
	} else {
		s->github = false;
	}
	return err ? err : findings_load(&h->findings, s, e);
}

static void judge(struct helper *h, struct session *s, const struct collect_request *q)
{
	unsigned status = q->flags & GORI_LEAKS_AT_EXIT ? q->flags >> GORI_LEAKS_STATUS_SHIFT & 0xff : 0;

	findings_judge(&h->findings, &s->world);
	if (status)
		h->findings.leaks.ending = (struct ending){
			ENDING_FAILED, arena_printf(&s->world.arena, "exit status %u", status)};
}

/* The process goes on while the copy of its memory is looked at. */
static int find_leaks(struct helper *h, struct session *s, const struct report_options *o,
		      const struct collect_request *q, struct error *e)
{
	struct leak_options how = {.at_exit = q->flags & GORI_LEAKS_AT_EXIT, .stuck_ns = q->stuck_ns};
	struct leaker *leaker = NULL;
	struct leak_stats stats;
	int err = leak_new(&leaker, s->target, s->debug, e);

	if (!err)
		err = leak_copy(leaker, e);
	if (!err) {
		target_resume(s->target);
		say(h, GORI_HELPER_READ, NULL); /* whether it listens shows when the count is told */
		err = collect(&s->world, s->target, s->debug, &o->collect, e);
	}
	if (!err)
		err = leak_check(leaker, &s->world, &how, &stats, e);
	if (!err)
		judge(h, s, q);
	leak_free(leaker);
	return err;
}

/* A program that has died has no leaks to tell of: the same files say how it died. */
static int write_ending(struct helper *h, struct world *w, const struct collect_request *q,
			const struct emit_options *o, struct error *e)
{
	struct ending ending = {ENDING_CRASHED, q->message ? q->message : "the program has died"};

	leak_settings_init(&h->settings);
	set_files(&h->settings, q);
	findings_of_ending(&h->findings, w, &h->settings, ending);
	return findings_write_files(&h->findings, o, e);
}

static int look(struct helper *h, struct session *s, struct report_options *o, struct collect_request *q,
		struct error *e)
{
	int err = target_open_frozen(&s->target, h->pid, e);

	if (!err)
		err = debug_open(&s->debug, s->target, e);
	if (!err)
		err = target_stop(s->target, e);
	if (!err)
		err = collect_request(s->target, s->debug, q, e);
	if (!err && !q->found)
		err = error_set(e, -EINVAL, "process %d did not ask for a report", h->pid);
	if (!err && h->task == LEAKS)
		err = set_leak_settings(h, q, e);
	if (err || h->task == SNAPSHOT)
		return err;
	set_options(h, q, o);
	err = h->task == LEAKS ? find_leaks(h, s, o, q, e)
			       : collect(&s->world, s->target, s->debug, &o->collect, e);
	o->separate = h->task == DEATH && !s->world.message;
	return err;
}

/* The process goes on while its snapshot is written. */
struct going_on {
	const struct helper *h;
	struct session *s;
};

static void let_go(void *arg)
{
	const struct going_on *g = arg;

	target_resume(g->s->target);
	say(g->h, GORI_HELPER_READ, NULL); /* whether it listens shows when the number is told */
}

/* For gor_snapshot: what went wrong is told as a number, and whether that happens is for the caller to judge. */
static int make_snapshot(struct helper *h, struct session *s, const struct collect_request *q,
			 struct error *e)
{
	struct going_on g = {h, s};
	struct snapshot_options o = {.full = q->flags & GOR_SNAPSHOT_FULL,
				     .packed = q->flags & GOR_SNAPSHOT_ZSTD,
				     .copied = let_go,
				     .arg = &g};
	struct snapshot_stats st;
	int err = q->path ? snapshot_write_stopped(s->target, q->path, &o, &st, e) : -EINVAL;

	err = say_number(h, (uint32_t)-err, e);
	return err ? err : say(h, GORI_HELPER_WRITES, e);
}

/* snapshot=PATH.  That there is none takes nothing from the report. */
static void keep_snapshot(const struct helper *h, struct session *s, const struct collect_request *q)
{
	char *path = arena_printf(&s->world.arena, "%s.%d", q->snapshot, h->pid);
	const struct snapshot_options o = {0};
	struct snapshot_stats st;
	struct error e = {0};
	int err = h->task == DEATH ? snapshot_write_stopped(s->target, path, &o, &st, &e)
				   : snapshot_write(h->pid, path, &o, &st, &e);

	if (err)
		dprintf(h->out_fd, "gorgon: no snapshot: %s\n", e.text);
	else
		dprintf(h->out_fd, "gorgon: snapshot in %s\n", path);
}

/* What was asked for is written; the process goes on only when we have ended. */
static int report(struct helper *h, struct session *s, struct report_options *o,
		  const struct collect_request *q, struct error *e)
{
	uint32_t nleaks = h->task == LEAKS ? leaks_failing(&h->findings.leaks) : 0;
	int err = h->task == LEAKS ? say_number(h, nleaks, e) : 0;

	if (!err)
		err = say(h, GORI_HELPER_WRITES, e);
	if (!err)
		err = h->task == LEAKS ? findings_write(&h->findings, o, h->out_fd, e)
				       : report_write(&s->world, o, h->out_fd, e);
	if (!err && h->task == DEATH)
		err = write_ending(h, &s->world, q, &o->emit, e);
	if (!err && q->snapshot && (h->task == DEATH || nleaks))
		keep_snapshot(h, s, q);
	return err;
}

static int help(struct helper *h, struct error *e)
{
	struct collect_request q = {0};
	struct report_options o;
	struct session s = {0};
	int err = look(h, &s, &o, &q, e);

	if (!err && h->task == DUMP) {
		target_resume(s.target);
		err = say(h, GORI_HELPER_READ, e);
	}
	if (!err)
		err = h->task == SNAPSHOT ? make_snapshot(h, &s, &q, e) : report(h, &s, &o, &q, e);
	/* The process ends next, and so do we: what is left is given back by the kernel, which is faster. */
	if (h->task != DEATH || err) {
		findings_free(&h->findings);
		arena_deinit(&q.arena);
		session_close(&s);
	}
	return err;
}

static int run(int argc, char **argv, enum task task)
{
	struct helper h = {.task = task};
	struct error e = {0};
	int pid;

	if (argc != 4 || !number(argv[1], &pid) || !number(argv[2], &h.status_fd) ||
	    !number(argv[3], &h.out_fd)) {
		fprintf(stderr, "gorgon: %s is for programs, not for people\n", argv[0]);
		return EX_USAGE;
	}
	h.pid = pid;
	signal(SIGPIPE, SIG_IGN);
	return help(&h, &e) ? tool_fail(&e) : EXIT_SUCCESS;
}

int cmd_death(int argc, char **argv)
{
	return run(argc, argv, DEATH);
}

int cmd_dump(int argc, char **argv)
{
	return run(argc, argv, DUMP);
}

int cmd_leaks_asked(int argc, char **argv)
{
	return run(argc, argv, LEAKS);
}

int cmd_snapshot_asked(int argc, char **argv)
{
	return run(argc, argv, SNAPSHOT);
}
