/* SPDX-License-Identifier: MIT */
#ifndef RAW_HELPER_H
#define RAW_HELPER_H
/*
 * What: letting the gorgon tool read this process and print the report.
 *
 * How: raw_helper.c; abi/death.h has the agreement between both.
 * Context: with a claim; all signals but those of faults blocked.
 */
#include <stdbool.h>
#include <stdint.h>

struct raw_helper_job {
	const char *command;   /* @death, @dump, @leaks, @snapshot */
	bool is_death;         /* the process will end */
	int fd;                /* where the report goes */
	int64_t begin_by;      /* monotonic ns: killed then if it has not begun to write */
	int64_t deadline;      /* monotonic ns: killed then */
	uint32_t *ret_number;  /* @leaks, @snapshot: the number that it tells; may be NULL */
	void (*on_read)(void); /* unless is_death: called once when it has read everything */
};

enum raw_helper_end {
	RAW_HELPER_NOTHING,  /* nothing was written: the raw report is wanted */
	RAW_HELPER_COMPLETE, /* the report is out */
	RAW_HELPER_PARTIAL,  /* some of it is, and no more will come */
};

/* Returns when the helper has ended.  *ret_why: what went wrong, for a line in brackets; NULL where it is of no
 * interest. */
enum raw_helper_end raw_helper_run(const struct raw_helper_job *job, const char **ret_why);

/* Within raw_helper_run for a death something went wrong with this very thread: ends the helper.  Returns whether it has written. */
bool raw_helper_abandon(void);

/* Context: the library constructor. */
void raw_helper_init(void);

#endif
