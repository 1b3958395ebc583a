/* SPDX-License-Identifier: MIT */
/* What: base/utf8.h. */
#include "base/utf8.h"

static size_t length(unsigned char first)
{
	return first < 0x80                    ? 1
	       : first >= 0xc2 && first < 0xe0 ? 2
	       : first >= 0xe0 && first < 0xf0 ? 3
	       : first >= 0xf0 && first < 0xf5 ? 4
					       : 0;
}

size_t utf8_decode(const char *text, size_t n, uint32_t *ret)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t len = length(p[0]);
	uint32_t c = p[0];

	if (!len || len > n)
		return 0;
	if (len > 1)
		c &= 0x7f >> len;
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if ((len == 3 && c < 0x800) || (len == 4 && (c < 0x10000 || c > 0x10ffff)) ||
	    (c >= 0xd800 && c < 0xe000))
		return 0;
	*ret = c;
	return len;
}
