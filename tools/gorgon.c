/* SPDX-License-Identifier: MIT */
/*
 * What: gorgon, the tool: finds the command and runs it.
 *
 * How: commands whose names begin with @ are not for people: the runtime starts them (abi/death.h).
 */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "tool.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{"stacks", cmd_stacks, "show what all goroutines and threads of a process are doing"},
	{"parse", cmd_parse, "read tracebacks out of text, ours and those of Go programs"},
	{"diff", cmd_diff, "show what has become of goroutines between two dumps"},
	{"explain", cmd_explain, "show the argument words of a frame bit by bit"},
	{"run", cmd_run, "run a program so that crashes and leaks are reported"},
	{"leaks", cmd_leaks, "prove which goroutines of a process are blocked for ever"},
	{"snapshot", cmd_snapshot, "write what all goroutines of a process are doing to a core file"},
	{"core", cmd_core, "make a core file in which every goroutine is a thread, for debuggers"},
	{"@death", cmd_death, NULL},
	{"@dump", cmd_dump, NULL},
	{"@leaks", cmd_leaks_asked, NULL},
	{"@snapshot", cmd_snapshot_asked, NULL},
};

enum { NCOMMANDS = sizeof commands / sizeof commands[0] };

int tool_fail(const struct error *e)
{
	fprintf(stderr, "gorgon: %s\n", e->text);
	return EXIT_BAD_INPUT;
}

bool tool_color(enum color how, int fd)
{
	const char *term = getenv("TERM"), *no = getenv("NO_COLOR");

	if (how != COLOR_AUTO)
		return how == COLOR_ALWAYS;
	return isatty(fd) && !(no && *no) && !(term && strcmp(term, "dumb") == 0);
}

int tool_duration(const char *text, int64_t *ret)
{
	static const struct {
		const char *unit;
		double seconds;
	} units[] = {{"", 1}, {"s", 1}, {"ms", 0.001}, {"m", 60}, {"h", 3600}};
	char *end;
	double v = strtod(text, &end);

	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (end != text && v >= 0 && v < 1e8 && strcmp(end, units[i].unit) == 0) {
			*ret = (int64_t)(v * units[i].seconds * 1e9);
			return 0;
		}
	return -EINVAL;
}

static void usage(FILE *out)
{
	fputs("usage: gorgon COMMAND [ARGUMENTS]\n\n", out);
	for (int i = 0; i < NCOMMANDS; i++)
		if (commands[i].summary)
			fprintf(out, "  %-8s  %s\n", commands[i].name, commands[i].summary);
	fputs("\n`gorgon COMMAND --help` says more; so does gorgon(1).\n", out);
}

int main(int argc, char **argv)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	argp_program_version = "gorgon " GORGON_VERSION;
	if (argc < 2) {
		usage(stderr);
		return EX_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "-h") == 0) {
		usage(stdout);
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		puts(argp_program_version);
		return 0;
	}
	for (int i = 0; i < NCOMMANDS; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "gorgon: there is no command `%s`; `gorgon --help` lists them\n", argv[1]);
	return EX_USAGE;
}
