/* SPDX-License-Identifier: MIT */
/*
 * What: freezing a call at its entry, making it later, and returning from a function that is not running.
 *
 * How: a capture stub is called exactly as the function would be: the arguments are where the psABI put them
 * (section 3.2.3: rdi rsi rdx rcx r8 r9, xmm0..7, then the stack), and the request is in r10, the static
 * chain register, or in thread-local storage.  gori_arch_call puts everything back there.  A function knows
 * its stack arguments by their distance from the first, which it may expect to be aligned as much as any of
 * them is; so there the first is aligned to 64, wherever it was in the caller (clang 14 forgets to
 * align it in functions with variable-length arrays).
 *
 * al is 8 at each call: the psABI wants the number of vector registers there for functions with `...`.
 *
 * Rejected: saving whole ymm or zmm registers (needs xgetbv and 512 bytes for each go).
 *
 * Invariants: CFI throughout; callee-saved registers are as the psABI says.
 * Context: G, outside the runtime.
 */
#include "arch/x86_64/capture.h"

	.text

/* A function that other files of the runtime may name. */
	.macro	FUNCTION name
	.globl	\name
	.hidden	\name
	.type	\name,@function
	.p2align 4
\name:
	.cfi_startproc
	.endm

	.macro	END_FUNCTION name
	.cfi_endproc
	.size	\name, .-\name
	.endm

/* Stores the argument registers in the struct gori_regs at \base. */
	.macro	SAVE_ARGS base, at=0
	movq	%rdi, \at(\base)
	movq	%rsi, \at+8(\base)
	movq	%rdx, \at+16(\base)
	movq	%rcx, \at+24(\base)
	movq	%r8, \at+32(\base)
	movq	%r9, \at+40(\base)
	movups	%xmm0, \at+GORI_OFF_REGS_SSE(\base)
	movups	%xmm1, \at+GORI_OFF_REGS_SSE+16(\base)
	movups	%xmm2, \at+GORI_OFF_REGS_SSE+32(\base)
	movups	%xmm3, \at+GORI_OFF_REGS_SSE+48(\base)
	movups	%xmm4, \at+GORI_OFF_REGS_SSE+64(\base)
	movups	%xmm5, \at+GORI_OFF_REGS_SSE+80(\base)
	movups	%xmm6, \at+GORI_OFF_REGS_SSE+96(\base)
	movups	%xmm7, \at+GORI_OFF_REGS_SSE+112(\base)
	.endm

/* r10 = the request that gori_*_begin left. */
	.macro	LOAD_PENDING
	movq	gori_pending@gottpoff(%rip), %r10
	addq	%fs:0, %r10
	.endm

/* rax = bytes from the first stack argument to the request, which is in the caller's frame above them. */
	.macro	MEASURE
	movq	%r10, %rax
	subq	%rsp, %rax
	subq	$8, %rax
	movq	GORI_OFF_REQ_SITE(%r10), %r11
	movl	GORI_OFF_SITE_NSTACK(%r11), %r11d
	cmpq	%r11, %rax
	.endm

/* ---- go ------------------------------------------------------------------------------------------------ */

/* gori_newproc(regs, stack, req) */
FUNCTION gori_go_capture
	MEASURE
	ja	.Lgo_grow
.Lgo:
	subq	$GORI_SIZE_REGS + 8, %rsp	/* a multiple of 16, and 8 */
	.cfi_adjust_cfa_offset GORI_SIZE_REGS + 8
	SAVE_ARGS %rsp
	movq	%rsp, %rdi
	leaq	GORI_SIZE_REGS + 16(%rsp), %rsi
	movq	%r10, %rdx
	call	gori_newproc
	addq	$GORI_SIZE_REGS + 8, %rsp
	.cfi_adjust_cfa_offset -(GORI_SIZE_REGS + 8)
	ret
.Lgo_grow:
	call	capture_grow
	jmp	.Lgo
END_FUNCTION gori_go_capture

FUNCTION gori_go_capture_tls
	LOAD_PENDING
	jmp	.Lgo
END_FUNCTION gori_go_capture_tls

/* ---- defer --------------------------------------------------------------------------------------------- */

/* gori_defer_push(record, stack, req), with the registers already in the record */
FUNCTION gori_defer_capture
	MEASURE
	ja	.Ldefer_grow
.Ldefer:
	movq	GORI_OFF_REQ_ARG(%r10), %rax
	SAVE_ARGS %rax, GORI_OFF_DEFER_CALL + GORI_OFF_CALL_REGS
	movq	%rax, %rdi
	leaq	8(%rsp), %rsi
	movq	%r10, %rdx
	jmp	gori_defer_push
.Ldefer_grow:
	call	capture_grow
	jmp	.Ldefer
END_FUNCTION gori_defer_capture

FUNCTION gori_defer_capture_tls
	LOAD_PENDING
	jmp	.Ldefer
END_FUNCTION gori_defer_capture_tls

/* gori_capture_grow(r10, rax), keeping r10 and every argument. */
	.type	capture_grow,@function
	.p2align 4
