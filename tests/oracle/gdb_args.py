# SPDX-License-Identifier: MIT
"""
What: prints every argument of every frame of the process that gdb has attached to, as bytes:

	A TID SP PC FUNCTION#N NAME STATUS SIZE VALUE MASK DATA STALE LOCATION

and before the arguments of each physical frame "P TID SP PC".

How: run by gdb itself (gdb -batch -p PID -x gdb_args.py).  args_dump.c prints the same from our side, and
compare.awk puts them together.

SP and PC are those of the physical frame, N counts functions of the same name inlined at one place.  STATUS is
known, partial, unknown or entry (no value now, but gdb knows the one at the function's entry); VALUE and MASK are
hexadecimal, byte for byte in memory order, MASK having the bits that gdb knows, DATA those that are not padding.
STALE is 1 if the description of the location at this pc names a register that a call may overwrite, and the
frame is one that has made a call.
"""
import re
import struct

import gdb

LIMIT = 64  # bytes of an argument that are looked at; args_dump.c has the same
CALLER_SAVED = re.compile(r"\$(?:[re]?(?:ax|cx|dx|si|di)|[acd][lh]|[sd]il|r(?:8|9|10|11)[dwbl]?|[xyz]mm\d+|st\d?)\b")
# gdb prints the one operation inside it as if it followed.
ENTRY_VALUE = re.compile(r"DW_OP_(?:GNU_)?entry_value \d+: DW_OP_\w+(?: -?\d+)?(?: \[\$\w+\])?")


