/* SPDX-License-Identifier: MIT */
/*
 * What: parsing of the environment; options.h says what for.
 *
 * How: one table of keys: what the words are that each takes, and what help=1 says of it.  A value in
 * quotes may hold a colon, as sanitizers have it.
 *
 * Invariants: nothing here allocates.
 * Context: the library constructor.
 */
#define _GNU_SOURCE
#include "sys/options.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "sys/print.h"

#define KIB ((size_t)1024)
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)

struct gori_options gori_options;

/* A word of the environment that is not ended by a zero byte. */
struct word {
	const char *ptr;
	size_t len;
};

enum key_kind {
	KEY_SIZE,
	KEY_U64,
	KEY_SECONDS,
	KEY_BOOL,
	KEY_SIGNAL,
	KEY_STATUS,
	KEY_DURATION,
	KEY_WORD,
	KEY_HELPER,
	KEY_PATH,
	KEY_LIST, /* of verdicts */
	KEY_HELP
};

struct key {
	char name[16];
	char values[28]; /* KEY_WORD: the words, the first one being 0 */
	const char *meaning;
	void *where;
	enum key_kind kind;
};

static bool help;

static const struct key keys[] = {
	{"args", "typed|go|words|none", "how arguments are shown in reports", &gori_options.args, KEY_WORD},
	{"baseline", "PATH", "leaks that were there before: they are listed, and do not count",
	 gori_options.baseline, KEY_PATH},
	{"color", "auto|always|never", "colours in reports", &gori_options.color, KEY_WORD},
	{"dump_signal", "SIGNAL", "this one dumps to standard error, and the program goes on",
	 &gori_options.dump_signal, KEY_SIGNAL},
	{"dump_timeout", "SECONDS", "the longest time a report may take, 1 to 3600",
	 &gori_options.dump_seconds, KEY_SECONDS},
	{"fail_on", "LIST", "what counts as a leak: leaked,deadlocked, and if you like stuck,lingering",
	 gori_options.fail_on, KEY_LIST},
	{"group", "0|1", "identical stacks are shown once", &gori_options.group, KEY_WORD},
	{"guard", "auto|mprotect", "how stacks are guarded", &gori_options.guard_mprotect, KEY_WORD},
	{"handle_signals", "0|1", "fatal signals are handled", &gori_options.handle_signals, KEY_BOOL},
	{"help", "0|1", "prints this", &help, KEY_BOOL},
	{"helper", "PATH|off", "the gorgon tool, which decodes reports", gori_options.helper, KEY_HELPER},
	{"html", "PATH", "all goroutines at the end, or at the crash, as a page", gori_options.html,
	 KEY_PATH},
	{"exitcode", "N", "the exit status for leaks, 1 to 255", &gori_options.exitcode, KEY_STATUS},
	{"json", "PATH", "leaks as JSON", gori_options.json, KEY_PATH},
	{"junit", "PATH", "leaks as JUnit XML", gori_options.junit, KEY_PATH},
	{"leaks", "off|warn|fail",
	 "goroutines are looked for that are blocked for ever when the program ends", &gori_options.leaks,
	 KEY_WORD},
	{"leaks_signal", "SIGNAL", "this one has leaks looked for, and the program goes on",
	 &gori_options.leaks_signal, KEY_SIGNAL},
	{"log_path", "PATH", "crash reports go to PATH.PID", gori_options.log_path, KEY_PATH},
	{"registry", "0|1", "gorgon run has the blocks of the heap registered", &gori_options.registry,
	 KEY_WORD},
	{"report", "PATH", "where leaks are reported; standard error", gori_options.report, KEY_PATH},
	{"sarif", "PATH", "leaks as SARIF", gori_options.sarif, KEY_PATH},
	{"snapshot", "PATH", "at a death and for leaks a core with all goroutines is written to PATH.PID",
	 gori_options.snapshot, KEY_PATH},
	{"stack", "SIZE", "address space of one goroutine's stack", &gori_options.stack, KEY_SIZE},
	{"stack_keep", "N", "stacks of ended goroutines that keep their memory", &gori_options.stack_dead_max,
	 KEY_U64},
	{"stuck", "DURATION", "goroutines that wait for longer are listed as stuck: 500ms, 30s, 5m",
	 &gori_options.stuck_ns, KEY_DURATION},
	{"suppressions", "PATH", "leaks that are no news", gori_options.suppressions, KEY_PATH},
	{"threads", "0|1", "threads that run no goroutine are shown", &gori_options.threads, KEY_WORD},
	{"torture", "SEED", "the scheduler chooses at random; 0 is off", &gori_options.torture, KEY_U64},
	{"why", "0|1", "reports explain what each goroutine waits for", &gori_options.why, KEY_WORD},
};
enum { NKEYS = sizeof keys / sizeof keys[0] };

static bool word_is(struct word w, const char *text)
{
	return strlen(text) == w.len && memcmp(w.ptr, text, w.len) == 0;
}

