/* SPDX-License-Identifier: MIT */
#ifndef TEXT_WORLD_H
#define TEXT_WORLD_H
/* What: the first traceback of a text, for fuzzers of what is done with it. */
#include "model/world.h"

/* False: it has none. */
bool text_world(const void *text, size_t n, struct world *ret);

#endif