capture_grow:
	.cfi_startproc
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_offset %rbp, -16
	movq	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	pushq	%r10
	subq	$GORI_SIZE_REGS + 8, %rsp
	andq	$-16, %rsp
	SAVE_ARGS %rsp
	movq	%r10, %rdi
	movq	%rax, %rsi
	call	gori_capture_grow
	movq	0(%rsp), %rdi
	movq	8(%rsp), %rsi
	movq	16(%rsp), %rdx
	movq	24(%rsp), %rcx
	movq	32(%rsp), %r8
	movq	40(%rsp), %r9
	movups	GORI_OFF_REGS_SSE(%rsp), %xmm0
	movups	GORI_OFF_REGS_SSE+16(%rsp), %xmm1
	movups	GORI_OFF_REGS_SSE+32(%rsp), %xmm2
	movups	GORI_OFF_REGS_SSE+48(%rsp), %xmm3
	movups	GORI_OFF_REGS_SSE+64(%rsp), %xmm4
	movups	GORI_OFF_REGS_SSE+80(%rsp), %xmm5
	movups	GORI_OFF_REGS_SSE+96(%rsp), %xmm6
	movups	GORI_OFF_REGS_SSE+112(%rsp), %xmm7
	movq	-8(%rbp), %r10
	leave
	.cfi_def_cfa %rsp, 8
	ret
END_FUNCTION capture_grow

/* ---- the call -------------------------------------------------------------------------------------------- */

/* void gori_arch_call(const struct gori_call *call) */
FUNCTION gori_arch_call
	xorl	%esi, %esi
	jmp	gori_arch_call_mark
END_FUNCTION gori_arch_call

/* void gori_arch_call_mark(const struct gori_call *call, uintptr_t *ret_sp) */
FUNCTION gori_arch_call_mark
	pushq	%rbp
	.cfi_def_cfa_offset 16
	.cfi_offset %rbp, -16
	movq	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	movl	GORI_OFF_CALL_NSTACK(%rdi), %ecx
	testl	%ecx, %ecx
	jnz	.Lstack
.Lload:
	testq	%rsi, %rsi
	jz	1f
	movq	%rsp, (%rsi)
1:	movq	GORI_OFF_CALL_FN(%rdi), %r11
	leaq	GORI_OFF_CALL_REGS(%rdi), %rax
	movups	GORI_OFF_REGS_SSE(%rax), %xmm0
	movups	GORI_OFF_REGS_SSE+16(%rax), %xmm1
	movups	GORI_OFF_REGS_SSE+32(%rax), %xmm2
	movups	GORI_OFF_REGS_SSE+48(%rax), %xmm3
	movups	GORI_OFF_REGS_SSE+64(%rax), %xmm4
	movups	GORI_OFF_REGS_SSE+80(%rax), %xmm5
	movups	GORI_OFF_REGS_SSE+96(%rax), %xmm6
	movups	GORI_OFF_REGS_SSE+112(%rax), %xmm7
	movq	0(%rax), %rdi
	movq	8(%rax), %rsi
	movq	16(%rax), %rdx
	movq	24(%rax), %rcx
	movq	32(%rax), %r8
	movq	40(%rax), %r9
	movl	$8, %eax
	call	*%r11
	.globl	gori_arch_call_return
	.hidden	gori_arch_call_return
gori_arch_call_return:
	leave
	.cfi_remember_state
	.cfi_def_cfa %rsp, 8
	ret
	.cfi_restore_state
.Lstack:				/* 64: the most that a parameter may be aligned to */
	leaq	(,%rcx,8), %rax
	subq	%rax, %rsp
	andq	$-64, %rsp
	movq	GORI_OFF_CALL_STACK(%rdi), %rdx
.Lcopy:
	movq	-8(%rdx,%rcx,8), %rax
	movq	%rax, -8(%rsp,%rcx,8)
	subl	$1, %ecx
	jnz	.Lcopy
	jmp	.Lload
END_FUNCTION gori_arch_call_mark

/* ---- returning from elsewhere ------------------------------------------------------------------------------ */

/* _Noreturn void gori_arch_resume(const struct gori_resume *to) */
FUNCTION gori_arch_resume
	movq	0(%rdi), %rbx
	movq	8(%rdi), %rbp
	movq	16(%rdi), %r12
	movq	24(%rdi), %r13
	movq	32(%rdi), %r14
	movq	40(%rdi), %r15
	movq	GORI_OFF_RESUME_RIP(%rdi), %rcx
	movq	GORI_OFF_RESUME_RSP(%rdi), %rsp
	cld
	xorl	%eax, %eax
	xorl	%edx, %edx
	pxor	%xmm0, %xmm0
	pxor	%xmm1, %xmm1
	jmp	*%rcx
END_FUNCTION gori_arch_resume

/* _Noreturn void gori_arch_call_from(const struct gori_resume *to, void (*fn)(void *), void *arg) */
FUNCTION gori_arch_call_from
	movq	0(%rdi), %rbx
	movq	8(%rdi), %rbp
	movq	16(%rdi), %r12
	movq	24(%rdi), %r13
	movq	32(%rdi), %r14
	movq	40(%rdi), %r15
	movq	GORI_OFF_RESUME_RIP(%rdi), %rcx
	movq	GORI_OFF_RESUME_RSP(%rdi), %rsp
	pushq	%rcx
	movq	%rdx, %rdi
	jmp	*%rsi
END_FUNCTION gori_arch_call_from

/* ---- stack words ------------------------------------------------------------------------------------------- */

/* void gori_copy_words(uint64_t *to, const uint64_t *from, uint32_t n) */
FUNCTION gori_copy_words
	movl	%edx, %ecx
	rep movsq
	ret
END_FUNCTION gori_copy_words

/* ---- what the macros see ------------------------------------------------------------------------------------ */

	.section .data.rel.ro,"aw",@progbits
	.macro	STUB name, stub
	.globl	\name
	.type	\name,@object
	.p2align 3
\name:	.quad	\stub
	.size	\name, 8
	.endm
	STUB	gori_go_stub, gori_go_capture
	STUB	gori_defer_stub, gori_defer_capture

	.section .note.GNU-stack,"",@progbits
