/* SPDX-License-Identifier: MIT */
/*
 * What: finding the module of an address; raw_module.h says how.
 *
 * Invariants: link maps of dlopen'ed files lie in the heap, which may be smashed: the two words needed of
 * them are read by address.  A failed read leaves bias 0 and no name, and the unwind table still works.
 * Context: any.
 */
#define _GNU_SOURCE
#include "crash/raw_module.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stddef.h>
#include <sys/uio.h>

#include "crash/raw_sys.h"

#include "crash/safe.h"

/* The public head of struct link_map: l_addr, l_name.  Context: any. */
static void read_link_map(const struct link_map *map, struct raw_module *ret)
{
	struct {
		uint64_t addr, name;
	} head = {0, 0};
	struct iovec local = {&head, sizeof head};
	struct iovec remote = {(void *)(uintptr_t)map, sizeof head};
	long pid = raw_sys0(SYS_getpid);
	long n;

	_Static_assert(offsetof(struct link_map, l_addr) == 0 && offsetof(struct link_map, l_name) == 8, "");
	n = raw_sys6(SYS_process_vm_readv, pid, (long)&local, 1, (long)&remote, 1, 0);
	if (n == -EPERM || n == -ENOSYS) {
		if (raw_sys4(SYS_rt_sigprocmask, -1, map, 0, sizeof(uint64_t)) != -EINVAL)
			return;
		raw_copy(&head, map, sizeof head);
	} else if (n != (long)sizeof head) {
		return;
	}
	ret->bias = head.addr;
	ret->name = head.name;
}

/* Context: any. */
bool raw_module_find(uint64_t addr, struct raw_module *ret)
{
	struct dl_find_object found;

	if (_dl_find_object((void *)(uintptr_t)addr, &found) != 0)
		return false;
	*ret = (struct raw_module){
		.start = (uint64_t)(uintptr_t)found.dlfo_map_start,
		.end = (uint64_t)(uintptr_t)found.dlfo_map_end,
		.eh_hdr = (uint64_t)(uintptr_t)found.dlfo_eh_frame,
	};
	if (found.dlfo_link_map)
		read_link_map(found.dlfo_link_map, ret);
	return true;
}
