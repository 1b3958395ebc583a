/* SPDX-License-Identifier: MIT */
/*
 * What: the published table; abi/table.h describes it.
 *
 * How: one X-macro over the structs of abi/, expanded twice: to count the entries, and to make them.  The
 * list of fields of each struct is taken apart by the preprocessor's usual recursion by rescanning.
 * What lies in modules above this one (roots of the scheduler and so on) they add themselves when they
 * start, with gori_table_add.  Rejected: a section to which every module contributes (the order and the end
 * are the linker's, and archives leave members out).
 *
 * Invariants: after the library is loaded the table does not change.
 * Context: gori_table_add only while the library is loaded.
 */
#include "abi/table.h"

#include "abi/abi.h"
#include "abi/death.h"
#include "abi/options_abi.h"
#include "abi/panic_abi.h"
#include "abi/sync_abi.h"
#include "abi/types_abi.h"
#include "crash/crash.h"
#include "crash/raw_fatal.h"
#include "crash/raw_report.h"
#include "sys/clock.h"
#include "sys/options.h"

#include "crash/safe.h"

/* ---- one entry per struct and per field -------------------------------------------------------------------- */

#define EVAL(...) EVAL1(EVAL1(EVAL1(EVAL1(__VA_ARGS__))))
#define EVAL1(...) EVAL2(EVAL2(EVAL2(EVAL2(__VA_ARGS__))))
#define EVAL2(...) EVAL3(EVAL3(EVAL3(EVAL3(__VA_ARGS__))))
#define EVAL3(...) __VA_ARGS__
#define PARENS ()
/* clang-format off */
#define FIELDS(emit, s, t, f, ...) emit(s, t, f) __VA_OPT__(FIELDS_AGAIN PARENS(emit, s, t, __VA_ARGS__))
/* clang-format on */
#define FIELDS_AGAIN() FIELDS

#define ENTRY(text, v) {text, (uint64_t)(v)},
#define ONE_FIELD(s, t, f) ENTRY(#s "." #f, offsetof(struct t, f))
#define ONE_STRUCT(s, t, ...) ENTRY("sizeof." #s, sizeof(struct t)) EVAL(FIELDS(ONE_FIELD, s, t, __VA_ARGS__))
#define ONE_WAIT(name, text) ENTRY("wait." #name, GORI_WAIT_##name)

/* ---- the rest ------------------------------------------------------------------------------------------------- */

#define OTHERS(X)                                                                                            \
	X("status.DEAD", GORI_GDEAD)                                                                         \
	X("status.RUNNABLE", GORI_GRUNNABLE)                                                                 \
	X("status.RUNNING", GORI_GRUNNING)                                                                   \
	X("status.SYSCALL", GORI_GSYSCALL)                                                                   \
	X("status.WAITING", GORI_GWAITING)                                                                   \
	X("gflag.SYSTEM", GORI_G_SYSTEM)                                                                     \
	X("gflag.FOREIGN", GORI_G_FOREIGN)                                                                   \
	X("gflag.MAIN", GORI_G_MAIN)                                                                         \
	X("gflag.LEAK_IGNORE", GORI_G_LEAK_IGNORE)                                                           \
	X("gflag.ENDING", GORI_G_ENDING)                                                                     \
	X("const.NWAIT", GORI_NWAIT)                                                                         \
	X("const.RUNQ_SIZE", GORI_RUNQ_SIZE)                                                                 \
	X("const.ENDED", GORI_ENDED)                                                                         \
	X("const.CHAN_COOKIE", GORI_CHAN_COOKIE)                                                             \
	X("const.CTX_COOKIE", GORI_CTX_COOKIE)                                                               \
	X("const.TIMER_COOKIE", GORI_CHAN_TIMER_COOKIE)                                                      \
	X("const.ANY_INLINE", GORI_ANY_INLINE)                                                               \
	X("const.MAP_SLOTS", GORI_MAP_SLOTS)                                                                 \
	X("const.MAP_TOP_MIN", GORI_MAP_TOP_MIN)                                                             \
	X("root.wait_texts", (uintptr_t)gori_wait_texts)                                                     \
	X("root.coarse_ns", (uintptr_t)&gori_coarse_ns)                                                      \
	X("root.options", (uintptr_t)&gori_options)                                                          \
	X("root.death", (uintptr_t)&raw_death)

#define FIXED_ENTRIES GORI_TABLE_STRUCTS(ONE_STRUCT) GORI_WAIT_REASONS(ONE_WAIT) OTHERS(ENTRY)

enum { NFIXED = sizeof((struct gori_table_entry[]){FIXED_ENTRIES}) / sizeof(struct gori_table_entry) };

struct table {
	struct gori_table_head head;
	struct gori_table_entry entries[NFIXED + GORI_TABLE_SPARE];
};

extern struct table gori_table;

/* Not const: its addresses are relocated, and entries are added. */
__attribute__((section(".gorgon"), used, visibility("default"))) struct table gori_table = {
	.head = {.cookie = {'g', 'o', 'r', 'g', 'o', 'n', 0, 1},
		 .version = GORI_TABLE_VERSION,
		 .size = sizeof(struct table),
		 .nentries = NFIXED,
		 .entry_size = sizeof(struct gori_table_entry),
		 .self = (uint64_t)(uintptr_t)&gori_table},
	.entries = {FIXED_ENTRIES},
};

/* The note that abi/table.h describes.  The hidden name is there because the distance to one that other modules
 * may replace is nothing the linker knows. */
extern struct table gori_table_here __attribute__((alias("gori_table"), visibility("hidden")));
__asm__(".pushsection .note.gorgon, \"a\", @note\n"
	"	.balign 4\n"
	"	.long 7, 8, 1\n"
	"	.asciz \"" GORI_NOTE_NAME "\"\n"
	"	.balign 4\n"
	"	.quad gori_table_here - .\n"
	".popsection");

/* Context: while the library is loaded. */
void gori_table_withdraw(void)
{
	gori_table.head.nentries = 0;
}

/* Context: while the library is loaded. */
void gori_table_add(const char *name, uint64_t value)
{
	struct gori_table_entry *e = &gori_table.entries[gori_table.head.nentries];

	if (gori_table.head.nentries == NFIXED + GORI_TABLE_SPARE)
		gori_crash_fatal("the published table is full: raise GORI_TABLE_SPARE");
	for (int i = 0; i < GORI_TABLE_NAME - 1 && name[i]; i++)
		e->name[i] = name[i];
	e->value = value;
	gori_table.head.nentries++;
}
