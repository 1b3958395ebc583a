/* SPDX-License-Identifier: MIT */
#ifndef GORI_ARCH_H
#define GORI_ARCH_H
/*
 * What: what every architecture provides: the switch, the first frame of a goroutine.
 * Context: G or M, inside the runtime.
 */
#include <stdint.h>

#include "abi/abi.h"

#pragma GCC visibility push(hidden)

/*
 * Saves the current context at *ret_sp and goes on in the context saved at to_sp (struct gori_switch_frame).
 * From the store to *ret_sp on, another thread may resume the old context.
 *
 * Only what the psABI makes callee-saved has to be kept: rbx rbp r12-r15, and the control words of SSE and x87.
 * Those are compared before they are loaded: reading them is cheap, writing is not, and they hardly ever differ;
 * the low six bits of mxcsr are sticky status, not control.
 *
 * Inline, because the processor predicts returns by counting calls: a switch that is called leaves one return
 * too many to predict, and every return after it is mispredicted (23 ns a yield against 14).  The files that
 * use it are compiled without a red zone, since the pushes are below the compiler's stack.  Rejected: ending
 * in ret (mispredicted when contexts wait at different places); not saving the control words (a goroutine
 * that sets a rounding mode would change its neighbours'); setjmp/longjmp (13 ns), swapcontext (190 ns).
 */
static inline __attribute__((always_inline)) void gori_arch_switch(void **ret_sp, void *to_sp)
{
	__asm__ volatile("leaq 9f(%%rip), %%rax\n\t"
			 "pushq %%rax\n\t"
			 "pushq %%rbp\n\t"
			 "pushq %%rbx\n\t"
			 "pushq %%r12\n\t"
			 "pushq %%r13\n\t"
			 "pushq %%r14\n\t"
			 "pushq %%r15\n\t"
			 "subq $8, %%rsp\n\t"
			 "stmxcsr (%%rsp)\n\t"
			 "fnstcw 4(%%rsp)\n\t"
			 "movl (%%rsp), %%eax\n\t"
			 "movzwl 4(%%rsp), %%ecx\n\t"
			 "movq %%rsp, (%%rdi)\n\t"
			 "movq %%rsi, %%rsp\n\t"
			 "xorl (%%rsp), %%eax\n\t"
			 "testl $0xffc0, %%eax\n\t"
			 "jne 2f\n"
			 "1:\tcmpw 4(%%rsp), %%cx\n\t"
			 "jne 3f\n"
			 "4:\taddq $8, %%rsp\n\t"
			 "popq %%r15\n\t"
			 "popq %%r14\n\t"
			 "popq %%r13\n\t"
			 "popq %%r12\n\t"
			 "popq %%rbx\n\t"
			 "popq %%rbp\n\t"
			 "popq %%rcx\n\t"
			 "jmpq *%%rcx\n"
			 "2:\tldmxcsr (%%rsp)\n\t"
			 "jmp 1b\n"
			 "3:\tfldcw 4(%%rsp)\n\t"
			 "jmp 4b\n"
			 "9:"
			 : "+D"(ret_sp), "+S"(to_sp)
			 :
			 : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",
			   "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
			   "xmm15", "cc", "memory");
}

/* Where a prepared context starts; calls gori_g_main(g), which never returns. */
void gori_arch_entry(void);

/* Puts a first frame at the top of a stack, so that switching to the result calls gori_g_main(g). */
static inline void *gori_arch_prepare(uintptr_t stack_top, struct gori_g *g)
{
	/* The entry is reached by a jump with the stack 16-aligned; its call then aligns as the psABI wants. */
	struct gori_switch_frame *f = (struct gori_switch_frame *)((stack_top & ~(uintptr_t)15) - 16) - 1;

	f->mxcsr = 0x1f80; /* the psABI's values at process start */
	f->x87cw = 0x037f;
	f->rbp = 0;
	f->rbx = (uint64_t)(uintptr_t)g;
	f->rip = (uint64_t)(uintptr_t)gori_arch_entry;
	return f;
}

#pragma GCC visibility pop

#endif
