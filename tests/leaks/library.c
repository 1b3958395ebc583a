/* SPDX-License-Identifier: MIT */
/*
 * A library for reach.c to load: words of its own, one for all threads and one for each.
 */
void *library_word;
static __thread void *volatile library_local;
void library_keep(void *p);

void library_keep(void *p)
{
	library_local = p;
}
