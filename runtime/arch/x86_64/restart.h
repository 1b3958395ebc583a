/* SPDX-License-Identifier: MIT */
#ifndef GORI_RESTART_H
#define GORI_RESTART_H
/*
 * What: compare and store without a locked instruction, for words that threads write by turns of some hundred:
 * a restartable sequence (rseq(2)).
 *
 * How: between the comparison and the store the thread may be interrupted or preempted; then the kernel does
 * not let it go on there but sends it to the abort handler.  gori_barrier_restart_all makes the kernel do that
 * on all processors.  So whoever changes the word otherwise, and then calls that, knows: a sequence that had
 * compared the former value has stored by now, or never will.
 *
 * Invariants: the store is the last instruction of the sequence, and nothing else in it can be seen.
 * Context: any thread with a slot (gori_barrier_restart_slot).
 */
#include <stdbool.h>
#include <stdint.h>

/*
 * Replaces `old` by `new_` in *word; false if the word is another one, or there was an interruption.  The
 * bytes before the abort handler are the signature with which glibc has registered: an instruction that traps.
 */
static inline bool gori_restart_replace(uint64_t *slot, uint64_t *word, uint64_t old, uint64_t new_)
{
	__asm__ goto(".pushsection __rseq_cs, \"aw\"\n"
		     ".balign 32\n"
		     "3:	.long 0, 0\n"
		     "	.quad 1f, 2f - 1f, 4f\n"
		     ".popsection\n"
		     ".pushsection .text.gori_restart, \"ax\"\n"
		     "	.byte 0x0f, 0xb9, 0x3d\n"
		     "	.long 0x53053053\n"
		     "4:	jmp %l[failed]\n"
		     ".popsection\n"
		     "	leaq 3b(%%rip), %%rax\n"
		     "	movq %%rax, (%[slot])\n"
		     "1:	cmpq %[old], (%[word])\n"
		     "	jne %l[failed]\n"
		     "	movq %[new_], (%[word])\n"
		     "2:\n"
		     :
		     : [slot] "r"(slot), [word] "r"(word), [old] "r"(old), [new_] "r"(new_)
		     : "rax", "memory", "cc"
		     : failed);
	return true;
failed:
	return false;
}

#endif
