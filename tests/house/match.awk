# SPDX-License-Identifier: MIT
# match.awk: awk -f match.awk EXPECTED ACTUAL.  Does the output look as expected?  In an expected line "..."
# stands for any text; alone on its line, for any number of lines.

function glob(text,    out, i) {
	out = ""
	while ((i = index(text, "...")) > 0) {
		out = out literal(substr(text, 1, i - 1)) ".*"
		text = substr(text, i + 3)
	}
	return "^" out literal(text) "$"
}

function literal(text,    out, i, c) {
	out = ""
	for (i = 1; i <= length(text); i++) {
		c = substr(text, i, 1)
		out = out (index("\\^$.[]|()*+?{}/", c) ? "\\" c : c)
	}
	return out
}

# Does the expectation from line i match what was printed from line j on?
function match_from(i, j,    k) {
	for (; i <= wanted; i++) {
		if (want[i] == "...") {
			for (k = j; k <= got + 1; k++)
				if (match_from(i + 1, k)) return 1
			return 0
		}
		if (i > farthest) { farthest = i; at = j }
		if (j > got || have[j] !~ glob(want[i])) return 0
		j++
	}
	if (j <= got && i > farthest) { farthest = i; at = j }
	return j == got + 1
}

FNR == NR { want[++wanted] = $0; next }
{ have[++got] = $0 }

END {
	if (match_from(1, 1)) exit 0
	print "expected: " (farthest > wanted ? "nothing more" : want[farthest])
	print "found:    " (at > got ? "the end" : have[at])
	for (i = 1; i <= got; i++) print "| " have[i]
	exit 1
}
