#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh PROGRAM TOOL... - what a search for leaks costs: for how long the program is paused, how fast marking is
#
# PROGRAM is live_heap, which says how fast the same bytes are merely read.  With several tools (an older build, say)
# they are asked in turns about the same process.  Settings come from the environment:
#
#   REPS=3           times each tool is asked
#   SHAPES           what live_heap is given, one line for each process
set -eu

: "${REPS:=3}"
: "${SHAPES:=100000 1024 48 inorder
100000 1024 48 shuffled
1000 0 48 chain
100000 0 48 chain}"
program=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkfifo "$work/input"

# ask TOOL PID: its line of figures.
ask() {
	timeout 300 "$1" leaks --stats --report=/dev/null "$2" 2>&1 </dev/null |
		sed -n "s|^gorgon: \(.*copied.*\)|$1: \1|p"
}

# measure SHAPE TOOL...
measure() {
	shape=$1
	shift
	exec 9<>"$work/input"
	# shellcheck disable=SC2086
	"$program" $shape <"$work/input" 9<&- >"$work/output" &
	pid=$!
	exec 8>"$work/input" 9<&-
	until grep -q ready "$work/output"; do sleep 0.1; done
	echo "live_heap $shape: $(cat "$work/output")"
	rep=0
	while [ "$rep" -lt "$REPS" ]; do
		rep=$((rep + 1))
		for tool; do ask "$tool" "$pid" 8<&-; done
	done
	exec 8>&-
	wait "$pid"
}

echo "$SHAPES" >"$work/shapes"
while read -r line <&3; do
	measure "$line" "$@"
done 3<"$work/shapes"
