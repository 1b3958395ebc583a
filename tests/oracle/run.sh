#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh [PROGRAM...]: compares the reader with gdb, argument by argument, on real programs: lua, sqlite (all of
# them).  Their sources come from Debian through apt-get, without changing the system's lists; what cannot be had is
# skipped with a reason.  Works in ./oracle, where sources and programs are kept for the next run.  Exit status 0
# if nothing of ours was wrong.  `make oracle` runs it in the build directory.
#
#	ORACLE_COMPILERS='gcc clang' ORACLE_LEVELS='-O0 -O2'	what to build with
#	ORACLE_STOPS=8						stops of each kind
set -u
LC_ALL=C
export LC_ALL
srcdir=$(cd "${srcdir:-.}" && pwd)
oracle=$srcdir/tests/oracle
bin=$PWD/tests/oracle
dir=$PWD/oracle
src=$dir/src
mkdir -p "$src" "$dir/bin"
ORACLE_ARGS_DUMP=$bin/args_dump
export ORACLE_ARGS_DUMP

say()
{
	printf '%s\n' "$*"
}

# ---- sources ------------------------------------------------------------------------------------------------------

apt()
{
	apt-get -qq -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$src/parts" \
		-o "Dir::State::lists=$src/lists" "$@"
}

# A list of source packages of our own, made from the system's.
lists()
{
	[ ! -d "$src/lists" ] || return 0
	[ -f /etc/apt/sources.list.d/debian.sources ] && command -v apt-get dpkg-source >/dev/null || return 1
	mkdir -p "$src/parts" "$src/lists/partial"
	sed 's/^Types:.*/Types: deb-src/' /etc/apt/sources.list.d/debian.sources >"$src/parts/src.sources"
	apt update >"$dir/apt.log" 2>&1 || { rm -rf "$src/lists"; return 1; }
}

# fetch PACKAGE: its source in $src/PACKAGE.
fetch()
{
	[ ! -d "$src/$1" ] || return 0
	lists || return 1
	mkdir -p "$src/download"
	(cd "$src/download" && apt --download-only source "$1") >"$dir/apt.log" 2>&1 || return 1
	dpkg-source -x "$src/download/$1"_*.dsc "$src/$1" >"$dir/dpkg-source.log" 2>&1
}

# ---- programs: build_NAME COMPILER LEVEL OUT; args_NAME: its arguments, one a line --------------------------------

build_lua()
{
	fetch lua5.4 || return 1
	echo '#define DEB_HOST_MULTIARCH "x86_64-linux-gnu"' >"$src/lua5.4/src/lua5.4-deb-multiarch.h"
	"$1" -g "$2" -w -DLUA_USE_LINUX -DLUA_COMPAT_5_3 $(ls "$src"/lua5.4/src/*.c | grep -v '/luac\.c') -o "$3" \
		-Wl,-E -lm -ldl
}

args_lua()
{
	echo "$oracle/work.lua"
}

hooks_lua="realloc:3000:1777 strcoll:5:97 fwrite:1:3 cpu:20000:37000 signal:25000:41000"

# Two of its sources are written by tclsh.
build_sqlite()
{
	command -v tclsh >/dev/null && fetch sqlite3 || return 1
	[ -f "$src/sqlite3/build/shell.c" ] ||
		(mkdir -p "$src/sqlite3/build" && cd "$src/sqlite3/build" && ../configure --disable-tcl &&
			make sqlite3.c shell.c) >"$dir/sqlite.log" 2>&1 || return 1
	(cd "$src/sqlite3/build" &&
		"$1" -g "$2" -w -DSQLITE_ENABLE_JSON1 -DSQLITE_ENABLE_FTS5 -DSQLITE_ENABLE_RTREE \
			-DSQLITE_OMIT_LOAD_EXTENSION sqlite3.c shell.c -o "$3" -lpthread -lm)
}

args_sqlite()
{
	rm -f "$dir"/work.db*
	printf '%s\n' "$dir/work.db" ".read $oracle/work.sql"
}

hooks_sqlite="memcmp:200:911 realloc:60:71 write:3:17 read:4:9 cpu:30000:47000 signal:35000:61000"

# ---- runs ---------------------------------------------------------------------------------------------------------

# stops WHAT BINARY HOOK: both sides' view of each stop of that kind, in $dir/BINARY's name/HOOK.
stops()
{
	ORACLE_OUT=$dir/$(basename "$2").d/$3
	ORACLE_STOP=$3
	export ORACLE_OUT
	mkdir -p "$ORACLE_OUT"
	args=$("args_$1")
	(
		export ORACLE_STOP
		IFS='
'
		set -f
		exec timeout -k 5 900 "$bin/stops" -m "${ORACLE_STOPS:-8}" -p "$dir/stop_hook.so" "$oracle/look" "$2" $args
	) 2>"$ORACLE_OUT/err" || say "$(basename "$2"): $3: $(tail -n 1 "$ORACLE_OUT/err")"
}

# one PROGRAM COMPILER LEVEL
one()
{
	name=$1-$2$3
	if [ ! -x "$dir/bin/$name" ] && ! "build_$1" "$2" "$3" "$dir/bin/$name" >"$dir/$name.log" 2>&1; then
		say "skipped: $name cannot be built, see $dir/$name.log"
		return
	fi
	rm -rf "$dir/$name.d" "$dir/$name.result"
	for hook in $(eval "echo \$hooks_$1"); do
		stops "$1" "$dir/bin/$name" "$hook"
	done
	set --
	for f in "$dir/$name.d"/*/*.gdb; do
		[ ! -s "$f" ] || [ ! -s "${f%.gdb}.ours" ] || set -- "$@" "$f" "${f%.gdb}.ours"
	done
	[ $# -gt 0 ] || { say "$name: never stopped"; return; }
	awk -f "$oracle/compare.awk" "$@" >"$dir/$name.result"
	results="$results $dir/$name.result"
	grep '^WRONG\|^ENTRY' "$dir/$name.result" | head -n 5
}

results=
[ $# -gt 0 ] || set -- lua sqlite
command -v gdb >/dev/null || { say "skipped: gdb is not installed"; exit 0; }
"${CC:-gcc}" -O2 -fPIC -shared "$oracle/stop_hook.c" -o "$dir/stop_hook.so" -ldl || exit 1
for program; do
	for cc in ${ORACLE_COMPILERS:-gcc clang}; do
		command -v "$cc" >/dev/null || { say "skipped: $cc is not installed"; continue; }
		for level in ${ORACLE_LEVELS:--O0 -O2}; do
			one "$program" "$cc" "$level"
		done
	done
done
[ -n "$results" ] || exit 0
awk -f "$oracle/table.awk" $results
