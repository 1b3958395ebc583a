/* SPDX-License-Identifier: MIT */
#ifndef GORI_MAIN_FRAME_H
#define GORI_MAIN_FRAME_H

/* From now on main's frame is kept when main returns.  Context: while the library is loaded. */
void gori_leak_keep_main_frame(void);

#endif
