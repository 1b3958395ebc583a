/* SPDX-License-Identifier: MIT */
/*
 * What: where the message and the report of a death go; raw_out.h.
 *
 * How: the message always goes to stderr; with log_path=PATH the whole goes to PATH.PID, which must not exist
 * (O_EXCL: nobody who can write to the folder may have prepared it, as a link for instance) and which only
 * the owner may read, because arguments can be secrets.  Where it cannot be made, or takes no more, the
 * report goes to stderr, and a line says so.
 *
 * Context: SIG or any, on the thread that dies.
 */
#define _GNU_SOURCE
#include "crash/raw_out.h"

#include <fcntl.h>

#include "crash/raw_fatal.h"
#include "crash/raw_sys.h"
#include "sys/options.h"
#include "sys/print.h"

#include "crash/safe.h"

enum { OWNER_ONLY = 0600 };

static char log_name[GORI_PATH_SIZE + 16];
static int log_fd = -1;
static int64_t give_up; /* monotonic ns */
static bool has_message;

/* Context: SIG or any. */
static void open_log(void)
{
	char line[GORI_PATH_SIZE + 128];
	struct gori_print out;
	long fd;

	gori_print_init(&out, -1, log_name, sizeof log_name, 0);
	gori_print_text(&out, gori_options.log_path);
	gori_print_char(&out, '.');
	gori_print_dec(&out, raw_sys0(SYS_getpid));
	gori_print_char(&out, '\0');
	fd = raw_sys4(SYS_openat, AT_FDCWD, log_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		      OWNER_ONLY);
	if (fd >= 0 && fd <= 2) { /* where nobody expects it: these were closed */
		long other = raw_sys3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 3);

		raw_sys1(SYS_close, fd);
		fd = other;
	}
	log_fd = fd < 0 ? -1 : (int)fd;
	if (fd >= 0)
		return;
	gori_print_init(&out, 2, line, sizeof line, give_up);
	gori_print_text(&out, "gorgon: log_path: cannot make ");
	gori_print_foreign(&out, log_name, raw_strlen(log_name));
	gori_print_text(&out, ": errno ");
	gori_print_dec(&out, -fd);
	gori_print_char(&out, '\n');
	gori_print_flush(&out);
}

/* Context: SIG or any. */
void raw_out_begin(int64_t deadline)
{
	raw_death.message_len = 0;
	has_message = false;
	give_up = deadline;
	if (gori_options.log_path[0] && gori_options.traceback > GORI_TB_NONE && log_fd < 0)
		open_log();
}

/* Context: SIG or any. */
void raw_message(const char *text, size_t n)
{
	uint64_t written = 0;
	size_t room = GORI_DEATH_MESSAGE - raw_death.message_len;

	if (room > n)
		room = n;
	raw_copy(raw_death.message + raw_death.message_len, text, room);
	raw_death.message_len += (uint32_t)room;
	gori_print_write(2, text, n, give_up, &written);
	if (log_fd >= 0)
		gori_print_write(log_fd, text, n, give_up, &written);
	if (written)
		has_message = true;
}

/* Context: SIG or any. */
int raw_out_log(void)
{
	return log_fd;
}

/* Context: SIG or any. */
void raw_out_tell(void)
{
	char line[GORI_PATH_SIZE + 64];
	struct gori_print out;

	gori_print_init(&out, 2, line, sizeof line, give_up);
	gori_print_text(&out, "[the report is in ");
	gori_print_foreign(&out, log_name, raw_strlen(log_name));
	gori_print_text(&out, "]\n");
	gori_print_flush(&out);
}

/* Context: SIG or any. */
bool raw_out_has_message(void)
{
	return has_message;
}
