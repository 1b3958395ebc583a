/* SPDX-License-Identifier: MIT */
/* What: a program on the runtime that panics; for seeing what preloading does to it. */
#include <gorgon.h>

int main(void)
{
	panic("as told");
}
