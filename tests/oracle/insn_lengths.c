/* SPDX-License-Identifier: MIT */
/*
 * What: reads instructions, one a line, as hexadecimal bytes with spaces between them (objdump -d -w), and compares
 * their lengths with what the reader's decoder says.  Prints those that differ, then how many were understood.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "debug/insn.h"

int main(void)
{
	unsigned long understood = 0, strange = 0, wrong = 0;
	char line[256];

	while (fgets(line, sizeof line, stdin)) {
		/* What follows an instruction must not matter. */
		unsigned char code[32];
		struct insn in;
		size_t n = 0;
		char *end;

		memset(code, 0xcc, sizeof code);
		for (char *at = line; n < 16; at = end) {
			unsigned long b = strtoul(at, &end, 16);

			if (end == at)
				break;
			code[n++] = (unsigned char)b;
		}
		if (n == 0)
			continue;
		insn_decode(code, sizeof code, &in);
		if (in.length == 0) {
			strange++;
		} else if (in.length == n) {
			understood++;
		} else {
			printf("%u, not %zu: %s", in.length, n, line);
			wrong++;
		}
	}
	printf("understood %lu, not %lu, wrong %lu\n", understood, strange, wrong);
	return wrong || !understood;
}
