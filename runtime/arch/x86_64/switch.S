/* SPDX-License-Identifier: MIT */
/*
 * What: the context switch and the first instructions of a goroutine.
 *
 * How: a switch is a function call that returns in another context, so only what the psABI makes
 * callee-saved has to be kept: rbx rbp r12-r15, and the control words of SSE and x87.  It ends in
 * `pop; jmp` and not in `ret`, because the return predictor would be wrong every time (3 ns against 9).
 * The control words are compared before they are loaded: reading them is cheap, writing is not, and they
 * hardly ever differ.  Rejected: not saving them (a goroutine that sets a rounding mode would change its
 * neighbours'); setjmp/longjmp (13 ns) and swapcontext (190 ns).
 *
 * Invariants: the frame at g->sp is struct gori_switch_frame of abi/abi.h.  The old stack pointer is
 * published last: from that store on, another thread may resume the old context.
 */
	.text

/* void gori_arch_switch(void **ret_sp, void *to_sp) */
	.globl	gori_arch_switch
	.hidden	gori_arch_switch
	.type	gori_arch_switch,@function
	.p2align 5
gori_arch_switch:
	.cfi_startproc
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	pushq	%rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbx, 0
	pushq	%r12
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r12, 0
	pushq	%r13
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r13, 0
	pushq	%r14
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r14, 0
	pushq	%r15
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r15, 0
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	stmxcsr	(%rsp)
	fnstcw	4(%rsp)
	movl	(%rsp), %eax
	movzwl	4(%rsp), %ecx
	movq	%rsp, (%rdi)		/* published: the old context may go on elsewhere */
	movq	%rsi, %rsp
	xorl	(%rsp), %eax
	testl	$0xffc0, %eax		/* the low six bits are sticky status, not control */
	jne	2f
1:	cmpw	4(%rsp), %cx
	jne	3f
4:	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	popq	%r15
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r15
	popq	%r14
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r14
	popq	%r13
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r13
	popq	%r12
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r12
	popq	%rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbx
	popq	%rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbp
	popq	%rcx
	.cfi_adjust_cfa_offset -8
	.cfi_register %rip, %rcx
	jmpq	*%rcx
	.cfi_endproc
	.size	gori_arch_switch, .-gori_arch_switch

	/* Cold: the control words differ.  Unwinders never stop here: no calls. */
	.p2align 4
	.type	gori_arch_switch_cold,@function
gori_arch_switch_cold:
	.cfi_startproc
	.cfi_undefined %rip
2:	ldmxcsr	(%rsp)
	jmp	1b
3:	fldcw	4(%rsp)
	jmp	4b
	.cfi_endproc
	.size	gori_arch_switch_cold, .-gori_arch_switch_cold

/*
 * Where a new goroutine starts: rbx holds its G (put there by gori_arch_prepare).  There is no caller:
 * rip is undefined, so that unwinders end here.
 */
	.globl	gori_arch_entry
	.hidden	gori_arch_entry
	.type	gori_arch_entry,@function
	.p2align 4
gori_arch_entry:
	.cfi_startproc
	.cfi_undefined %rip
	movq	%rbx, %rdi
	xorl	%ebp, %ebp
	call	gori_g_main
	hlt
	.cfi_endproc
	.size	gori_arch_entry, .-gori_arch_entry

	.section .note.GNU-stack,"",@progbits
