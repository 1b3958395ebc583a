/* SPDX-License-Identifier: MIT */
#ifndef GORI_TABLE_H
#define GORI_TABLE_H
/*
 * What: the published table: names and numbers that let a reader of any version find its way in a process or
 * core that has no debug information.
 *
 * How: one object, gori_table, alone in the section ".gorgon" of whatever the runtime is linked into (also a
 * dynamic symbol, and found by its cookie where section headers were stripped).  The file tells only where
 * it is: addresses in it are relocated when it is loaded, and some entries are written at run time, so its
 * contents are read from memory.
 *
 *	offset  size
 *	0       8     cookie "gorgon\0\1"
 *	8       4     version of this layout: GORI_TABLE_VERSION
 *	12      4     size of the whole in bytes
 *	16      4     number of entries in use
 *	20      4     size of one entry: 32
 *	24      8     address of the table itself: minus that in the file, it is the load bias
 *	32      -     entries: char name[24], ended by a zero byte; uint64_t value
 *
 * Names:	sizeof.STRUCT		size of a struct
 *		STRUCT.FIELD		offset of a field
 *		status.NAME, wait.NAME, gflag.NAME	values of enums
 *		root.NAME		address of a variable
 *		const.NAME		any other number
 * An entry that is missing means that this runtime has no such thing.  Entries are in no order.
 *
 * The same file has an ELF note (PT_NOTE, section ".note.gorgon"; name "Gorgon", type GORI_NOTE_TABLE) whose 8
 * bytes are the distance from themselves to the table: it is found in memory where nobody has the sections.
 *
 * A process can have more than one table.  One without entries belongs to a preloaded copy that has stood aside: it is
 * as if it were not there.
 *
 * Invariants: what a name means never changes; something that changes gets a new name.  Version counts
 * changes of the layout above only.
 * Context: written while the library is loaded; read from anywhere.
 */
#include <stdint.h>

#define GORI_TABLE_COOKIE "gorgon\0\1" /* its 8 bytes, without the zero that ends the literal */
#define GORI_TABLE_VERSION 1
#define GORI_TABLE_NAME 24
#define GORI_TABLE_SPARE 64            /* entries that modules add at run time */
#define GORI_NOTE_NAME "Gorgon"
#define GORI_NOTE_TABLE 1

struct gori_table_head {
	char cookie[8];
	uint32_t version;
	uint32_t size;
	uint32_t nentries;
	uint32_t entry_size;
	uint64_t self;
};

struct gori_table_entry {
	char name[GORI_TABLE_NAME];
	uint64_t value;
};

/*
 * Every struct that a reader may have to walk, with all its fields: X(short name, struct, fields...).
 * tests/unit/raw_table_test.c compares this with the debug information, so that none is forgotten.
 */
