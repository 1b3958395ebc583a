/* SPDX-License-Identifier: MIT */
/*
 * What: runs a fuzzer without libFuzzer: FUZZER [-n COUNT] [-s SEED] [FILE or DIRECTORY...]
 *
 * How: each file is an input; COUNT more are made from them by a few random changes.  The same seed makes the same
 * inputs.  Without files, $srcdir/tests/fuzz/corpus/NAME is taken for the program NAME_fuzz.  An input that crashes
 * is written to the file `crash-input`, which can be given as FILE; so is one that takes MAX_SECONDS of processor time,
 * or more memory than MAX_MEMORY.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "fuzz.h"

enum { INPUT_MAX_SIZE = 4096, MAX_CORPUS = 1024, MAX_SECONDS = 60 };

#define MAX_MEMORY (2ull << 30)

struct input {
	size_t n;
	uint8_t p[INPUT_MAX_SIZE];
};

static struct input *corpus[MAX_CORPUS];
static size_t ncorpus;
static struct input current;
static uint64_t state;

/* ---- the corpus ------------------------------------------------------------------------------------------- */

static void add_file(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	struct input *in = calloc(1, sizeof *in);
	ssize_t n;

	if (fd < 0 || !in || ncorpus == MAX_CORPUS) {
		fprintf(stderr, "%s: cannot be used\n", name);
		exit(1);
	}
	n = read(fd, in->p, sizeof in->p);
	close(fd);
	if (n < 0) {
		perror(name);
		exit(1);
	}
	in->n = (size_t)n;
	corpus[ncorpus++] = in;
}

static int no_dots(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

/* Sorted: the order decides which inputs are made. */
static void add_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
	struct dirent **list;
	int n;

	if (fd < 0) {
		add_file(AT_FDCWD, path);
		return;
	}
	n = scandir(path, &list, no_dots, alphasort);
	for (int i = 0; i < n; i++) {
		add_file(fd, list[i]->d_name);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	close(fd);
}

/* ---- changes ---------------------------------------------------------------------------------------------- */

static uint64_t random_below(uint64_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return n ? (state >> 11) % n : 0;
}

static uint8_t likely_byte(void)
{
	return random_below(4) && fuzz_nwords ? fuzz_words[random_below(fuzz_nwords)]
					      : (uint8_t)random_below(256);
}

static void insert(struct input *in, size_t at, const uint8_t *p, size_t n)
{
	if (n > INPUT_MAX_SIZE - in->n)
		n = INPUT_MAX_SIZE - in->n;
	memmove(in->p + at + n, in->p + at, in->n - at);
	memmove(in->p + at, p, n);
	in->n += n;
}

static void change(struct input *in)
{
	const struct input *other = corpus[random_below(ncorpus)];
	size_t at = random_below(in->n), n = 1 + random_below(8);
	uint8_t byte = likely_byte(), part[8];

	switch (random_below(6)) {
	case 0:
		in->p[at] = byte;
		break;
	case 1:
		in->p[at] ^= 1u << random_below(8);
		break;
	case 2:
		insert(in, random_below(in->n + 1), &byte, 1);
		break;
	case 3:
		if (at + n < in->n) {
			memmove(in->p + at, in->p + at + n, in->n - at - n);
			in->n -= n;
		}
		break;
	case 4:
		n = at + n <= in->n ? n : in->n - at;
		memcpy(part, in->p + at, n);
		insert(in, random_below(in->n + 1), part, n);
		break;
	default:
		at = random_below(other->n);
		n = at + n <= other->n ? n : other->n - at;
		insert(in, random_below(in->n + 1), other->p + at, n);
	}
}

/* ---- runs ------------------------------------------------------------------------------------------------- */

static void keep_input(int sig)
{
	int fd = open("crash-input", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	static const char text[] = "the input is in the file crash-input\n";

	if (fd >= 0 && write(fd, current.p, current.n) == (ssize_t)current.n &&
	    write(2, text, sizeof text - 1) < 0)
		_exit(1);
	signal(sig, SIG_DFL);
	raise(sig);
}

/* Sanitizers end the process by themselves: they are told here. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void keep_input_at_death(void)
{
	keep_input(SIGABRT);
}

static void run_one(const struct input *in)
{
	static const struct itimerval limit = {.it_value.tv_sec = MAX_SECONDS};
	uint8_t *copy = malloc(in->n ? in->n : 1);

	if (!copy)
		abort();
	setitimer(ITIMER_PROF, &limit, NULL);
	/* In a piece of memory of its own size, so that AddressSanitizer sees who reads on. */
	memcpy(copy, in->p, in->n);
	LLVMFuzzerTestOneInput(copy, in->n);
	free(copy);
}

static void run_mutated(unsigned long count)
{
	for (unsigned long i = 0; i < count; i++) {
		current = *corpus[random_below(ncorpus)];
		for (uint64_t n = 1 + random_below(6); n; n--)
			change(&current);
		run_one(&current);
	}
}

static void add_default_corpus(void)
{
	const char *name = program_invocation_short_name, *dir = getenv("srcdir");
	char path[4096];

	snprintf(path, sizeof path, "%s/tests/fuzz/corpus/%.*s", dir ? dir : ".", (int)strcspn(name, "_"),
		 name);
	add_path(path);
}

static void set_limits(void)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTERM};
	static const struct rlimit memory = {MAX_MEMORY, MAX_MEMORY};

	signal(SIGPROF, keep_input);
	if (__sanitizer_set_death_callback) {
		__sanitizer_set_death_callback(keep_input_at_death);
		return;
	}
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		signal(signals[i], keep_input);
	setrlimit(RLIMIT_DATA, &memory);
}

int main(int argc, char **argv)
{
	unsigned long count = fuzz_runs;
	int opt;

	state = 88172645463325252ULL;
	while ((opt = getopt(argc, argv, "n:s:")) != -1) {
		if (opt == 'n')
			count = strtoul(optarg, NULL, 0);
		else if (opt == 's')
			state ^= strtoull(optarg, NULL, 0) << 1;
		else
			return 64;
	}
	for (int i = optind; i < argc; i++)
		add_path(argv[i]);
	if (optind == argc)
		add_default_corpus();
	set_limits();
	for (size_t i = 0; i < ncorpus; i++) {
		current = *corpus[i];
		run_one(&current);
	}
	if (!ncorpus) {
		fprintf(stderr, "there is no corpus\n");
		return 1;
	}
	run_mutated(count);
	printf("ok %s: %zu inputs and %lu changed ones\n", program_invocation_short_name, ncorpus, count);
	return 0;
}
