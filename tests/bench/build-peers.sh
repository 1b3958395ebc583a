#!/bin/sh
# SPDX-License-Identifier: MIT
#
# build-peers.sh OUTDIR - build whatever peers this machine has the tools for
#
# The programs land in OUTDIR/go, OUTDIR/boost and OUTDIR/pthread, one for each
# row. A missing compiler or library skips its peer and says so; it is no error.
# GO, CXX, CC, CFLAGS and CXXFLAGS may be set.
set -eu

out=${1:?usage: build-peers.sh OUTDIR}
src=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$out"
out=$(cd "$out" && pwd)
# The same level for every peer written in C or C++; see README.
: "${GO:=go}" "${CXX:=g++}" "${CC:=cc}" "${CFLAGS:=-O2}" "${CXXFLAGS:=-O2 -DNDEBUG}"
export GOCACHE="${GOCACHE:-$out/.gocache}" GOTOOLCHAIN=local GO111MODULE=off
failed=0

skip() {
	echo "build-peers: skipping $1: $2" >&2
}

# report PEER FILE STATUS: one program that does not build is worth an error.
report() {
	[ "$3" -eq 0 ] && return 0
	echo "build-peers: $1: $(basename "$2") does not build" >&2
	failed=1
}

build_go() {
	command -v "$GO" >/dev/null 2>&1 || { skip go "no $GO command"; return 0; }
	mkdir -p "$out/go"
	for f in "$src"/go/*.go; do
		row=$(basename "$f" .go)
		[ "$row" = bench ] && continue
		status=0
		"$GO" build -o "$out/go/$row" "$src/go/bench.go" "$f" || status=$?
		report go "$f" "$status"
	done
	echo "build-peers: go: $("$GO" version)"
}

have_boost() {
	echo '#include <boost/fiber/all.hpp>
int main() { boost::fibers::fiber([] {}).join(); }' >"$out/probe.cpp"
	status=0
	"$CXX" -std=gnu++17 -pthread -o "$out/probe" "$out/probe.cpp" \
		-lboost_fiber -lboost_context >/dev/null 2>&1 || status=1
	rm -f "$out/probe" "$out/probe.cpp"
	return "$status"
}

build_boost() {
	command -v "$CXX" >/dev/null 2>&1 || { skip boost "no $CXX command"; return 0; }
	have_boost || { skip boost "Boost.Fiber does not build (libboost-fiber-dev?)"; return 0; }
	mkdir -p "$out/boost"
	for f in "$src"/boost/*.cpp; do
		status=0
		# shellcheck disable=SC2086
		"$CXX" -std=gnu++17 $CXXFLAGS -pthread -o "$out/boost/$(basename "$f" .cpp)" \
			"$f" -lboost_fiber -lboost_context || status=$?
		report boost "$f" "$status"
	done
	echo "build-peers: boost: $("$CXX" --version | head -n 1)"
}

build_pthread() {
	command -v "$CC" >/dev/null 2>&1 || { skip pthread "no $CC command"; return 0; }
	mkdir -p "$out/pthread"
	for f in "$src"/pthread/*.c; do
		status=0
		# shellcheck disable=SC2086
		"$CC" -std=gnu11 $CFLAGS -pthread -o "$out/pthread/$(basename "$f" .c)" \
			"$f" || status=$?
		report pthread "$f" "$status"
	done
	echo "build-peers: pthread: $("$CC" --version | head -n 1)"
}

build_go
build_boost
build_pthread
exit "$failed"
