# SPDX-License-Identifier: MIT
# judge.awk: awk -v expect=TEXT -f judge.awk REPORT: does a report of leaks say what leaks.h lets a case expect?
# Prints what is wrong, if anything, and last the counts "WANTED FOUND FALSE": goroutines that should have been
# called leaked or deadlocked, how many of these were, and how many others were.

BEGIN {
	n = split(expect, clauses, / *; */)
	for (i = 1; i <= n; i++) read_clause(clauses[i])
	last = ""
}

# "2 leaked [chan send, select]": want["leaked", "chan send"]++ and so on; listed[...]: the clause names states.
function read_clause(text,    words, states, i, k) {
	if (text ~ /^says /) { says[substr(text, 6)] = 1; return }
	if (text ~ /^any /) { any[substr(text, 5)] = 1; return }
	split(text, words, " ")
	total[words[2]] += words[1]
	if (!match(text, /\[.*\]$/)) return
	k = split(substr(text, RSTART + 1, RLENGTH - 2), states, /, */)
	if (k == 1) want[words[2], states[1]] += words[1]
	else for (i = 1; i <= k; i++) want[words[2], states[i]]++
}

{ text = text $0 "\n" }
/^gorgon: [0-9]+ leaked/ { last = $0 }

# goroutine 7 [chan send (leaked), 2 minutes]:
/^goroutine [0-9]+ \[.*\((leaked|deadlocked|stuck|lingering)\)/ {
	match($0, /\((leaked|deadlocked|stuck|lingering)\)/)
	verdict = substr($0, RSTART + 1, RLENGTH - 2)
	state = substr($0, 1, RSTART - 1)
	sub(/^goroutine [0-9]+ \[/, "", state)
	sub(/ +$/, "", state)
	many = 1
	if (match($0, /[0-9]+ goroutines/)) many = substr($0, RSTART, RLENGTH) + 0
	have[verdict, state] += many
	seen[verdict] += many
}

# Nothing to report, nothing reported: at the end of a program.
function quiet(    v, n) {
	for (v in total) n += total[v]
	return n == 0
}

function wrong(message) { print message; bad = 1 }

# Moves up to n goroutines of the state out of what the report has under this verdict; returns how many.
function take(verdict, state, n,    k) {
	k = have[verdict, state] < n ? have[verdict, state] : n
	have[verdict, state] -= k
	return k
}

function settle_wants(    key, part, got, verdict, state) {
	for (key in want) {
		split(key, part, SUBSEP)
		verdict = part[1]; state = part[2]
		if (verdict == "proven") continue
		got = take(verdict, state, want[key])
		if (got < want[key]) wrong("wanted " want[key] " " verdict " [" state "], got " got)
		want[key] -= got
		if (verdict != "stuck" && verdict != "lingering") found += got
	}
	for (key in want) {
		split(key, part, SUBSEP)
		state = part[2]
		if (part[1] != "proven") continue
		got = take("deadlocked", state, want[key])
		got += take("leaked", state, want[key] - got)
		if (got < want[key]) wrong("wanted " want[key] " leaked or deadlocked [" state "], got " got)
		found += got
	}
}

# What has another verdict than the one wanted is found all the same; what is left then was never wanted.
function settle_rest(    key, part, k) {
	for (key in have) {
		split(key, part, SUBSEP)
		k = have[key]
		if (k == 0 || part[1] == "lingering" && !(part[1] in total) || part[1] in any) continue
		wrong("not wanted: " k " " part[1] " [" part[2] "]")
		if (part[1] == "leaked" || part[1] == "deadlocked") extra += k
	}
	wanted = total["leaked"] + total["deadlocked"] + total["proven"]
	k = wanted - found < extra ? wanted - found : extra
	found += k
	extra -= k
}

END {
	settle_wants()
	settle_rest()
	for (t in says) if (index(text, t) == 0) wrong("the report does not say: " t)
	if (last == "" && !quiet()) wrong("no closing line")
	else if (split(last, f, /[ ,]+/) && f[2] + f[4] != seen["leaked"] + seen["deadlocked"])
		wrong("the closing line counts otherwise: " last)
	print wanted + 0, found + 0, extra + 0
	exit bad
}
