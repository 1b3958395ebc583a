# SPDX-License-Identifier: MIT
#
# lib.sh: what the test scripts share; sourced after `srcdir` is set.  A test prints "ok NAME", "not ok NAME"
# or "ok NAME # SKIP why" for each thing it looks at, and ends with `finish`.

set -u
LC_ALL=C
export LC_ALL
srcdir=$(cd "${srcdir:-.}" && pwd)
failures=0
work=$(mktemp -d "${TMPDIR:-/tmp}/gorgon-test.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

ok()
{
	echo "ok $*"
}

# not_ok NAME [FILE]: the file says why.
not_ok()
{
	echo "not ok $1"
	failures=$((failures + 1))
	[ $# -lt 2 ] || sed 's/^/# /' "$2"
}

skip()
{
	echo "ok $1 # SKIP $2"
}

# expect NAME COMMAND...: ok if the command succeeds.
expect()
{
	expected=$1
	shift
	if "$@" >"$work/output" 2>&1; then ok "$expected"; else not_ok "$expected" "$work/output"; fi
}

# refuse NAME COMMAND...: ok if it fails.
refuse()
{
	expected=$1
	shift
	if "$@" >"$work/output" 2>&1; then not_ok "$expected" "$work/output"; else ok "$expected"; fi
}

finish()
{
	[ $failures -eq 0 ]
	exit
}

# compilers C|C++: those that are there, one per word.
compilers()
{
	case $1 in
	C) set -- gcc clang ;;
	*) set -- g++ clang++ ;;
	esac
	for c; do
		! command -v "$c" >/dev/null || echo "$c"
	done
}

# The flags with which a user of the staged installation compiles and links: user_flags [--static].
user_flags()
{
	PKG_CONFIG_LIBDIR=$GORGON_STAGE$GORGON_LIBDIR/pkgconfig PKG_CONFIG_SYSROOT_DIR=$GORGON_STAGE \
		PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1 \
		"${PKG_CONFIG:-pkg-config}" --cflags --libs "$@" gorgon
	[ "${1:-}" = --static ] || echo "-Wl,-rpath,$GORGON_STAGE$GORGON_LIBDIR"
}

# expectation SOURCE: what the program's comment promises: the lines after " * Prints" go to $work/expected, the
# number after " * Exits with:" to $work/status.
expectation()
{
	awk '/^ \* Exits with: / { print $4 >status; exit }
		on { sub(/^ \*\t?/, ""); print >lines }
		/^ \* Prints/ { on = 1 }' status="$work/status" lines="$work/expected" "$1"
}

# as_promised PROGRAM: runs it and compares; standard output stands before standard error.  See match.awk.
as_promised()
{
	status=0
	"$1" >"$work/out" 2>"$work/err" </dev/null || status=$?
	cat "$work/out" "$work/err" >"$work/actual"
	if [ $status -ne "$(cat "$work/status")" ]; then
		echo "exit status $status"
		cat "$work/actual"
		return 1
	fi
	awk -f "$srcdir/tests/house/match.awk" "$work/expected" "$work/actual"
}
