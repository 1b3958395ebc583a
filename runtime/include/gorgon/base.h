/* SPDX-License-Identifier: MIT */
#ifndef GORGON_BASE_H
#define GORGON_BASE_H
/* What: the few compiler words that all public headers share. */
#ifdef __cplusplus
#define GOR_BEGIN_DECLS extern "C" {
#define GOR_END_DECLS }
#define GOR_NORETURN [[noreturn]]
#else
#define GOR_BEGIN_DECLS
#define GOR_END_DECLS
#define GOR_NORETURN _Noreturn
#endif
#define GOR_API __attribute__((visibility("default")))
#define GOR_LIKELY(x) __builtin_expect(!!(x), 1)
#define GOR_UNLIKELY(x) __builtin_expect(!!(x), 0)
#endif
