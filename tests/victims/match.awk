# SPDX-License-Identifier: MIT
# match.awk: awk -v style=typed -v optimised=2 -f match.awk SOURCE DUMP: does the dump have what the source expects?
# optimised is 0, 1 (-O1, -Og) or 2.
# victim.h explains the lines.  The last line printed is "known: N OF": arguments whose value is shown.

# The regular expression for the text of an expectation; \001 and \002 are | and > where they are no choice.
function pattern(text,    out, c, n) {
	out = ""
	while (text != "") {
		c = substr(text, 1, 1)
		if (substr(text, 1, 3) == "...") {
			out = out ".*"
			text = substr(text, 4)
		} else if (match(text, /^0x[0-9a-f]*\*/)) {
			out = out substr(text, 1, RLENGTH - 1) "[0-9a-f]+"
			text = substr(text, RLENGTH + 1)
		} else if (c == "\001" || c == "\002") {
			out = out (c == "\001" ? "\\|" : ">")
			text = substr(text, 2)
		} else if (c == "<" && (n = closing(text)) > 0 && split_choices(substr(text, 2, n - 2))) {
			out = out choices(substr(text, 2, n - 2))
			text = substr(text, n + 1)
		} else {
			out = out (index("\\^$.[]|()*+?{}/", c) ? "\\" c : c)
			text = substr(text, 2)
		}
	}
	return out
}

# Where the < at the beginning is closed; 0: nowhere.
function closing(text,    i, depth, c) {
	for (i = 1; i <= length(text); i++) {
		c = substr(text, i, 1)
		if (c == "<") depth++
		if (c == ">" && --depth == 0) return i
	}
	return 0
}

# Is there a | between choices, outside of inner ones?
function split_choices(text) { return next_choice(text) <= length(text) }

# Where the first choice ends.
function next_choice(text,    i, depth, c) {
	for (i = 1; i <= length(text); i++) {
		c = substr(text, i, 1)
		if (c == "<") depth++
		if (c == ">") depth--
		if (c == "|" && depth == 0) return i
	}
	return length(text) + 1
}

function choices(text,    out, n) {
	out = ""
	for (;;) {
		n = next_choice(text)
		out = out (out == "" ? "(" : "|") pattern(substr(text, 1, n - 1))
		if (n > length(text)) return out ")"
		text = substr(text, n + 1)
	}
}

# The function that a line of a dump is about; "": none.
function function_of(line,    name) {
	if (line !~ /^[A-Za-z_~][^ (]*\(.*\)$/) return ""
	name = line
	sub(/\(.*/, "", name)
	return name
}

# The arguments between the parentheses of a line, into parts[1...]: how many.
function arguments_of(line,    i, c, depth, quote, n, from) {
	from = index(line, "(") + 1
	for (i = from; i < length(line); i++) {
		c = substr(line, i, 1)
		if (c == "\\" && quote != "") { i++; continue }
		if (quote != "") { if (c == quote) quote = ""; continue }
		if (c == "\"" || c == "'") quote = c
		else if (index("({[", c)) depth++
		else if (index(")}]", c)) depth--
		else if (c == "," && depth == 0) {
			parts[++n] = substr(line, from, i - from)
			from = i + 2
		}
	}
	if (from < length(line)) parts[++n] = substr(line, from, length(line) - from)
	return n
}

# What an optimiser may make of a line: each argument is right, or was right at the function's entry, or is not known.
function relaxed(line,    n, i, out, name, text) {
	n = arguments_of(line)
	out = substr(line, 1, index(line, "("))
	for (i = 1; i <= n; i++) {
		text = parts[i]
		name = ""
		gsub(/->/, "-\002", text)
		if (text !~ /</) gsub(/\|/, "\001", text)
		if (style == "typed" && match(text, /^[A-Za-z0-9_]+=/)) {
			name = substr(text, 1, RLENGTH - 1)
			text = substr(text, RLENGTH + 1)
			text = "<" name "=" text "|" name "=_|" name "@entry=" text ">"
		} else if (text != "...") {
			text = "<" text "|_|" text "?>"
		}
		out = out (i > 1 ? ", " : "") text
	}
	return out ")"
}

# How many of a line's arguments are known, and how many there are.
function count_known(line,    n, i) {
	n = arguments_of(line)
	for (i = 1; i <= n; i++) {
		if (parts[i] == "...") continue
		total++
		if (parts[i] !~ /@entry=|=_$|[ {]_[,}]|string\{_|^_$/) nknown++
	}
}

function want(kind, line) {
	n++
	kinds[n] = kind
	lines[n] = line
	functions[n] = function_of(line)
	if (kind == "expect-O2" && optimised) special[functions[n]] = 1
	if (kind == "expect-O1" && optimised == 1) special[functions[n]] = little[functions[n]] = 1
}

# Is expectation i one of this style and level?
function applies(i) {
	if (kinds[i] == "never") return 0
	if (style != "typed") return kinds[i] == "expect-" style
	if (kinds[i] == "expect-O1") return optimised == 1
	if (kinds[i] == "expect-O2") return optimised && !(functions[i] in little)
	return kinds[i] == "expect" && !(functions[i] != "" && functions[i] in special)
}

FNR == NR {
	if (match($0, /(expect|expect-O1|expect-O2|expect-words|expect-go|never): /)) {
		text = substr($0, RSTART)
		colon = index(text, ": ")
		kind = substr(text, 1, colon - 1)
		text = substr(text, colon + 2)
		sub(/ \*\/$/, "", text)
		want(kind, text)
	}
	next
}

# A value that may be stale says so: it is not known.
optimised && index($0, "?") {
	gsub(/"([^"\\]|\\.)*"\?/, "_")
	gsub(/[^][ ,{}()=:]+\?/, "_")
	gsub(/\)\?/, ")")
}
{ dump[++m] = $0 }

END {
	for (i = 1; i <= n; i++) {
		if (kinds[i] == "never") {
			for (j = 1; style == "typed" && j <= m; j++)
				if (dump[j] ~ "^" pattern(lines[i]) "$") { print "never wanted: " dump[j]; bad = 1 }
			continue
		}
		if (!applies(i)) continue
		wanted++
		line = lines[i]
		if (optimised && kinds[i] !~ /^expect-O/ && functions[i] != "") line = relaxed(line)
		re = "^" pattern(line) "$"
		if (functions[i] != "") known[functions[i]] = 1
		hits = 0
		for (j = 1; j <= m; j++)
			if (dump[j] ~ re) { hits++; fine[j] = 1 }
		# Optimised away as a whole is not wrong.
		if (!hits && !(optimised && kinds[i] ~ /^expect-O/)) { print "expected:     " lines[i]; bad = 1 }
	}
	for (j = 1; j <= m; j++) {
		name = function_of(dump[j])
		if (name == "" || !(name in known)) continue
		if (!fine[j]) { print "wrong:        " dump[j]; bad = 1 }
		count_known(dump[j])
	}
	if (!wanted && style == "typed") { print "nothing is expected of this victim"; bad = 1 }
	if (bad && verbose) for (j = 1; j <= m; j++) print "| " dump[j]
	if (total) print "known: " nknown + 0 " " total
	exit bad
}