static void complain(const char *what, struct word w)
{
	char buf[256];
	struct gori_print out;

	gori_print_init(&out, STDERR_FILENO, buf, sizeof buf, gori_print_now() + 1000000000);
	gori_print_text(&out, "gorgon: GORGON_OPTIONS: ");
	gori_print_text(&out, what);
	gori_print_text(&out, " '");
	gori_print_foreign(&out, w.ptr, w.len < 128 ? w.len : 128);
	gori_print_text(&out, "'; see gorgon(7), or help=1\n");
	gori_print_flush(&out);
}

/* ---- values --------------------------------------------------------------------------------------------- */

/* Digits with an optional k, m or g; the value is unchanged where the text is bad. */
static bool parse_number(struct word w, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i = 0;

	for (; i < w.len && w.ptr[i] >= '0' && w.ptr[i] <= '9'; i++) {
		if (v > max / 10)
			return false;
		v = v * 10 + (uint64_t)(w.ptr[i] - '0');
	}
	if (i == 0)
		return false;
	if (i + 1 == w.len) {
		uint64_t unit = w.ptr[i] == 'k' ? KIB : w.ptr[i] == 'm' ? MIB : w.ptr[i] == 'g' ? GIB : 0;

		if (unit == 0 || v > max / unit)
			return false;
		v *= unit;
		i++;
	}
	if (i != w.len || v > max)
		return false;
	*ret = v;
	return true;
}

/* Which of the words between bars it is; -1: none. */
static int index_of(struct word w, const char *words)
{
	for (int i = 0; *words; i++) {
		const char *end = strchrnul(words, '|');

		if ((size_t)(end - words) == w.len && memcmp(words, w.ptr, w.len) == 0)
			return i;
		words = *end ? end + 1 : end;
	}
	return -1;
}

/* Only those that have no other use here, can be handled, and need not be raised again. */
/* A number of seconds, or one with a unit: ms, s, m, h. */
static bool parse_duration(struct word w, int64_t *ret)
{
	static const struct {
		const char *unit;
		int64_t ns;
	} units[] = {{"", 1000000000},
		     {"ms", 1000000},
		     {"s", 1000000000},
		     {"m", 60000000000},
		     {"h", 3600000000000}};
	struct word number = w, unit;
	uint64_t v;

	for (number.len = 0; number.len < w.len && w.ptr[number.len] >= '0' && w.ptr[number.len] <= '9';)
		number.len++;
	unit = (struct word){w.ptr + number.len, w.len - number.len};
	if (!parse_number(number, 1000000, &v))
		return false;
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (word_is(unit, units[i].unit)) {
			*ret = (int64_t)v * units[i].ns;
			return true;
		}
	return false;
}

static bool parse_signal(struct word w, int32_t *ret)
{
	static const struct {
		char name[8];
		int sig;
	} names[] = {{"HUP", SIGHUP},   {"INT", SIGINT},   {"USR1", SIGUSR1},     {"USR2", SIGUSR2},
		     {"ALRM", SIGALRM}, {"TERM", SIGTERM}, {"CONT", SIGCONT},     {"WINCH", SIGWINCH},
		     {"IO", SIGIO},     {"PWR", SIGPWR},   {"VTALRM", SIGVTALRM}, {"PROF", SIGPROF}};
	uint64_t v = 0;

	if (w.len > 3 && memcmp(w.ptr, "SIG", 3) == 0)
		w = (struct word){w.ptr + 3, w.len - 3};
	else if (parse_number(w, 64, &v) && v >= (uint64_t)SIGRTMIN)
		*ret = (int32_t)v;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (word_is(w, names[i].name) || v == (uint64_t)names[i].sig)
			*ret = names[i].sig;
	return *ret != 0;
}

static bool set_stack(struct word w)
{
	size_t size = 16 * KIB;
	uint64_t v;

	if (!parse_number(w, GIB, &v) || v < size)
		return false;
	while (size < v)
		size *= 2;
	gori_options.stack = size;
	return true;
}

static bool set_path(struct word w, char *ret)
{
	if (w.len == 0 || w.len >= GORI_PATH_SIZE)
		return false;
	memcpy(ret, w.ptr, w.len);
	ret[w.len] = 0;
	return true;
}

static bool set(const struct key *k, struct word w)
{
	uint64_t v;
	int i;

	switch (k->kind) {
	case KEY_SIZE:
		return set_stack(w);
	case KEY_U64:
		return parse_number(w, UINT64_MAX / 2, k->where);
	case KEY_SECONDS:
		if (!parse_number(w, 3600, &v) || v == 0)
			return false;
		*(int32_t *)k->where = (int32_t)v;
		return true;
	case KEY_SIGNAL:
		return parse_signal(w, k->where);
	case KEY_STATUS:
		if (!parse_number(w, 255, &v) || v == 0)
			return false;
		*(uint8_t *)k->where = (uint8_t)v;
		return true;
	case KEY_DURATION:
		return parse_duration(w, k->where);
	case KEY_HELPER:
		gori_options.helper_off = word_is(w, "off");
		return gori_options.helper_off || set_path(w, k->where);
	case KEY_PATH:
		return set_path(w, k->where);
	case KEY_LIST:
		return w.len < sizeof gori_options.fail_on && set_path(w, k->where);
	default:
		i = index_of(w, k->values);
		if (i >= 0)
			*(int8_t *)k->where = (int8_t)i;
		return i >= 0;
	}
}