class Bits:
    """The bits of one argument."""

    def __init__(self, size):
        self.size = min(size, LIMIT)
        self.value = bytearray(self.size)
        self.mask = bytearray(self.size)
        self.data = bytearray(self.size)

    def put(self, bit, nbits, number):
        for i in range(nbits):
            at = bit + i
            if at // 8 >= self.size:
                break
            self.data[at // 8] |= 1 << at % 8
            if number is not None:
                self.mask[at // 8] |= 1 << at % 8
                self.value[at // 8] |= (number >> i & 1) << at % 8

    def status(self):
        if self.mask == self.data:
            return "known"
        return "partial" if any(self.mask) else "unknown"

    def __str__(self):
        return " ".join(b.hex() or "-" for b in (self.value, self.mask, self.data))


def scalar(value, kind):
    """The bits of a value that has no parts; None if gdb does not know them."""
    try:
        if value.is_optimized_out:
            return None
        if kind.code == gdb.TYPE_CODE_FLT:
            if kind.sizeof == 4:
                return struct.unpack("<I", struct.pack("<f", float(value)))[0]
            if kind.sizeof == 8:
                number = float(value)
                if number != number:
                    return None  # which NaN it is cannot be told
                return struct.unpack("<Q", struct.pack("<d", number))[0]
            if value.address is None:
                return None
            where = int(value.address)
            data = gdb.selected_inferior().read_memory(where, 10).tobytes()
            return int.from_bytes(data, "little")
        if kind.code in (gdb.TYPE_CODE_REF, gdb.TYPE_CODE_RVALUE_REF):
            return int(value.referenced_value().address)
        return int(value) & ((1 << 8 * kind.sizeof) - 1)
    except (gdb.error, MemoryError, OverflowError, ValueError, TypeError):
        return None


def leaves(value, kind, bit, bits, depth=0):
    """Puts a value's scalars into bits; value is None where a whole is unknown."""
    kind = kind.strip_typedefs()
    if bit // 8 >= bits.size or depth > 8:
        return
    if kind.code in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION):
        for field in kind.fields():
            if not hasattr(field, "bitpos"):
                continue  # a static member
            part = None
            if value is not None:
                try:
                    part = value[field]
                except (gdb.error, MemoryError):
                    part = None
            if field.bitsize:
                number = scalar(part, field.type.strip_typedefs()) if part is not None else None
                bits.put(bit + field.bitpos, field.bitsize, number)
            else:
                leaves(part, field.type, bit + field.bitpos, bits, depth + 1)
    elif kind.code == gdb.TYPE_CODE_ARRAY:
        item = kind.target()
        low, high = kind.range()
        for i in range(low, min(high, low + LIMIT) + 1):
            part = None
            if value is not None:
                try:
                    part = value[i]
                except (gdb.error, MemoryError):
                    part = None
            leaves(part, item, bit + 8 * (i - low) * item.sizeof, bits, depth + 1)
    else:
        number = scalar(value, kind) if value is not None else None
        size = 10 if kind.code == gdb.TYPE_CODE_FLT and kind.sizeof == 16 else kind.sizeof
        if kind.code == gdb.TYPE_CODE_COMPLEX:
            return
        bits.put(bit, 8 * size, number)


def location(name, lookup):
    """How gdb describes where a variable of the selected frame is at an address, in one line."""
    try:
        text = gdb.execute("info address " + name, to_string=True)
    except gdb.error:
        return ""
    text = re.sub(r"^Symbol \".*?\" is ", "", text.strip())
    if not text.startswith("multi-location"):
        return " ".join(text.split())
    for part in text.split("Range ")[1:]:
        m = re.match(r"(0x[0-9a-f]+)-(0x[0-9a-f]+): (.*)", part, re.S)
        if m and int(m[1], 16) <= lookup < int(m[2], 16):
            return " ".join(m[3].split())
    return ""


def argument(frame, symbol, block):
    value = None
    try:
        value = frame.read_var(symbol, block)
        value.fetch_lazy()
    except (gdb.error, MemoryError):
        pass
    bits = Bits(symbol.type.sizeof)
    leaves(value, symbol.type, 0, bits)
    status = bits.status()
    if status == "unknown" and symbol.type.sizeof:
        try:
            at_entry = gdb.parse_and_eval(symbol.name + "@entry")
            entry = Bits(symbol.type.sizeof)
            leaves(at_entry, symbol.type, 0, entry)
            if entry.status() == "known":
                return "entry", entry
        except (gdb.error, MemoryError):
            pass
    return status, bits


def print_frame(tid, frame, exact, seen):
    function = frame.function()
    if function is None:
        return
    try:
        block = frame.block()
    except RuntimeError:
        return
    while block is not None and block.function is None:
        block = block.superblock
    if block is None:
        return
    sp = int(frame.read_register("rsp")) & (1 << 64) - 1
    pc = frame.pc()
    lookup = pc if exact else pc - 1
    name = function.name.split("(")[0].replace(" ", "")
    seen[(sp, pc, name)] = n = seen.get((sp, pc, name), -1) + 1
    where = "A %d %#x %#x %s#%d" % (tid, sp, pc, name, n)
    frame.select()
    for symbol in block:
        if not symbol.is_argument or not symbol.name:
            continue
        try:
            status, bits = argument(frame, symbol, block)
        except Exception as e:  # a failure of gdb's is not one of the run
            print("E %s %s %s" % (where, symbol.name, e))
            continue
        place = location(symbol.name, lookup) if status in ("known", "partial") else ""
        stale = int(not exact and CALLER_SAVED.search(ENTRY_VALUE.sub("", place)) is not None)
        print("%s %s %s %d %s %d %s" % (where, symbol.name, status, symbol.type.sizeof, bits, stale, place or "-"))


def main():
    for thread in gdb.selected_inferior().threads():
        thread.switch()
        frame, exact, seen = gdb.newest_frame(), True, {}
        while frame is not None:
            kind = frame.type()
            if kind in (gdb.NORMAL_FRAME, gdb.SIGTRAMP_FRAME):
                print("P %d %#x %#x" % (thread.ptid[1], int(frame.read_register("rsp")) & (1 << 64) - 1, frame.pc()))
            if kind in (gdb.NORMAL_FRAME, gdb.INLINE_FRAME):
                try:
                    print_frame(thread.ptid[1], frame, exact, seen)
                except gdb.error as e:
                    print("E %s" % e)
            if kind == gdb.NORMAL_FRAME:
                exact = False
            elif kind == gdb.SIGTRAMP_FRAME:
                exact = True
            try:
                frame = frame.older()
            except gdb.error as e:
                print("E %s" % e)
                break
    print("END")


for setting in ("print entry-values no", "print frame-arguments none", "pagination off", "confirm off",
                "width 0", "backtrace limit 500", "backtrace past-main on"):
    gdb.execute("set " + setting)
main()
