/* SPDX-License-Identifier: MIT */
/*
 * 08_postmortem: reading a program that is no more.
 *
 * A snapshot is a file with what every goroutine was doing at one moment.  The process is stopped for some milliseconds
 * while it is taken, and goes on.  Whatever becomes of it, `gorgon stacks`, `explain` and `diff` tell the same about
 * the file as they would have told about the process: arguments by name and type, what each goroutine waits for, who
 * made it.  A core that the kernel has left does as well (GOTRACEBACK=crash makes a panic leave one), and so does the
 * text of a dump in a log, for `gorgon parse`.
 *
 * The file is an ELF core in which each goroutine is a thread, so `gdb ./08_postmortem FILE` and
 * `thread apply all bt` work too.
 *
 * Here one program plays both: started without arguments it starts itself as the server, takes a snapshot of that, kills
 * it, and only then looks.
 *
 * Prints:
 *	the server is gone
 *
 *	goroutine 1 [sleep]:
 *	...
 *	goroutine 2 [chan receive, 3 goroutines: 2-4]:
 *	clerk(desk=*, orders=chan struct order 0x... len 0 cap 8, made at ...08_postmortem.c:..., name...="north")
 *	...
 *	created by serve in goroutine 1
 *	...
 *
 *	goroutine 3 [chan receive]:
 *	clerk(desk=1, orders=...
 *	...
 *	goroutines: 4 before, 4 after; 4 as before: no difference
 * Exits with: 0
 */
#include <gorgon.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct order {
	int number;
	const char *what;
};

static void clerk(int desk, chan(struct order) orders, const char *name)
{
	struct order o;

	while (chan_recv(orders, &o))
		printf("%s, desk %d: %s\n", name, desk, o.what);
}

static int serve(void)
{
	chan(struct order) orders = chan_make(struct order, 8);

	for (int desk = 0; desk < 3; desk++)
		go(clerk, desk, orders, "north");
	gor_settle(10 * GOR_SECOND);
	printf("%d\n", getpid());
	fflush(stdout);
	gor_sleep(GOR_MINUTE); /* the parent does not wait for so long */
	return 0;
}

__attribute__((format(printf, 1, 2))) static void run(const char *format, ...)
{
	char command[512];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof command, format, args);
	va_end(args);
	fflush(stdout);
	if (system(command) != 0)
		exit(1);
}

int main(int argc, char **argv)
{
	char command[512], folder[] = "/tmp/postmortem.XXXXXX";
	FILE *server;
	int pid;

	if (argc > 1)
		return serve();
	snprintf(command, sizeof command, "exec '%s' serve", argv[0]);
	server = popen(command, "r");
	if (!server || fscanf(server, "%d", &pid) != 1 || !mkdtemp(folder))
		return 1;
	run("gorgon snapshot %d -o %s/server 2>/dev/null", pid, folder);
	kill(pid, SIGKILL);
	pclose(server);

	puts("the server is gone\n");
	run("gorgon stacks --group=lines --no-threads %s/server", folder);
	puts("");
	run("gorgon stacks --where 'id=3' --no-threads %s/server | grep -v ^note:", folder);
	run("gorgon diff %s/server %s/server", folder, folder);
	run("rm -r %s", folder);
	return 0;
}
