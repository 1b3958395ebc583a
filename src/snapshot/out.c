/* SPDX-License-Identifier: MIT */
/* What, how: snapshot/out.h. */
#define _GNU_SOURCE
#include "snapshot/out.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"

#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

enum { BUFFER = 1 << 20, PAGE = 4096 };

struct out {
	const char *path;
	char *temporary; /* NULL: it has no name */
	int fd;
	int err;
	uint64_t offset; /* of what is put next */
	uint64_t end;    /* of what was written, holes included */
	char *buf;
	size_t n;
#ifdef HAVE_ZSTD
	ZSTD_CStream *zstd;
	char *packed;
#endif
};

/* ---- opening ------------------------------------------------------------------------------------------------- */

static int open_named(struct out *o)
{
	size_t size = strlen(o->path) + sizeof ".XXXXXX";

	o->temporary = base_malloc(size);
	snprintf(o->temporary, size, "%s.XXXXXX", o->path);
	o->fd = mkostemp(o->temporary, O_CLOEXEC); /* O_EXCL, 0600 */
	return o->fd < 0 ? -errno : 0;
}

static int open_file(struct out *o)
{
	char *copy = base_strdup(o->path);

	o->fd = open(dirname(copy), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	free(copy);
	return o->fd < 0 ? open_named(o) : 0;
}

static int start_packing(struct out *o, struct error *e)
{
#ifdef HAVE_ZSTD
	o->zstd = ZSTD_createCStream();
	if (!o->zstd || ZSTD_isError(ZSTD_initCStream(o->zstd, 3)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(o->zstd, ZSTD_c_checksumFlag, 1)))
		return error_set(e, -ENOMEM, "no memory to pack %s", o->path);
	o->packed = base_malloc(ZSTD_CStreamOutSize());
	return 0;
#else
	return error_set(e, -ENOTSUP, "cannot pack %s: this gorgon was built without zstd", o->path);
#endif
}

int out_open(struct out **ret, const char *path, bool packed, struct error *e)
{
	struct out *o;
	struct stat st;
	int r = 0;

	if (lstat(path, &st) == 0)
		return error_set(e, -EEXIST, "%s is there already, and is not overwritten", path);
	o = base_malloc(sizeof *o);
	memset(o, 0, sizeof *o);
	o->path = path;
	o->fd = -1;
	o->buf = base_malloc(BUFFER);
	signal(SIGXFSZ, SIG_IGN); /* write says so too */
	if (packed)
		r = start_packing(o, e);
	if (r == 0 && (r = open_file(o)) < 0)
		error_sys(e, r, "cannot create %s", path);
	if (r < 0)
		out_abandon(o);
	else
		*ret = o;
	return r;
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

static void write_plain(struct out *o, const char *p, size_t n)
{
	while (n && !o->err) {
		ssize_t r = pwrite(o->fd, p, n, (off_t)o->end);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0) {
			o->err = r ? -errno : -ENOSPC;
			return;
		}
		p += r;
		n -= (size_t)r;
		o->end += (uint64_t)r;
	}
}

#ifdef HAVE_ZSTD
static void write_packed(struct out *o, const char *p, size_t n, ZSTD_EndDirective how)
{
	ZSTD_inBuffer in = {p, n, 0};
	size_t left = 1;

	while (!o->err && (in.pos < in.size || (how == ZSTD_e_end && left))) {
		ZSTD_outBuffer out = {o->packed, ZSTD_CStreamOutSize(), 0};

		left = ZSTD_compressStream2(o->zstd, &out, &in, how);
		if (ZSTD_isError(left))
			o->err = -EIO;
		else
			write_plain(o, o->packed, out.pos);
	}
}
#endif

static bool is_packed(const struct out *o)
{
#ifdef HAVE_ZSTD
	return o->zstd != NULL;
#else
	(void)o;
	return false;
#endif
}

static void flush(struct out *o)
{
#ifdef HAVE_ZSTD
	if (o->zstd)
		write_packed(o, o->buf, o->n, ZSTD_e_continue);
	else
#endif
		write_plain(o, o->buf, o->n);
	o->n = 0;
}

static void put(struct out *o, const char *p, size_t n)
{
	o->offset += n;
	while (n && !o->err) {
		size_t piece = n < BUFFER - o->n ? n : BUFFER - o->n;

		memcpy(o->buf + o->n, p, piece);
		o->n += piece;
		p += piece;
		n -= piece;
		if (o->n == BUFFER)
			flush(o);
	}
}

static bool is_zero(const char *p, size_t n)
{
	return !p[0] && !memcmp(p, p + 1, n - 1);
}

void out_put(struct out *o, const void *from, size_t n)
{
	const char *p = from;

	while (n && !o->err) {
		size_t to_page = PAGE - o->offset % PAGE, piece = n < to_page ? n : to_page;

		if (piece == PAGE && is_zero(p, PAGE))
			out_zeros(o, PAGE);
		else
			put(o, p, piece);
		p += piece;
		n -= piece;
	}
}

void out_zeros(struct out *o, uint64_t n)
{
	static const char zeros[PAGE];

	if (!is_packed(o) && n >= PAGE) {
		flush(o);
		o->end += n;
		o->offset += n;
		return;
	}
	for (; n && !o->err; n -= n < PAGE ? n : PAGE)
		put(o, zeros, n < PAGE ? n : PAGE);
}

uint64_t out_offset(const struct out *o)
{
	return o->offset;
}

int out_error(const struct out *o)
{
	return o->err;
}

/* ---- the end ------------------------------------------------------------------------------------------------- */

void out_abandon(struct out *o)
{
	if (o->fd >= 0)
		close(o->fd);
	if (o->temporary && o->fd >= 0)
		unlink(o->temporary);
#ifdef HAVE_ZSTD
	ZSTD_freeCStream(o->zstd);
	free(o->packed);
#endif
	free(o->temporary);
	free(o->buf);
	free(o);
}

static int give_name(const struct out *o)
{
	char fd[64];

	if (o->temporary) {
		if (link(o->temporary, o->path) == 0)
			return 0;
		if (errno != EPERM && errno != EOPNOTSUPP) /* file systems without links */
			return -errno;
		return renameat2(AT_FDCWD, o->temporary, AT_FDCWD, o->path, RENAME_NOREPLACE) < 0 ? -errno
												  : 0;
	}
	snprintf(fd, sizeof fd, "/proc/self/fd/%d", o->fd);
	return linkat(AT_FDCWD, fd, AT_FDCWD, o->path, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

int out_finish(struct out *o, uint64_t *ret_size, struct error *e)
{
	struct stat st = {0};
	int r;

	flush(o);
#ifdef HAVE_ZSTD
	if (o->zstd)
		write_packed(o, NULL, 0, ZSTD_e_end);
#endif
	if (!o->err && ftruncate(o->fd, (off_t)o->end) < 0)
		o->err = -errno;
	if (!o->err && fstat(o->fd, &st) < 0)
		o->err = -errno;
	r = o->err;
	if (r < 0) {
		error_sys(e, r, "cannot write %s", o->path);
	} else {
		r = give_name(o);
		if (r < 0)
			error_sys(e, r, "cannot create %s", o->path);
	}
	*ret_size = (uint64_t)st.st_blocks * 512;
	out_abandon(o);
	return r;
}
