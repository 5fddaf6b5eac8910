#!/bin/sh
# Shows that a failure fails: the harness's own self-test, then every case with each of its sabotages.
# Usage: testcases/lib/selftest/run.sh [harness | CASE ...]     about two minutes for all; needs gcc and a static libc
set -u
lib=$(cd "$(dirname "$0")/.." && pwd)
cases=$(dirname "$lib")
bin=$(mktemp -d) || exit 1
trap 'rm -rf "$bin"' EXIT
bad=0

cc="gcc -std=gnu11 -O2 -Wall -Wextra -Werror -pthread"
mkdir "$bin/lib" && cd "$bin/lib" && $cc -c "$lib"/*.c || exit 1  # once, for all cases

compile() { # NAME SOURCE...
	name=$1; shift
	$cc -static -I "$lib" "$bin"/lib/*.o "$@" -o "$bin/$name" || exit 1
}

# What this host cannot try at all (exit status 4) is said, and no failure; tests/e2e/test_sabotage.py does it in a guest.
expect() { # WHAT WANTED-STATUS WANTED-LINE(regex) COMMAND...
	what=$1; status=$2; line=$3; shift 3
	tries=${TRIES:-1}
	while :; do
		output=$("$@" 2>&1); got=$?
		tries=$((tries - 1))
		[ "$got" -ne "$status" ] && [ "$tries" -gt 0 ] || break
	done
	if [ "$got" -eq 4 ] && [ "$status" -ne 4 ]; then
		echo "ok $what # SKIP$(printf '%s\n' "$output" | sed -n 's/^ok 1 .*# SKIP//p')"
		return
	fi
	if [ "$got" -ne "$status" ]; then
		echo "not ok $what: exit status $got, not $status"; bad=1
	elif ! printf '%s\n' "$output" | grep -Eq "$line"; then
		echo "not ok $what: no line like '$line'"; bad=1
	else
		echo "ok $what"
		return
	fi
	printf '%s\n' "$output" | sed 's/^/    /'
}

only() { # SUBTEST STATUS LINE
	expect "harness: $1" "$2" "$3" "$bin/selftest" --duration 0.3 --hang-after 0.5 --only "$1"
}

harness() {
	compile selftest "$lib/selftest/selftest.c"
	only passes 0 '^ok 1 passes # time=[0-9]+ms$'
	only judge 0 '^ok 1 judge '
	only skips 4 '^ok 1 skips # SKIP for the sake of it$'
	only idle-role 1 '^not ok 1 idle-role # did not exercise: idle # time='
	only no-event 1 '^not ok 1 no-event # did not exercise: never_seen # time='
	only no-threads 1 '^not ok 1 no-threads # did not exercise: no thread was started '
	only no-counter 1 '^not ok 1 no-counter # did not exercise: no_such_counter '
	only falls-back 1 '^not ok 1 falls-back # did not exercise: most page faults fell back to mmap_lock '
	only many-failures 1 '^# [0-9]+ more failures not shown$|^# FAIL talkative/0: failure 7$'
	only wild-access 1 '^# FAIL wild/0: unexpected signal 11'
	only thread-vanishes 1 '^# FAIL main: thread vanishing/0 died'
	only child-dies 1 '^# FAIL main: child [0-9]+ (died of signal|exited)'
	only process-dies 1 'died of signal 9'
	only stands-still 0 '^ok 1 stands-still # time='
	only waits-for-stopped 0 '^ok 1 waits-for-stopped # time='
	only waits-for-starved 0 '^ok 1 waits-for-starved # time='
	only falls-silent 1 '^# FAIL silent/0: heard$'
	only hangs 1 '^# hang: thread deaf/0 last progress [0-9.]+ s ago, after 1 operations: state S'
	only hangs 1 '^not ok 1 hangs # TIMEOUT thread deaf/0 made no progress for [0-9.]+ s: state S'
	only waits-for-deaf 1 '^not ok 1 waits-for-deaf # TIMEOUT thread waiting/0 made no progress for (0\.[5-9]|1\.[0-4])'
	only waits-for-spinning 1 '^not ok 1 waits-for-spinning # TIMEOUT thread waiting/0 made no progress for (1\.[5-9]|2)'
	only spins 1 '^not ok 1 spins # TIMEOUT thread spinning/0 made no progress for (0\.[5-9]|1\.[0-4])'
	expect 'harness: after a hang' 1 '^ok 22 after-hang # SKIP' "$bin/selftest" --duration 2 --hang-after 0.5
	expect 'harness: usage' 2 'not a number of seconds: soon' "$bin/selftest" --duration soon
	expect 'harness: unknown subtest' 2 'no subtest matches nonsense' "$bin/selftest" --only nonsense
	expect 'harness: unknown setting' 2 'nothing here is set by colour=red' "$bin/selftest" --set colour=red
	expect 'harness: no setting' 2 'not NAME=VALUE' "$bin/selftest" --set colour
	lines=$("$bin/selftest" --duration 0.3 --only many-failures | grep '^# ' | grep -vc metric)
	[ "$lines" -le 10 ] && echo "ok harness: $lines lines of diagnostics" || { echo "not ok $lines lines"; bad=1; }
}

one_case() { # NAME
	compile "$1" "$cases/$1"/*.c
	expect "$1: clean" 0 '^ok 1 ' "$bin/$1" --duration 2
	[ "$1" != random-ops ] || short_program wipe-forgotten
	for sabotage in $("$bin/$1" --self-test-fail list | sort -u); do
		# a window is not hit each time by a host that is busy with other things
		TRIES=3 expect "$1: $sabotage" 1 '^not ok 1 ' "$bin/$1" --duration 2 --self-test-fail "$sabotage"
	done
}

# A program that failed is made short; what is printed of it fails again, and passes where nothing is broken.
short_program() { # SABOTAGE
	"$bin/random-ops" --duration 2 --self-test-fail "$1" | sed -n 's/^# FAIL owner\/0: \(.*[0-9]+[0-9].*;.*\)/\1/p' >"$bin/program"
	operations=$(tr ';' '\n' <"$bin/program" | wc -l)
	[ "$operations" -ge 2 ] && [ "$operations" -le 8 ] || { echo "not ok random-ops: $operations operations left"; bad=1; }
	again="$bin/random-ops --only exact --duration 1 --set replay=$bin/program"
	expect "random-ops: $operations operations fail again" 1 'fails by itself' $again --self-test-fail "$1"
	expect 'random-ops: the same pass' 0 '^ok 1 exact' $again
}

if [ $# -eq 0 ]; then
	set -- harness $(cd "$cases" && ls -d */main.c | xargs -n1 dirname)  # those of our harness
fi
for name; do
	case $name in
	harness) harness ;;
	*) one_case "$name" ;;
	esac
done
exit $bad
