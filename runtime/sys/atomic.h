/* SPDX-License-Identifier: MIT */
#ifndef GORI_ATOMIC_H
#define GORI_ATOMIC_H
/*
 * What: atomic access to plain fields, with short names that say the ordering.
 *
 * How: the compilers' __atomic builtins on ordinary objects rather than _Atomic types, because the same
 * structs are read by another process and by C++ tools.
 *
 * Context: any.
 */
#define gori_load(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define gori_load_acq(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define gori_load_sc(p) __atomic_load_n((p), __ATOMIC_SEQ_CST)
#define gori_store(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define gori_store_rel(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define gori_store_sc(p, v) __atomic_store_n((p), (v), __ATOMIC_SEQ_CST)
#define gori_xchg(p, v) __atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)
#define gori_add(p, v) __atomic_fetch_add((p), (v), __ATOMIC_SEQ_CST) /* returns the former value */
#define gori_or(p, v) __atomic_fetch_or((p), (v), __ATOMIC_SEQ_CST)
#define gori_and(p, v) __atomic_fetch_and((p), (v), __ATOMIC_SEQ_CST)
#define gori_fence() __atomic_thread_fence(__ATOMIC_SEQ_CST)

/* Compare and swap; true if *p was `old` and now is `new_`. */
#define gori_cas(p, old, new_)                                                                               \
	__extension__({                                                                                      \
		__typeof__(*(p)) gori_old_ = (old);                                                          \
		__atomic_compare_exchange_n((p), &gori_old_, (new_), 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED); \
	})

/* Keeps the compiler, not the processor, from moving memory accesses across. */
#define gori_compiler_barrier() __asm__ volatile("" ::: "memory")
#define gori_pause() __builtin_ia32_pause()

#define gori_likely(x) __builtin_expect(!!(x), 1)
#define gori_unlikely(x) __builtin_expect(!!(x), 0)

#endif
