/* SPDX-License-Identifier: MIT */
/*
 * What: the first instructions of a goroutine, and of the g0 of an adopted thread.  The switch that leads here
 * is inline, in arch.h.
 */
	.text

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
