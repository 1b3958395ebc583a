# SPDX-License-Identifier: MIT
#
# table.awk - medians and ratios from the lines of one run
#
# awk -v impls="gorgon go ..." -f table.awk recorded-best.txt LINES
# The first implementation named is ours; a ratio is peer/ours, so above 1 we win.

# The text of a member of the one-line JSON objects that our programs print.
function member(name,    s)
{
	if (!match($0, "\"" name "\":(\"[^\"]*\"|[^,}]*)"))
		return ""
	s = substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 3)
	gsub(/"/, "", s)
	return s
}

function median(key, n,    i, j, v, a)
{
	for (i = 1; i <= n; i++) {
		v = values[key, i]
		for (j = i; j > 1 && a[j - 1] > v; j--)
			a[j] = a[j - 1]
		a[j] = v
	}
	return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2
}

function show(v)
{
	if (v >= 100)
		return sprintf("%.0f", v)
	if (v >= 10)
		return sprintf("%.1f", v)
	return sprintf(v >= 1 ? "%.2f" : "%.3f", v)
}

# Notes with the same text share one line that lists what they are about.
function note(subject, text)
{
	if (!(text in subjects))
		notes[++note_count] = text
	if (!((text, subject) in noted))
		subjects[text] = subjects[text] " " subject
	noted[text, subject] = 1
}

# recorded-best.txt
FNR == NR {
	if ($0 !~ /^#/)
		best[$1, $2] = show($3 + 0) " " $4
	next
}

# one run
{
	row = member("row"); procs = member("procs"); impl = member("impl")
	line = row SUBSEP procs
	if (!(line in seen))
		lines[++line_count] = line
	seen[line] = 1
	if (member("value") == "null") {
		failed[line, impl] = 1
		note(row "/" procs, impl ": none, " member("why"))
		next
	}
	unit[row] = member("unit")
	count[line, impl] = member("n")
	values[line, impl, ++runs[line, impl]] = member("value") + 0
	if (member("create_ns") != "")
		parts[line, impl] = member("rss") " bytes resident, " member("pte") \
			" of page tables, " member("create_ns") " ns to create (last run)"
}

# What does not fit into a cell. Smaller counts are fair for a time of each operation, but must be seen.
function add_notes(line, row, procs,    i, n, key)
{
	n = 0
	for (i = 1; i <= impl_count; i++) {
		key = line SUBSEP name[i]
		if (key in parts)
			note(row "/" procs, name[i] ": " parts[key])
		if (!(key in count) || row == "worst_delay")
			continue
		if (n && count[key] != n)
			note(row, name[i] ": another count than the first (" count[key] ", not " n ")")
		if (!n)
			n = count[key]
	}
}

function cell(line, i,    key, v, ours)
{
	key = line SUBSEP name[i]
	if (!(key in runs))
		return sprintf(i == 1 ? " %9s" : " %9s %7s", key in failed ? "none" : "-", "")
	v = median(key, runs[key])
	if (i == 1)
		return sprintf(" %9s", show(v))
	key = line SUBSEP name[1]
	ours = key in runs ? median(key, runs[key]) : 0
	return sprintf(" %9s %7s", show(v), ours > 0 ? show(v / ours) "x" : "")
}

END {
	impl_count = split(impls, name, " ")
	printf "%-13s%3s %-5s", "row", "p", "unit"
	for (i = 1; i <= impl_count; i++)
		printf(i == 1 ? " %9s" : " %9s %7s", name[i], "ratio")
	print "  recorded best"
	for (l = 1; l <= line_count; l++) {
		split(lines[l], part, SUBSEP)
		add_notes(lines[l], part[1], part[2])
		printf "%-13s%3s %-5s", part[1], part[2], unit[part[1]]
		for (i = 1; i <= impl_count; i++)
			printf "%s", cell(lines[l], i)
		print "  " (lines[l] in best ? best[lines[l]] : "-")
	}
	print ""
	print "Medians; ratio = peer / " name[1] ". \"recorded best\" was measured once on another"
	print "machine: see recorded-best.txt. Compare only figures of one run."
	for (i = 1; i <= note_count; i++)
		print "- " notes[i] ":" subjects[notes[i]]
}
