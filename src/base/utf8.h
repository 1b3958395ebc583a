/* SPDX-License-Identifier: MIT */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H
/*
 * What: text that may or may not be UTF-8, one character at a time.
 */
#include <stddef.h>
#include <stdint.h>

/* Bytes of the character at p, of which n > 0 are there, and the character; 0 if they are no valid UTF-8. */
size_t utf8_decode(const char *p, size_t n, uint32_t *ret);

/* Characters that change the direction of text, or that nobody sees. */
static inline int utf8_is_hidden(uint32_t c)
{
	return (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
	       c == 0xfeff;
}

#endif
