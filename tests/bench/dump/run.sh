#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh PROGRAM TOOL... - from a panic of many goroutines, five frames deep, to the end of the dump in a file
#
# PROGRAM is dump_bench.  Each tool (an older build, say), the raw report, and Go where it is installed die in turns; a
# line for each death, then the medians.  Settings come from the environment:
#
#   REPS=5           times each of them dies
#   GOROUTINES=100000
set -eu

: "${REPS:=5}"
: "${GOROUTINES:=100000}"
here=$(cd "$(dirname "$0")" && pwd)
program=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# died NAME COMMAND...: runs it; how long its death took.
died() {
	name=$1
	shift
	"$@" "$GOROUTINES" "$work/dump" panic >"$work/begin" 2>/dev/null </dev/null || true
	now=$(date +%s%N)
	echo "$name $(((now - $(cat "$work/begin")) / 1000000)) ms, $(grep -c '^goroutine ' "$work/dump") goroutines," \
		"$(wc -c <"$work/dump") bytes"
	rm -f "$work/dump"
}

has_go=false
if command -v go >/dev/null && (cd "$work" && GOCACHE=$work/cache go build -o go-panic "$here/panic.go"); then
	has_go=true
fi
rep=0
while [ "$rep" -lt "$REPS" ]; do
	rep=$((rep + 1))
	for tool; do
		died "$tool" env "GORGON_OPTIONS=dump_timeout=100:helper=$(realpath "$tool")" "$program"
	done
	died raw env GORGON_OPTIONS=dump_timeout=100:helper=off "$program"
	! $has_go || died go env GOTRACEBACK=all "$work/go-panic"
done | tee "$work/all"

echo "medians:"
for name in "$@" raw go; do
	awk -v name="$name" '$1 == name { print $2 }' "$work/all" | sort -n |
		awk -v name="$name" '{ t[NR] = $1 } END { if (NR) print "  " name, t[int((NR + 1) / 2)], "ms" }'
done