/* ---- help ----------------------------------------------------------------------------------------------- */

static void print_value(struct gori_print *out, const struct key *k)
{
	const char *words = k->values;
	int n = *(const int8_t *)k->where; /* of the word; counts down to -1, or is less: unset */

	switch (k->kind) {
	case KEY_SIZE:
	case KEY_U64:
		gori_print_udec(out, *(const uint64_t *)k->where);
		return;
	case KEY_SECONDS:
	case KEY_SIGNAL:
		gori_print_dec(out, *(const int32_t *)k->where);
		return;
	case KEY_STATUS:
		gori_print_dec(out, *(const uint8_t *)k->where);
		return;
	case KEY_DURATION:
		gori_print_dec(out, *(const int64_t *)k->where / 1000000);
		gori_print_text(out, "ms");
		return;
	case KEY_HELPER:
	case KEY_PATH:
	case KEY_LIST:
		gori_print_text(out, k->kind == KEY_HELPER && gori_options.helper_off ? "off" : k->where);
		return;
	default:
		while (n-- > 0)
			words = strchrnul(words, '|') + 1;
		gori_print_bytes(out, words, n == -1 ? (size_t)(strchrnul(words, '|') - words) : 0);
	}
}

static void print_help(void)
{
	char buf[512];
	struct gori_print out;

	gori_print_init(&out, STDERR_FILENO, buf, sizeof buf, gori_print_now() + 1000000000);
	gori_print_text(&out,
			"GORGON_OPTIONS=key=value:key=value, and the values now (none: the default):\n");
	for (const struct key *k = keys; k < keys + NKEYS; k++) {
		gori_print_text(&out, "  ");
		gori_print_text(&out, k->name);
		gori_print_char(&out, '=');
		gori_print_text(&out, k->values);
		for (size_t n = strlen(k->name) + strlen(k->values); n < 32; n++)
			gori_print_char(&out, ' ');
		gori_print_text(&out, k->meaning);
		gori_print_text(&out, " [");
		print_value(&out, k);
		gori_print_text(&out, "]\n");
	}
	gori_print_flush(&out);
}

/* ---- the environment ------------------------------------------------------------------------------------ */

static void set_pair(struct word pair, struct word name, struct word value)
{
	for (const struct key *k = keys; k < keys + NKEYS; k++)
		if (word_is(name, k->name)) {
			if (!set(k, value))
				complain("bad value in", pair);
			return;
		}
	complain("unknown key in", pair);
}

/* One key=value at text; returns where the next one begins. */
static const char *parse_pair(const char *text)
{
	const char *eq = text + strcspn(text, "=:"), *value = eq, *end;

	if (*eq != '=') {
		if (eq > text)
			complain("no '=' in", (struct word){text, (size_t)(eq - text)});
		return *eq ? eq + 1 : eq;
	}
	value++;
	if ((*value == '"' || *value == '\'') && strchr(value + 1, *value)) {
		end = strchr(value + 1, *value);
		value++;
	} else {
		end = strchrnul(value, ':');
	}
	set_pair((struct word){text, (size_t)(end - text)}, (struct word){text, (size_t)(eq - text)},
		 (struct word){value, (size_t)(end - value)});
	end = strchrnul(end, ':');
	return *end ? end + 1 : end;
}

static enum gori_traceback parse_traceback(const char *text)
{
	static const char *const names[] = {"none", "single", "all", "system", "crash"};

	for (size_t i = 0; text && i < sizeof names / sizeof names[0]; i++)
		if (!strcmp(text, names[i]) || (text[0] == '0' + (char)i && !text[1] && i < 3))
			return (enum gori_traceback)i;
	return GORI_TB_ALL;
}

static void set_defaults(void)
{
	gori_options = (struct gori_options){
		.traceback = GORI_TB_ALL,
		.stack = 256 * KIB,
		.stack_dead_max = 1024,
		.handle_signals = true,
		.dump_seconds = 10,
		.exitcode = 23,
		.stuck_ns = 60000000000,
		.args = GORI_UNSET,
		.color = GORI_UNSET,
		.group = GORI_UNSET,
		.why = GORI_UNSET,
		.threads = GORI_UNSET,
		.registry = GORI_UNSET,
	};
	help = false;
}

void gori_options_init(void)
{
	uint64_t procs = 0;
	const char *text;

	set_defaults();
	if (getauxval(AT_SECURE))
		return;
	text = getenv("GOMAXPROCS");
	if (text && parse_number((struct word){text, strlen(text)}, INT32_MAX, &procs))
		gori_options.maxprocs = (int32_t)procs;
	gori_options.traceback = parse_traceback(getenv("GOTRACEBACK"));
	text = getenv("NO_COLOR");
	if (text && *text)
		gori_options.color = GORI_COLOR_NEVER;
	text = getenv("GORGON_OPTIONS");
	while (text && *text)
		text = parse_pair(text);
	if (help)
		print_help();
}
