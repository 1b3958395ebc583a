/* SPDX-License-Identifier: MIT */
/* What, how: debug/unwind_guess.h. */
#include "debug/unwind_guess.h"

#include <stddef.h>
#include <ucontext.h>

/* The longest call instruction, without prefixes that no compiler writes. */
enum { MAX_CALL = 8 };

static bool is_code(struct unwinder *u, uint64_t addr)
{
	const struct mapping *m = target_mapping(u->target, addr);

	return m && m->executable;
}

/* The length of the operand that a ModRM byte of a call through memory or register begins. */
static unsigned operand_length(const unsigned char *modrm)
{
	unsigned mod = *modrm >> 6, rm = *modrm & 7;
	unsigned sib = mod != 3 && rm == 4;

	if (mod == 3)
		return 1;
	if (mod == 1)
		return 2 + sib;
	if (mod == 2)
		return 5 + sib;
	if (rm == 5 || (sib && (modrm[1] & 7) == 5))
		return 5 + sib;
	return 1 + sib;
}

/* A call instruction ends at the end of these bytes. */
static bool ends_with_call(const unsigned char *p, size_t n)
{
	if (n >= 5 && p[n - 5] == 0xe8)
		return true;
	for (size_t len = 2; len < MAX_CALL && len <= n; len++) {
		const unsigned char *at = p + n - len;

		if (at[0] == 0xff && (at[1] >> 3 & 7) == 2 && operand_length(at + 1) == len - 1)
			return true;
	}
	return false;
}

static bool is_return_address(struct unwinder *u, uint64_t addr)
{
	unsigned char code[MAX_CALL] = {0};

	/* The kernel calls handlers without a call. */
	if (is_code(u, addr) && cfi_is_sigreturn(u->target, addr))
		return true;
	return addr > MAX_CALL && is_code(u, addr - 1) &&
	       target_read(u->target, addr - MAX_CALL, code, sizeof code) == 0 &&
	       ends_with_call(code, sizeof code);
}

/* The call before `addr` names the function that begins at entry. */
static bool calls(struct unwinder *u, uint64_t addr, uint64_t entry)
{
	unsigned char code[5];
	int32_t to;

	if (addr <= sizeof code || target_read(u->target, addr - sizeof code, code, sizeof code) < 0 ||
	    code[0] != 0xe8)
		return false;
	memcpy(&to, code + 1, sizeof to);
	return addr + (uint64_t)(int64_t)to == entry;
}

/* ---- the kernel's frame of a signal handler ------------------------------------------------------------------ */

/* All registers stand in the ucontext_t at rsp. */
static bool leave_signal(struct unwinder *u, struct uframe *f, struct uframe *ret)
{
	/* Order of gregs in <sys/ucontext.h>. */
	static const uint8_t order[] = {REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13,
					REG_R14, REG_R15, REG_RDI, REG_RSI, REG_RBP, REG_RBX,
					REG_RDX, REG_RAX, REG_RCX, REG_RSP, REG_RIP};
	uint64_t gregs[sizeof order];
	uint64_t at = f->regs.gpr[REG_RSP] + offsetof(ucontext_t, uc_mcontext);

	if (target_read(u->target, at, gregs, sizeof gregs) < 0)
		return false;
	for (size_t i = 0; i < sizeof order; i++)
		regs_set(&ret->regs, order[i], gregs[i]);
	f->is_signal = true;
	return true;
}

/* ---- the return address at a known place ----------------------------------------------------------------------- */

/* The caller, if its return address is at `at`: what a function that has saved nothing leaves as it was. */
static void return_at(const struct uframe *f, struct uframe *ret, uint64_t at, uint64_t pc)
{
	for (unsigned i = 0; i < REG_NGPR; i++)
		if ((REGS_CALLEE_SAVED >> i & 1) && regs_knows(&f->regs, i))
			regs_set(&ret->regs, i, f->regs.gpr[i]);
	regs_set(&ret->regs, REG_RSP, at + 8);
	regs_set(&ret->regs, REG_RIP, pc);
}

/* f is at an instruction where the return address must be at rsp. */
static bool leave_at_rsp(struct unwinder *u, const struct uframe *f, struct uframe *ret)
{
	struct module *m = module_of(u->cfi.modules, f->pc);
	const struct symbol *s = m ? module_symbol(m, f->pc, true) : NULL;
	uint64_t rsp = f->regs.gpr[REG_RSP], word;

	if (!unwind_word(u, rsp, &word))
		return false;
	if (is_return_address(u, word) &&
	    (!is_code(u, f->pc) || (s && s->addr == f->pc) || (s && calls(u, word, s->addr)))) {
		return_at(f, ret, rsp, word);
		return true;
	}
	/* Behind push %rbp. */
	if (s && unwind_word(u, rsp + 8, &word) && is_return_address(u, word) && calls(u, word, s->addr)) {
		uint64_t rbp;

		return_at(f, ret, rsp + 8, word);
		if (unwind_word(u, rsp, &rbp))
			regs_set(&ret->regs, REG_RBP, rbp);
		return true;
	}
	return false;
}

static bool leave_by_frame_pointer(struct unwinder *u, const struct uframe *f, struct uframe *ret)
{
	uint64_t rbp = f->regs.gpr[REG_RBP], saved, pc;

	if (!regs_knows(&f->regs, REG_RBP) || rbp % 8 || rbp < f->regs.gpr[REG_RSP])
		return false;
	if (!unwind_word(u, rbp, &saved) || !unwind_word(u, rbp + 8, &pc) || !is_return_address(u, pc))
		return false;
	/* Where a function without CFI has put the other registers, nobody knows. */
	regs_set(&ret->regs, REG_RBP, saved);
	regs_set(&ret->regs, REG_RSP, rbp + 16);
	regs_set(&ret->regs, REG_RIP, pc);
	return true;
}

static bool leave_leaf(struct unwinder *u, const struct uframe *f, struct uframe *ret)
{
	uint64_t rsp = f->regs.gpr[REG_RSP], word;

	if (!unwind_word(u, rsp, &word) || !is_return_address(u, word))
		return false;
	return_at(f, ret, rsp, word);
	return true;
}

/* The program's first instructions: nobody has called them. */
static bool is_start(struct unwinder *u, const struct uframe *f)
{
	struct module *m = module_of(u->cfi.modules, f->pc);
	const struct symbol *s = m ? module_symbol(m, f->lookup, true) : NULL;

	return s && !strcmp(s->name, "_start");
}

bool unwind_guess(struct unwinder *u, struct uframe *f, struct uframe *ret, enum stack_end *ret_end)
{
	memset(&ret->regs, 0, sizeof ret->regs);
	ret->guessed = true;
	if (is_code(u, f->pc) && cfi_is_sigreturn(u->target, f->pc)) {
		/* No guess: the layout is the kernel's. */
		ret->guessed = false;
		if (leave_signal(u, f, ret))
			return true;
		*ret_end = STACK_UNREADABLE;
		return false;
	}
	if ((f->is_exact && leave_at_rsp(u, f, ret)) || leave_by_frame_pointer(u, f, ret) ||
	    (f->is_exact && leave_leaf(u, f, ret)))
		return true;
	if (is_start(u, f))
		*ret_end = STACK_COMPLETE;
	else
		*ret_end = is_code(u, f->lookup) ? STACK_NO_CFI : STACK_CORRUPT;
	return false;
}
