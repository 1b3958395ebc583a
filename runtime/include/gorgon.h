/* SPDX-License-Identifier: MIT */
#ifndef GORGON_H
#define GORGON_H
/*
 * What: all of Gorgon: goroutines, channels, select, defer, panic, recover, sync, values.
 *
 * How: each header below can also be included alone.  The short words (go, defer, panic, recover, chan,
 * chan_send, ...) are macros; a program that has other uses for these words defines GOR_NO_KEYWORDS before
 * the first include and writes GORI_GO, GORI_CHAN_SEND and so on instead.
 */
#include <gorgon/base.h>
#include <gorgon/site.h>
#include <gorgon/call.h>
#include <gorgon/go.h>
#include <gorgon/sched.h>
#include <gorgon/defer.h>
#include <gorgon/panic.h>
#include <gorgon/string.h>
#include <gorgon/slice.h>
#include <gorgon/map.h>
#include <gorgon/any.h>
#include <gorgon/chan.h>
#include <gorgon/timer.h>
#include <gorgon/sync.h>
#include <gorgon/context.h>
#include <gorgon/dump.h>
#include <gorgon/leak.h>
#include <gorgon/list.h>

#endif
