/* SPDX-License-Identifier: MIT */
/*
 * What: the parts of sync.h that are not worth a copy in every caller.
 *
 * How: see sync.h.
 *
 * Invariants: none of its own.
 *
 * Locking: none; callers have released the object's lock.
 *
 * Context: as each function says.
 */
#include "sync/sync.h"

/*
 * Wakes a list taken by gori_sync_take_all, the longest waiting first.  A single one runs next, as after any
 * wake-up; several queue up behind what is runnable already, since gori_ready would reverse their order.
 * Context: G or M, inside the runtime.
 */
void gori_sync_wake_list(struct gori_waiter *list, uint64_t tell)
{
	if (list && !list->next) {
		gori_sync_wake(list, tell);
		return;
	}
	while (list) {
		struct gori_g *g = list->g;

		list = list->next; /* its record is gone as soon as it runs */
		g->wake = tell;
		gori_ready_tail(g);
	}
}

/* Context: any. */
_Noreturn void gori_sync_fatal_held(const char *prefix, int64_t goid)
{
	char text[128], digits[24];
	size_t n = 0, d = sizeof digits;

	while (prefix[n] && n < sizeof text - sizeof digits) {
		text[n] = prefix[n];
		n++;
	}
	do
		digits[--d] = (char)('0' + goid % 10);
	while ((goid /= 10) > 0);
	while (d < sizeof digits)
		text[n++] = digits[d++];
	text[n] = '\0';
	gori_fatal(text);
}
