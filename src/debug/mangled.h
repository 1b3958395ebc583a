/* SPDX-License-Identifier: MIT */
#ifndef DEBUG_MANGLED_H
#define DEBUG_MANGLED_H
/*
 * What: names of C++ variables and functions out of their linker symbols (Itanium C++ ABI, 5.1), for want of debug
 * information, which has them as they were written.
 *
 * How: the C++ library's own demangler, and from what it says of a function the name alone: `void geo::turn<2>(int)
 * const` is geo::turn<2>.  Parts that the compiler has split off keep their suffix: geo::turn<2>.cold.  Built without
 * that library, symbols stay as they are.
 */
#include "base/arena.h"

/* The name; the symbol itself if it has no other. */
const char *mangled_name(struct arena *a, const char *symbol);

#endif