#define GORI_TABLE_STRUCTS(X)                                                                        \
	X(g, gori_g, sp, link, m, status, wait, flags, fresh, saved_errno, wait_obj, since, wake,    \
	  waiters, nwaiters, select_done, goid, parent_goid, locked_m, lock_depth, nlocks_held,      \
	  defers, panics, stack_lo, stack_hi, labels, call, all_next, all_prev, locals, tsan_fiber,  \
	  asan_fake_stack, asan_root_size, cxx_caught, cxx_uncaught, valgrind_stack_id, crash_pc,    \
	  crash_sp)                                                                                  \
	X(m, gori_m, in_rt, claim, curg, p, errno_loc, locked_g, nextp, park_futex, spinning,        \
	  foreign, slow_exit, ending, in_crash, queueing, own_g, next_g, lost, timekeeper, restart_slot, link,   \
	  all_next, tid, id, pthread, is_main, altstack, cxx_globals, crash_frozen, crash_regs, g0)                 \
	X(p, gori_p, m, runnext, schedtick, id, handoff_score, fresh_since, gfree, gspare, ngfree, rand, \
	  goid_next, goid_end, budget, torture, slot_next, slot_end, nspawned, nended, runq_head,    \
	  runq_tail, runq, fresh_top, fresh_bottom, fresh, ended, timer_lock, ntimers,               \
	  timers_cap, timer_next, timers, seen_tick, seen_when, link, next_seen, next_seen_tick)                 \
	X(call, gori_call, fn, site, stack, nstack, align, regs)                                     \
	X(regs, gori_regs, gpr, sse)                                                                 \
	X(switch, gori_switch_frame, mxcsr, x87cw, r15, r14, r13, r12, rbx, rbp, rip)                \
	X(waiter, gori_waiter, g, next, prev, obj, elem, kase, is_send, is_select, success, linked,  \
	  ticket)                                                                                    \
	X(waitq, gori_waitq, first, last)                                                            \
	X(label, gori_label, next, key, value)                                                       \
	X(site, gor_site, file, func, what, line, nstack)                                            \
	X(timer, gori_timer, when, period, fn, arg, p, index, firing, detached)                      \
	X(arena, gori_arena, base, nslots, used)                                                     \
	X(timer_slot, gori_timer_slot, when, timer)                                                  \
	X(ended, gori_ended, goid, site, when)                                                       \
	X(chan, gor_chan, lock, elem_size, len, cap, sendx, recvx, recvq, sendq, closed, flags, buf, \
	  cookie, site, maker, last_sender, last_receiver, closer)                                   \
	X(chan_timer, gori_chan_timer, timer, cookie, pc, maker, call, lock)                         \
	X(flight, gori_flight, next, key, hash, value, code, linked, shared, outcome, owner, pc,     \
	  group, waiters)                                                                            \
	X(ctx, gor_context, cookie, kind, refs, parent, up, deadline, key, value, maker, pc, root,   \
	  children, next, prev, lock, linked, timed, done, err, canceller, cancelled_at, timer)      \
	X(mutex, gor_mutex, word, last, since, pc, waiters, lock, streak)                            \
	X(rwmutex, gor_rwmutex, word, owner, last, since, pc, readq, writeq, lock, readers)          \
	X(reader, gori_reader, goid, since, pc)                                                      \
	X(wg, gor_waitgroup, word, last_adder, last_doner, since, pc, waiters, lock)                 \
	X(once, gor_once, state, lock, owner, since, pc, waiters)                                    \
	X(cond, gor_cond, waiters, lock, self, last_waker, last_wake)                                \
	X(sem, gor_sem, size, held, last_acquirer, last_releaser, pc, waiters, lock)                 \
	X(string, gori_abi_string, ptr, len)                                                         \
	X(slice, gori_abi_slice, ptr, len, cap)                                                      \
	X(type, gori_abi_type, name, kind, flags, size, to_text)                                     \
	X(any, gori_abi_any, type, data)                                                             \
	X(maptype, gori_abi_map_type, name, key_name, value_name, hash, equal, key_size, value_size, \
	  keys_offset, values_offset, overflow_offset, bucket_size, key_class)                       \
	X(map, gori_abi_map, count, type, seed, buckets, old_buckets, bucket_size, value_size,       \
	  values_offset, flags, log2_buckets, moved, overflows)                                      \
	X(map_table, gori_abi_map_table, refs, chunks, spare, spare_end, log2_buckets)               \
	X(map_chunk, gori_abi_map_chunk, next)                                                       \
	X(list_node, gori_abi_list_node, next, prev, list)                                           \
	X(list, gori_abi_list, root, len)                                                            \
	X(defer, gori_defer, link, check, frame, ret, panic, outer, heap, state, call, tail, words)  \
	X(panic, gori_panic, link, defer, argp, nested, base, frame, value, goexit, recovered,       \
	  aborted, repanicked, text_state, sig, code, addr, pc, big, shown, text)                    \
	X(death, gori_death, kind, tid, g, m, regs, sse, has_sse, exact, message_printed,            \
	  print_registers, is_plain, is_blameless, sig, code, addr, pc, sender_pid, sender_uid,      \
	  traceback, nawake, flags, message_len, when, deadline, options, path, message)             \
	X(options, gori_options, maxprocs, traceback, stack, stack_dead_max, torture,                \
	  handle_signals, guard_mprotect, helper_off, args, color, group, why, threads,              \
	  dump_seconds, dump_signal, leaks_signal, leaks, registry, exitcode, stuck_ns,              \
	  suppressions, report, junit, sarif, json, html, baseline, fail_on, helper, log_path,       \
	  snapshot)

#endif
