/* SPDX-License-Identifier: MIT */
/*
 * What: the assembly of crash code: the frame between a faulting instruction and gori_sigpanic, the return
 * from our signal handlers, a snapshot of the registers, and a call on another stack.
 *
 * How: the fault handler makes the interrupted goroutine "call" gori_sigpanic: below its stack pointer and
 * red zone it stores the seventeen registers in DWARF order, and sets rsp to them and rip to
 * gori_sigpanic_entry.  The unwind information of the entry then restores every register from there, and
 * the augmentation 'S' says that the frame above was interrupted: its pc is exact, and its caller-saved
 * registers are what they were, arguments included.
 *
 * Invariants: rsp is 16-aligned on arrival and is not moved.  Expressions are DW_OP_breg7 (rsp) + 8 * n; for
 * rsp itself and the CFA the stored word is the value.
 * Context: gori_sigpanic_entry: G.  The others: any.
 */
	.text

/* DW_CFA_expression reg, {DW_OP_breg7 offset}: two-byte offsets so that all have one form. */
	.macro	SAVED reg, n
	.cfi_escape 0x10, \reg, 3, 0x77, 0x80 | ((8 * \n) & 0x7f), (8 * \n) >> 7
	.endm

	.globl	gori_sigpanic_entry
	.hidden	gori_sigpanic_entry
	.type	gori_sigpanic_entry,@function
	.p2align 4
	nop				/* so that pc - 1 of the entry, were it looked up, is ours too */
gori_sigpanic_entry:
	.cfi_startproc
	.cfi_signal_frame
	/* DW_CFA_def_cfa_expression {DW_OP_breg7 8*7, DW_OP_deref} */
	.cfi_escape 0x0f, 3, 0x77, 8 * 7, 0x06
	SAVED	0, 0
	SAVED	1, 1
	SAVED	2, 2
	SAVED	3, 3
	SAVED	4, 4
	SAVED	5, 5
	SAVED	6, 6
	SAVED	7, 7
	SAVED	8, 8
	SAVED	9, 9
	SAVED	10, 10
	SAVED	11, 11
	SAVED	12, 12
	SAVED	13, 13
	SAVED	14, 14
	SAVED	15, 15
	SAVED	16, 16
	call	gori_sigpanic		/* arguments are where the handler put them */
	ud2
	.cfi_endproc
	.size	gori_sigpanic_entry, .-gori_sigpanic_entry

/* Return from handlers that were installed without libc; CFI as in every libc: at the ucontext on the stack.
 * rsp points to it, 40 bytes before its registers r8 r9 r10 r11 r12..r15 rdi rsi rbp rbx rdx rax rcx rsp rip. */
	.macro	UCTX reg, n
	.cfi_escape 0x10, \reg, 3, 0x77, 0x80 | ((40 + 8 * \n) & 0x7f), (40 + 8 * \n) >> 7
	.endm

	.globl	gori_crash_restorer
	.hidden	gori_crash_restorer
	.type	gori_crash_restorer,@function
	.p2align 4
	.cfi_startproc
	.cfi_signal_frame
	/* {DW_OP_breg7 160, DW_OP_deref} */
	.cfi_escape 0x0f, 4, 0x77, 0xa0, 0x01, 0x06
	UCTX	8, 0
	UCTX	9, 1
	UCTX	10, 2
	UCTX	11, 3
	UCTX	12, 4
	UCTX	13, 5
	UCTX	14, 6
	UCTX	15, 7
	UCTX	5, 8
	UCTX	4, 9
	UCTX	6, 10
	UCTX	3, 11
	UCTX	1, 12
	UCTX	0, 13
	UCTX	2, 14
	UCTX	7, 15
	UCTX	16, 16
	nop				/* return addresses are looked up at pc - 1 */
gori_crash_restorer:
	movq	$15, %rax		/* rt_sigreturn; gdb knows the frame by exactly these bytes */
	syscall
	.cfi_endproc
	.size	gori_crash_restorer, .-gori_crash_restorer

/* void gori_crash_getregs(uint64_t regs[17]): the caller's registers as they are after the call. */
	.globl	gori_crash_getregs
	.hidden	gori_crash_getregs
	.type	gori_crash_getregs,@function
	.p2align 4
gori_crash_getregs:
	.cfi_startproc
	movq	%rax, 0(%rdi)
	movq	%rdx, 8(%rdi)
	movq	%rcx, 16(%rdi)
	movq	%rbx, 24(%rdi)
	movq	%rsi, 32(%rdi)
	movq	%rdi, 40(%rdi)
	movq	%rbp, 48(%rdi)
	leaq	8(%rsp), %rax
	movq	%rax, 56(%rdi)
	movq	%r8, 64(%rdi)
	movq	%r9, 72(%rdi)
	movq	%r10, 80(%rdi)
	movq	%r11, 88(%rdi)
	movq	%r12, 96(%rdi)
	movq	%r13, 104(%rdi)
	movq	%r14, 112(%rdi)
	movq	%r15, 120(%rdi)
	movq	(%rsp), %rax
	movq	%rax, 128(%rdi)
	ret
	.cfi_endproc
	.size	gori_crash_getregs, .-gori_crash_getregs

/* void gori_crash_on_stack(void *top, void (*fn)(void *), void *arg): fn(arg) on the stack that ends at top,
 * which is 16-aligned. */
	.globl	gori_crash_on_stack
	.hidden	gori_crash_on_stack
	.type	gori_crash_on_stack,@function
	.p2align 4
gori_crash_on_stack:
	.cfi_startproc
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	movq	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	movq	%rdi, %rsp
	movq	%rdx, %rdi
	call	*%rsi
	leave
	.cfi_def_cfa %rsp, 8
	ret
	.cfi_endproc
	.size	gori_crash_on_stack, .-gori_crash_on_stack

/* long gori_crash_clone(long flags, void *top, void (*fn)(void *), void *arg): clone(2).  The child runs fn(arg) on
 * the stack that ends at top, which is 16-aligned, and never returns from it.  The parent gets its pid, or a
 * negative errno. */
	.globl	gori_crash_clone
	.hidden	gori_crash_clone
	.type	gori_crash_clone,@function
	.p2align 4
gori_crash_clone:
	.cfi_startproc
	movq	%rdx, %r8
	movq	%rcx, %r9
	xorl	%edx, %edx
	xorl	%r10d, %r10d
	movl	$56, %eax		/* SYS_clone; r8 would be its thread pointer, if asked for one */
	syscall
	testq	%rax, %rax
	jz	1f
	ret
1:	.cfi_undefined %rip
	xorl	%ebp, %ebp
	movq	%r9, %rdi
	call	*%r8
	hlt
	.cfi_endproc
	.size	gori_crash_clone, .-gori_crash_clone

	.section .note.GNU-stack,"",@progbits
