#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh [ROW...] - run the benchmarks of Gorgon and its peers in turns
#
# Without arguments every row is run. What README says about the method is done
# here. Settings come from the environment:
#
#   REPS=5           runs of each program; the table shows medians
#   PROCS="1 2"      numbers of threads
#   IMPLS="gorgon go boost pthread"
#   GORGON_DIR       where the gorgon programs are  (default: next to this script)
#   PEERS_DIR        the OUTDIR of build-peers.sh   (default: ./bench-peers)
#   RESULTS          lines of JSON are appended     (default: ./bench-results.jsonl)
#   TIMEOUT=30       seconds for one run
#   CPU=0            where to pin everything when there is one thread
set -eu

here=$(cd "$(dirname "$0")" && pwd)
: "${REPS:=5}" "${PROCS:=1 2}" "${IMPLS:=gorgon go boost pthread}"
: "${GORGON_DIR:=$here/gorgon}" "${PEERS_DIR:=./bench-peers}"
: "${RESULTS:=./bench-results.jsonl}" "${TIMEOUT:=30}" "${CPU:=0}"
all_rows="yield pingpong buffered spawn_batch spawn_join mutex sieve select2 select8
	select_ready skynet sleepers parked_100k parked_1m worst_delay"
big_row_kib=10000000	# what a million stacks may need

usage() {
	sed -n '4,/^set/{/^#/s/^# \{0,1\}//p;}' "$0"
	# shellcheck disable=SC2086
	echo "rows:" $all_rows
}

warn() {
	echo "run.sh: $*" >&2
}

# program IMPL ROW: the file; both parked rows are one program.
program() {
	dir=$PEERS_DIR/$1
	if [ "$1" = gorgon ]; then dir=$GORGON_DIR; fi
	echo "$dir/${2%%_1*}"
}

# argument ROW: what its program gets.
argument() {
	case $1 in
	parked_100k) echo 100000 ;;
	parked_1m) echo 1000000 ;;
	esac
}

# too_big IMPL ROW: true when the machine had better not try.
too_big() {
	case $1:$2 in
	*:parked_1m | boost:skynet) ;;
	*) return 1 ;;
	esac
	awk -v need="$big_row_kib" '$1 == "MemAvailable:" { low = $2 < need }
		END { exit !low }' /proc/meminfo
}

# limited COMMAND...: under the time limit, where the machine has timeout(1).
limited() {
	if [ "$have_timeout" = yes ]; then
		timeout -k 2 "$TIMEOUT" "$@"
	else
		"$@"
	fi
}

# measure IMPL ROW PROCS: prints the line of one run, made up if there is none.
measure() {
	if too_big "$1" "$2"; then
		failure "$1" "$2" "$3" "needs $((big_row_kib / 1000000)) GB of free memory"
		return 0
	fi
	pin=
	if [ "$3" -eq 1 ] && [ "$have_taskset" = yes ]; then pin="taskset -c $CPU"; fi
	status=0
	# shellcheck disable=SC2046,SC2086
	line=$(GOMAXPROCS=$3 limited $pin "$(program "$1" "$2")" $(argument "$2") \
		</dev/null 2>"$work/stderr") || status=$?
	case $status:$line in
	0:'{"row":"'"$2"'",'*'}') printf '%s\n' "$line" ;;
	124:* | 137:*) failure "$1" "$2" "$3" "over $TIMEOUT s" ;;
	*)
		warn "$1 $2: exit status $status: $(head -n 3 "$work/stderr")"
		failure "$1" "$2" "$3" "exit status $status"
		;;
	esac
}

failure() {
	printf '{"row":"%s","impl":"%s","procs":%d,"value":null,"why":"%s"}\n' \
		"$2" "$1" "$3" "$4"
}

# run_row ROW PROCS: the implementations in turns, so that a noisy minute hits
# all of them. One that gave no figure is not asked again.
run_row() {
	gave_up=" "
	rep=0
	while [ "$rep" -lt "$REPS" ]; do
		rep=$((rep + 1))
		for impl in $built; do
			case $gave_up in *" $impl "*) continue ;; esac
			[ -x "$(program "$impl" "$1")" ] || continue
			line=$(measure "$impl" "$1" "$2")
			printf '%s\n' "$line" | tee -a "$work/lines" >>"$RESULTS"
			case $line in *'"value":null'*) gave_up="$gave_up$impl " ;; esac
		done
	done
}

find_tools() {
	have_timeout=yes
	timeout 5 true 2>/dev/null || have_timeout=no
	[ "$have_timeout" = yes ] || warn "no timeout(1): runs are not limited"
	have_taskset=yes
	taskset -c "$CPU" true 2>/dev/null || have_taskset=no
	[ "$have_taskset" = yes ] || warn "no taskset(1), or no cpu $CPU: nothing is pinned"
}

# find_built: the implementations with at least one of the wanted programs.
find_built() {
	built=
	for impl in $IMPLS; do
		found=no
		for row in $rows; do
			if [ -x "$(program "$impl" "$row")" ]; then found=yes; fi
		done
		if [ "$found" = yes ]; then
			built="$built${built:+ }$impl"
		else
			warn "$impl is not built: skipped"
		fi
	done
	[ -n "$built" ] || { warn "nothing to run"; exit 1; }
}

# What a reader of the results needs to know about this run.
describe() {
	cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1 | tr -cd '[:alnum:] .()@-')
	printf '{"run":"%s","cpu":"%s","kernel":"%s","load":"%s","pinned":"%s"}\n' \
		"$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$cpu" "$(uname -r)" \
		"$(cut -d ' ' -f 1 /proc/loadavg)" "$have_taskset" | tee -a "$RESULTS"
}

case ${1-} in
-h | --help) usage; exit 0 ;;
esac
rows=${*:-$all_rows}
# shellcheck disable=SC2086
known=" $(printf '%s ' $all_rows)"
for row in $rows; do
	case $known in
	*" $row "*) ;;
	*) warn "no such row: $row"; usage >&2; exit 64 ;;
	esac
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
: >"$work/lines"
find_tools
find_built
describe
for row in $rows; do
	for procs in $PROCS; do
		warn "$row, threads: $procs"
		run_row "$row" "$procs"
	done
done
awk -v impls="$built" -f "$here/table.awk" "$here/recorded-best.txt" "$work/lines"
