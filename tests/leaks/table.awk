# SPDX-License-Identifier: MIT
# table.awk: awk -f table.awk COUNTS: from lines "CASE<tab>WANTED FOUND FALSE", one for each run, the table of cases:
# how many goroutines should have been called leaked or deadlocked, how many of them were, and how many others.

BEGIN { FS = "\t" }

{
	if (!($1 in runs)) order[++n] = $1
	runs[$1]++
	split($2, f, " ")
	wanted[$1] += f[1]
	found[$1] += f[2]
	extra[$1] += f[3]
	if (f[2] >= f[1]) full[$1]++
	if (f[3] > 0) accused[$1]++
}

function line(name, r, w, g, e) {
	printf "%-52s %6d %8d %8d %7s %6d\n", name, r, w, g, w ? sprintf("%.1f%%", 100 * g / w) : "-", e
}

END {
	printf "%-52s %6s %8s %8s %7s %6s\n", "case", "runs", "proven", "found", "", "false"
	for (i = 1; i <= n; i++) {
		c = order[i]
		line(c, runs[c], wanted[c], found[c], extra[c])
		kind = c ~ /^(cockroach|etcd|grpc|hugo|istio|kubernetes|moby|serving|syncthing)_/ ? "kernels" : "others"
		if (c ~ /\.global$/) kind = kind " in globals"
		all_runs[kind] += runs[c]; all_wanted[kind] += wanted[c]; all_found[kind] += found[c]; all_extra[kind] += extra[c]
	}
	print ""
	for (i = 1; i <= split("kernels,kernels in globals,others,others in globals", kinds, ","); i++)
		line(kinds[i], all_runs[kinds[i]], all_wanted[kinds[i]], all_found[kinds[i]], all_extra[kinds[i]])
}
