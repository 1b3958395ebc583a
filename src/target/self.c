/* SPDX-License-Identifier: MIT */
/*
 * What: the reader's own process as a target.
 *
 * How: memory through the kernel, like any other's: a wild pointer gives an error, not a fault.  A process cannot
 * trace its own threads; a child that does it for us was rejected, because it would have to speak with the one that
 * it has just stopped.  So nothing is stopped: other threads are listed with what /proc says, without registers,
 * and of the calling thread those are known that hold when target_stop returns.
 */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <unistd.h>

#include "target/process.h"

static int self_stop(struct target *t, struct error *e)
{
	int32_t me = (int32_t)syscall(SYS_gettid);
	int r = process_list_threads((struct process *)t, e);

	for (size_t i = 0; r == 0 && i < t->nthreads; i++) {
		struct target_thread *th = &t->threads[i];

		if (th->tid != me)
			continue;
		th->regs = t->caller;
		th->has_regs = true;
		th->state = THREAD_RUNNING;
		th->syscall = -1;
		__asm__("mov %%fs:0, %0"
			: "=r"(th->fs_base)); /* the thread's block begins with its address */
	}
	return r;
}

static const struct target_ops self_ops = {
	.kind = "this process",
	.read = process_read,
	.read_spans = process_read_spans,
	.load_mappings = process_load_mappings,
	.stop = self_stop,
	.open_file = process_open_file,
	.resident = process_resident,
	.root = process_root,
	.close = process_close,
};

int target_open_self(struct target **ret, struct error *e)
{
	struct process *p;
	int r = process_open(&p, &self_ops, 0, e);

	if (r == 0)
		*ret = &p->t;
	return r;
}
