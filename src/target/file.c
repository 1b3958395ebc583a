/* SPDX-License-Identifier: MIT */
/*
 * What: opens the file behind a mapping, even if its name now leads to another file, or nowhere.
 *
 * How: three ways, the surest first.  /proc/PID/map_files/LO-HI is the mapped file itself, but needs root.
 * /proc/PID/exe is the program itself.  A path, in the target's own view of the file system, may lead to what was
 * put there since (an upgrade, a rebuild): it counts only if it leads to the same device and inode.
 *
 * Some file systems (btrfs, older overlayfs) name another device to stat than to /proc/PID/maps.  So where stat
 * says no, a page of the file is mapped here, and what our own maps say of it is compared.
 *
 * Only regular files are opened: opening a device or a pipe could do something.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "target/maps.h"
#include "target/process.h"

const char *process_root(struct target *t)
{
	return ((struct process *)t)->root;
}

/* The file that a path leads to, if it is a regular one. */
static int open_regular(int dir, const char *path)
{
	int found = openat(dir, path, O_PATH | O_CLOEXEC), fd;
	char again[64];
	struct stat st;

	if (found < 0)
		return -errno;
	if (fstat(found, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(found);
		return -EINVAL;
	}
	snprintf(again, sizeof again, "/proc/self/fd/%d", found);
	fd = open(again, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		fd = -errno;
	close(found);
	return fd;
}

/* What our own maps say of the mapping at p. */
static bool own_mapping(const void *p, struct arena *a, struct mapping *ret)
{
	size_t size = 1 << 20, n = 0, len = 0;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	char *text = arena_take(a, size);
	struct mapping *maps;
	ssize_t r;

	while (fd >= 0 && len < size && (r = read(fd, text + len, size - len)) > 0)
		len += (size_t)r;
	if (fd >= 0)
		close(fd);
	maps_parse(a, text, len, &maps, &n);
	for (size_t i = 0; i < n; i++)
		if (maps[i].lo <= (uintptr_t)p && (uintptr_t)p < maps[i].hi) {
			*ret = maps[i];
			return true;
		}
	return false;
}

static bool is_same_when_mapped(int fd, const struct mapping *m)
{
	void *page = mmap(NULL, TARGET_PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	struct arena a = {0};
	struct mapping own;
	bool same;

	if (page == MAP_FAILED)
		return false;
	same = own_mapping(page, &a, &own) && own.dev == m->dev && own.inode == m->inode;
	arena_deinit(&a);
	munmap(page, TARGET_PAGE);
	return same;
}

static bool is_same(int fd, const struct mapping *m)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return false;
	return (st.st_ino == m->inode && st.st_dev == m->dev) || is_same_when_mapped(fd, m);
}

/* The path if it leads to the mapped file; -ESTALE if to another one. */
static int open_same(int dir, const char *path, const struct mapping *m)
{
	int fd = open_regular(dir, path);

	if (fd < 0 || is_same(fd, m))
		return fd;
	close(fd);
	return -ESTALE;
}

static int open_by_path(struct process *p, const struct mapping *m)
{
	char path[4096 + sizeof p->root];
	int fd;

	snprintf(path, sizeof path, "%s%s", p->root, m->path);
	fd = open_same(AT_FDCWD, path, m);
	if (fd >= 0)
		return fd;
	/* without the right to its root: ours may be the same */
	return fd == -EACCES || fd == -EPERM ? open_same(AT_FDCWD, m->path, m) : fd;
}

int process_open_file(struct target *t, const struct mapping *m, struct error *e)
{
	struct process *p = (struct process *)t;
	char path[64];
	int fd;

	if (m->path[0] != '/' || !m->inode)
		return error_set(e, -ENOENT, "no file is behind %" PRIx64 "-%" PRIx64 " of %s", m->lo, m->hi,
				 t->name);
	snprintf(path, sizeof path, "map_files/%" PRIx64 "-%" PRIx64, m->lo, m->hi);
	if ((fd = open_same(p->dir, path, m)) >= 0)
		return fd;
	snprintf(path, sizeof path, "task/%d/exe", p->memory_tid);
	if ((fd = open_same(p->dir, path, m)) >= 0)
		return fd;
	if ((fd = open_by_path(p, m)) >= 0)
		return fd;
	if (fd == -ESTALE)
		return error_set(e, fd,
				 "%s was replaced since %s loaded it: the file there now is another one "
				 "(root can still read the old one)",
				 m->path, t->name);
	if (m->deleted)
		return error_set(e, -ENOENT, "%s was deleted since %s loaded it (root can still read it)",
				 m->path, t->name);
	return error_sys(e, fd, "%s, which %s has loaded", m->path, t->name);
}
