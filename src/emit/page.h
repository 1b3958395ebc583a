/* SPDX-License-Identifier: MIT */
#ifndef EMIT_PAGE_H
#define EMIT_PAGE_H
/* What: the fixed parts of the page that html.c writes: page.c. */

extern const char page_style[], page_script[];

/* The body, around the title and the line about the program. */
extern const char page_before_title[], page_before_about[], page_after_about[];

#endif
