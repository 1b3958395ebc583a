# SPDX-License-Identifier: MIT
# compare.awk: awk -f compare.awk GDB OURS [GDB OURS ...]: what the two sides say of the same stops.  Prints a line
# "N WHAT COUNT" for each count that table.awk adds up, and for each thing worth a look one that begins with
#
#	WRONG	ours differs from gdb, and nothing says that gdb is wrong
#	STALE	ours differs from gdb, which read a register that the frame's call has overwritten
#	SELF	ours differs from gdb, which contradicts itself: for another variable of the same frame with the very
#		same location it shows our value (gdb 13 takes the entry values of inlined functions from a wrong frame)
#	FRAME	a frame that only one side has
#	LESS	gdb knows what we do not, from a place that a call leaves alone
#
# gdb_args.py explains the fields.

BEGIN {
	for (i = 0; i < 16; i++) {
		digit = substr("0123456789abcdef", i + 1, 1)
		for (j = 0; j < 16; j++) {
			n = 0
			for (bit = 1; bit < 16; bit *= 2)
				if (int(i / bit) % 2 && int(j / bit) % 2) n += bit
			and_[digit substr("0123456789abcdef", j + 1, 1)] = substr("0123456789abcdef", n + 1, 1)
		}
	}
}

# The bits of a that m has.
function masked(a, m,    out, i) {
	if (m ~ /^f*$/) return a
	out = ""
	for (i = 1; i <= length(a); i++)
		out = out and_[substr(a, i, 1) substr(m, i, 1)]
	return out
}

function none(a) { return a ~ /^0*$/ }
function count(what) { counts[what]++ }
function say(what) { print what, "ours", ours[key], "gdb", $7, $9, $10, "at", place_of(13) ":", key }
function place_of(from,    i, out) {
	for (i = from; i <= NF; i++) out = out (i > from ? " " : "") $i
	return out
}

# libc's functions have a second name for its own use.
{ sub(/ __GI_/, " ") }
FNR == 1 { fileno++; stop = int((fileno - 1) / 2) }
fileno % 2 && $1 == "P" { if ($4 != "0x0") gdb_frame[stop SUBSEP $2 SUBSEP $3 SUBSEP $4] = $0; next }
fileno % 2 && $1 == "A" && $7 == "known" && $13 != "-" {
	same_place[stop " " $2 " " $3 " " $4 " " place_of(13) " " $9] = 1
}
fileno % 2 && $1 == "A" { gdb[stop " " $2 " " $3 " " $4 " " $5 " " $6] = $0; next }
fileno % 2 { if ($1 == "END") gdb_ended[stop] = 1; next }
$1 == "P" {
	count("frames")
	where = stop SUBSEP $2 SUBSEP $3 SUBSEP $4
	if (where in gdb_frame) count("frames_both")
	else if (stop in gdb_ended) print "FRAME ours only", stop, $0
	delete gdb_frame[where]
	next
}
$1 == "A" {
	key = stop " " $2 " " $3 " " $4 " " $5 " " $6
	status[key] = $7; value[key] = $9; mask[key] = $10; entry[key] = $11
	ours[key] = $7 ($11 ? " (entry)" : "") " " $9 " " $10 " (" place_of(12) ")"
	next
}
$1 == "END" { count("stops") }

# Does gdb show our value for something else at the same place?
function contradicted(    at) {
	split(key, at, " ")
	return at[1] " " $2 " " $3 " " $4 " " place_of(13) " " value[key] in same_place
}

# One argument that both sides have; its line of gdb's is in $0.
function compare(    both, ours_bits, gdb_bits) {
	if ($8 == 0) return
	count("args")
	ours_bits = masked($11, mask[key])
	gdb_bits = $10
	known = status[key] == "known" && !entry[key]
	if (known && ours_bits == $11) count("ours")
	if ($7 == "known") count($12 ? "gdb_lost" : "gdb")
	both = masked(gdb_bits, ours_bits)
	if (none($11)) return
	if ($7 == "entry" || entry[key]) {
		if ($7 != "entry" && $7 != "known" || none(ours_bits)) return
		count("entry")
		if (masked($9, both) != masked(value[key], both)) {
			if ($7 == "entry") { count("entry_differ"); say("ENTRY") }
		}
		return
	}
	if (!none(both) && status[key] != "stale" && masked($9, both) != masked(value[key], both)) {
		verdict = $12 ? "STALE" : contradicted() ? "SELF" : "WRONG"
		count(verdict == "WRONG" ? "wrong" : "stale")
		say(verdict)
	} else if (known && $7 == "known" && ours_bits == $11) {
		count("same")
	}
	if ($7 == "known" && both != gdb_bits && !$12) { count("less"); say("LESS") }
	if (known && ours_bits == $11 && $7 != "known") count("more")
}

END {
	for (key in gdb) {
		if (!(key in ours)) { missing++; if (missing < 10) print "ABSENT", gdb[key]; continue }
		$0 = gdb[key]
		compare()
	}
	for (what in counts) print "N", what, counts[what]
	print "N", "missing", missing + 0
	for (where in gdb_frame) { lost++; print "FRAME gdb only", gdb_frame[where] }
	print "N", "frames_lost", lost + 0
}
