/* SPDX-License-Identifier: MIT */
/*
 * What: a process of this machine as a target, running or waiting for its death to be decoded.
 *
 * How: process.h.  The two differ in what a refusal to trace means: of a live process nothing could be said that
 * holds, a frozen one waits for us, and its goroutines are in memory.
 */
#include <errno.h>

#include "target/process.h"

static const struct target_ops live_ops = {
	.kind = "process",
	.read = process_read,
	.read_spans = process_read_spans,
	.load_mappings = process_load_mappings,
	.stop = process_stop,
	.resume = process_resume,
	.open_file = process_open_file,
	.resident = process_resident,
	.root = process_root,
	.close = process_close,
};

static int frozen_stop(struct target *t, struct error *e)
{
	struct process *p = (struct process *)t;
	int r = process_stop(t, e);

	return r == -EPERM || r == -EBUSY ? process_list_threads(p, e) : r;
}

static const struct target_ops frozen_ops = {
	.kind = "frozen process",
	.read = process_read,
	.read_spans = process_read_spans,
	.load_mappings = process_load_mappings,
	.stop = frozen_stop,
	.resume = process_resume,
	.open_file = process_open_file,
	.resident = process_resident,
	.root = process_root,
	.close = process_close,
};

static int open_with(struct target **ret, const struct target_ops *ops, int32_t pid, struct error *e)
{
	struct process *p;
	int r;

	if (pid <= 0)
		return error_set(e, -EINVAL, "%d is not the number of a process", pid);
	r = process_open(&p, ops, pid, e);
	if (r == 0)
		*ret = &p->t;
	return r;
}

int target_open_live(struct target **ret, int32_t pid, struct error *e)
{
	return open_with(ret, &live_ops, pid, e);
}

int target_open_frozen(struct target **ret, int32_t pid, struct error *e)
{
	return open_with(ret, &frozen_ops, pid, e);
}
