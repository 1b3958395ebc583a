# SPDX-License-Identifier: MIT
# table.awk: awk -f table.awk NAME.result ...: the counts of compare.awk as a table, one line for each file, whose
# name is PROGRAM-COMPILER-LEVEL.result.

FNR == 1 {
	name = FILENAME
	sub(/.*\//, "", name)
	sub(/\.result$/, "", name)
	names[++n] = name
}
$1 == "N" { count[name, $2] = $3; total[$2] += $3 }

function row(label, a) {
	printf "%-18s %5d %7d %7d %7d %7d %7d %7d %6d %6d %6d %6d %6d\n", label, a["stops"], a["frames_both"], a["args"],
		a["ours"], a["gdb"], a["same"], a["gdb_lost"], a["stale"], a["more"], a["less"], a["wrong"],
		a["missing"]
}

END {
	printf "%-18s %5s %7s %7s %7s %7s %7s %7s %6s %6s %6s %6s %6s\n", "program", "stops", "frames", "args", "ours",
		"gdb", "same", "lost", "stale", "more", "less", "WRONG", "absent"
	for (i = 1; i <= n; i++) {
		for (w in total) a[w] = count[names[i], w]
		row(names[i], a)
	}
	row("all", total)
	print ""
	print "ours, gdb: arguments that each knows in full; same: both, and alike.  lost: gdb shows a register that the"
	print "frame's own call may have overwritten (not in the column gdb); stale: ours differs and gdb is wrong, see compare.awk."
	print "more: only we know; less: gdb knows from a sound place and we do not; WRONG: we differ from a sound place."
	print "At entry: " total["entry"] + 0 " compared, " total["entry_differ"] + 0 " differ."
	exit total["wrong"] || total["entry_differ"] || !total["args"]
}
