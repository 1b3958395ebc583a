/* SPDX-License-Identifier: MIT */
/*
 * What: cores that are packed.
 *
 * How: zstd is unpacked into a file without a name, since memory is read from all over a core; pages of zeros become
 * holes.  Other packers are recognised, and named.
 *
 * Invariants: no more is unpacked than MAX_UNPACKED, and the folder for temporary files is not filled to its last
 * byte: a small file may claim to be a large one.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "target/core.h"

#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

enum { MAGIC = 6, RESERVE = 64 << 20 };

#define MAX_UNPACKED (1ull << 40)

static const char *packer(const unsigned char *p)
{
	static const struct {
		const char *name, *magic;
		size_t n;
	} known[] = {
		{"zstd", "\x28\xb5\x2f\xfd", 4},
		{"gzip", "\x1f\x8b", 2},
		{"xz",
		 "\xfd"
		 "7zXZ",
		 5},
		{"lz4", "\x04\x22\x4d\x18", 4},
		{"bzip2", "BZh", 3},
	};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (!memcmp(p, known[i].magic, known[i].n))
			return known[i].name;
	return NULL;
}

#ifdef HAVE_ZSTD

struct unpacking {
	const char *path;
	int in, out;
	uint64_t read, written;
	uint64_t room; /* bytes that may be written */
};

static int open_nameless(struct error *e)
{
	const char *dir = getenv("TMPDIR");
	int fd;

	if (!dir || *dir != '/')
		dir = "/var/tmp";
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return fd < 0 ? error_sys(e, -errno, "cannot unpack into %s", dir) : fd;
}

static bool is_zero(const char *p, size_t n)
{
	return !n || (!p[0] && !memcmp(p, p + 1, n - 1));
}

static int put(struct unpacking *u, const char *p, size_t n, struct error *e)
{
	uint64_t limit = u->room < MAX_UNPACKED ? u->room : MAX_UNPACKED;

	if (n > limit - u->written)
		return error_set(e, -ENOSPC,
				 "%s unpacks to more than %" PRIu64 " bytes, for which there is no room",
				 u->path, limit);
	for (size_t at = 0; at < n;) {
		size_t piece = n - at < TARGET_PAGE ? n - at : TARGET_PAGE;
		ssize_t r = (ssize_t)piece;

		if (!is_zero(p + at, piece))
			r = pwrite(u->out, p + at, piece, (off_t)(u->written + at));
		if (r <= 0)
			return error_sys(e, r ? -errno : -ENOSPC, "cannot unpack %s", u->path);
		at += (size_t)r;
	}
	u->written += n;
	return 0;
}

static int unpack_with(struct unpacking *u, ZSTD_DStream *ds, char *from, char *to, struct error *e)
{
	size_t in_size = ZSTD_DStreamInSize(), out_size = ZSTD_DStreamOutSize(), left = 1;
	ssize_t n;

	while ((n = pread(u->in, from, in_size, (off_t)u->read)) > 0) {
		ZSTD_inBuffer in = {from, (size_t)n, 0};

		u->read += (size_t)n;
		while (in.pos < in.size) {
			ZSTD_outBuffer out = {to, out_size, 0};
			int r;

			left = ZSTD_decompressStream(ds, &out, &in);
			if (ZSTD_isError(left))
				return error_set(e, -EILSEQ, "%s is damaged: zstd: %s", u->path,
						 ZSTD_getErrorName(left));
			r = put(u, to, out.pos, e);
			if (r < 0)
				return r;
		}
	}
	if (n < 0)
		return error_sys(e, -errno, "cannot read %s", u->path);
	if (ftruncate(u->out, (off_t)u->written) < 0)
		return error_sys(e, -errno, "cannot unpack %s", u->path);
	return 0; /* if left is not 0, it was cut off: what is missing is found out later */
}

static int unpack_zstd(int fd, const char *path, struct error *e)
{
	struct unpacking u = {.path = path, .in = fd, .out = open_nameless(e)};
	char *from, *to;
	struct statvfs vfs;
	ZSTD_DStream *ds;
	int r;

	if (u.out < 0)
		return u.out;
	u.room = fstatvfs(u.out, &vfs) == 0 ? (uint64_t)vfs.f_bavail * vfs.f_frsize : MAX_UNPACKED;
	u.room = u.room > RESERVE ? u.room - RESERVE : 0;
	from = base_malloc(ZSTD_DStreamInSize());
	to = base_malloc(ZSTD_DStreamOutSize());
	ds = ZSTD_createDStream();
	r = ds ? unpack_with(&u, ds, from, to, e) : error_set(e, -ENOMEM, "no memory to unpack %s", path);
	ZSTD_freeDStream(ds);
	free(from);
	free(to);
	if (r < 0) {
		close(u.out);
		return r;
	}
	close(fd);
	return u.out;
}

#endif

int core_unpack(int fd, const char *path, struct error *e)
{
	unsigned char magic[MAGIC] = {0};
	const char *name;

	if (pread(fd, magic, sizeof magic, 0) < 2)
		return fd;
	name = packer(magic);
	if (!name)
		return fd;
#ifdef HAVE_ZSTD
	if (!strcmp(name, "zstd"))
		return unpack_zstd(fd, path, e);
#endif
	return error_set(e, -ENOTSUP, "%s is packed with %s: unpack it first (%s -d)", path, name, name);
}
