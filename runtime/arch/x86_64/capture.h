/* SPDX-License-Identifier: MIT */
#ifndef GORI_CAPTURE_H
#define GORI_CAPTURE_H
/*
 * What: freezing a call and making it later; leaving frames for good.
 *
 * How: capture.S, which needs some offsets as numbers.
 *
 * Context: G, outside the runtime, unless marked.
 */

/* struct gor_call_req, struct gor_site */
#define GORI_OFF_REQ_SITE 8
#define GORI_OFF_REQ_ARG 16
#define GORI_OFF_SITE_NSTACK 28
/* struct gori_call */
#define GORI_OFF_CALL_FN 0
#define GORI_OFF_CALL_STACK 16
#define GORI_OFF_CALL_NSTACK 24
#define GORI_OFF_CALL_REGS 32
#define GORI_OFF_REGS_SSE 48
#define GORI_SIZE_REGS 176
/* struct gori_defer */
#define GORI_OFF_DEFER_CALL 64
/* struct gori_resume */
#define GORI_OFF_RESUME_RSP 48
#define GORI_OFF_RESUME_RIP 56

#ifndef __ASSEMBLER__

#include "abi/abi.h"

#pragma GCC visibility push(hidden)

/* What a function's caller gets back when the function returns. */
struct gori_resume {
	uint64_t rbx, rbp, r12, r13, r14, r15;
	uint64_t rsp; /* after the return */
	uint64_t rip;
};

/* Calls call->fn with the captured arguments. */
void gori_arch_call(const struct gori_call *call);

/* The same; *ret_sp becomes the stack pointer right before the call, above the return address. */
void gori_arch_call_mark(const struct gori_call *call, uintptr_t *ret_sp);

/* The return address of every call that these two make. */
extern const char gori_arch_call_return[];

/* Goes on in a function's caller as if the function had returned zero.  Context: any. */
_Noreturn void gori_arch_resume(const struct gori_resume *to);

/* Calls fn(arg) as if `to`, which is left at its call, had called that instead.  Context: any. */
_Noreturn void gori_arch_call_from(const struct gori_resume *to, void (*fn)(void *), void *arg);

/* Copies words of a stack; not instrumented, since they may be nobody's objects.  Context: any. */
void gori_copy_words(uint64_t *to, const uint64_t *from, uint32_t n);

/* The stubs: only for gori_go_stub and so on; they are called as the captured function would be. */
void gori_go_capture(void);
void gori_defer_capture(void);
void gori_go_capture_tls(void);
void gori_defer_capture_tls(void);

/* ---- what the stubs call -------------------------------------------------------------------------------- */

void gori_newproc(const struct gori_regs *regs, const uint64_t *stack, const struct gor_call_req *req);
void gori_defer_push(struct gori_defer *d, const uint64_t *stack, const struct gor_call_req *req);
/* The arguments need `bytes` on the stack: more than site->nstack says. */
void gori_capture_grow(const struct gor_call_req *req, uint64_t bytes);

/* The request of gori_go_begin and gori_defer_begin. */
extern __thread struct gor_call_req gori_pending __attribute__((tls_model("initial-exec")));

#pragma GCC visibility pop

#endif
#endif
