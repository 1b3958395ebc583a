#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh [SECONDSs | COUNT | seed=SEED]: runs the torture program with many seeds, one after the other: for so
# long (the default is 20s), so many, or just the one that is to be repeated.  Each seed also draws GOMAXPROCS
# (1 to 4), the size of stacks and the kind of guards.  TORTURE names the program, FIRST the first seed (else
# the clock does).
#
# Says "ok torture: 37 seeds" or "not ok torture: seed 12 ..." with the command that repeats it and what the
# program said, dump included; goes on after a failure, up to five.  Exit status 1 if any seed failed.
set -eu
program=${TORTURE:-tests/torture/torture}
limit=${1:-20s}
first=${FIRST:-$(date +%s)}
max_failures=5
per_seed=30

[ -x "$program" ] || { echo "run.sh: $program is not there; make tests/torture/torture, or set TORTURE" >&2; exit 1; }
seconds=
count=
case $limit in
seed=*[!0-9]* | seed=) limit=bad ;;
seed=*) first=${limit#seed=} count=1 ;;
*[!0-9s]* | *s?* | s | '') limit=bad ;;
*s) seconds=${limit%s} ;;
*) count=$limit ;;
esac
[ "$limit" != bad ] || { echo "usage: run.sh [SECONDSs | COUNT | seed=SEED]" >&2; exit 64; }

log=$(mktemp "${TMPDIR:-/tmp}/gorgon-torture.XXXXXX")
trap 'rm -f "$log"' EXIT
trap 'exit 1' HUP INT TERM

# options SEED: sets procs and options.
options()
{
	procs=$(($1 % 4 + 1))
	options=torture=$1
	[ $(($1 % 5)) -ne 0 ] || options=torture=0 # the fast paths as they are
	case $(($1 / 4 % 4)) in
	0) options=$options:stack=16k ;;
	1) options=$options:stack=32k ;;
	2) options=$options:stack=64k:stack_keep=8 ;;
	esac
	[ $(($1 / 16 % 4)) -ne 0 ] || options=$options:guard=mprotect
}

seed=$first
ran=0
failed=0
end=$(($(date +%s) + ${seconds:-0}))
while [ $failed -lt $max_failures ]; do
	if [ -n "$seconds" ]; then
		[ "$(date +%s)" -lt "$end" ] || break
	else
		[ $ran -lt "$count" ] || break
	fi
	options "$seed"
	status=0
	GOMAXPROCS=$procs GORGON_OPTIONS=$options timeout -s QUIT -k 5 $per_seed "$program" "$seed" >"$log" 2>&1 ||
		status=$?
	if [ $status -ne 0 ]; then
		failed=$((failed + 1))
		echo "not ok torture: seed $seed, exit status $status"
		echo "# GOMAXPROCS=$procs GORGON_OPTIONS=$options $program $seed"
		head -n 200 "$log" | sed 's/^/# /'
	fi
	ran=$((ran + 1))
	seed=$((seed + 1))
done

echo "# torture: $ran seeds from $first, $failed failed"
[ $failed -ne 0 ] || [ $ran -eq 0 ] || echo "ok torture: $ran seeds"
[ $failed -eq 0 ] && [ $ran -gt 0 ]
