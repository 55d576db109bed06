#!/bin/bash
# Fuzzes the readers of foreign files (tests/fuzz) under ASan and UBSan. Needs clang-14.
#
# usage: scripts/fuzz.sh [--seconds N | --runs N [--seed N]] [--jobs N] [--built] [TARGET...]
#   --seconds N   per target, 60 by default; what was reached is kept in build-fuzz/corpus, and the
#                 next such run goes on from there
#   --runs N      per target, from the corpus of tests/fuzz alone and with the same random numbers every
#                 time; --seed N (default 1) has others
#   --jobs N      processes per target (default 1)
#   --built       do not build first
# Without TARGET all of them. An input that fails is put into build-fuzz/findings, under the target's
# name; `build-fuzz/tests/fuzz/TARGET FILE` runs it again, with ROPEWALK_FUZZ_SAY=1 telling what the
# reader says. Once mended, it goes into tests/fuzz/corpus/TARGET. Exit code 1: there are findings.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=60
runs=""
seed=1
jobs=1
build=yes
targets=()
while [ $# -gt 0 ]; do
  case "$1" in
    --seconds) seconds=$2; shift ;;
    --runs) runs=$2; shift ;;
    --seed) seed=$2; shift ;;
    --jobs) jobs=$2; shift ;;
    --built) build=no ;;
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
    -*) echo "fuzz: unknown option $1; see scripts/fuzz.sh --help" >&2; exit 2 ;;
    *) targets+=("$1") ;;
  esac
  shift
done

programs=build-fuzz/tests/fuzz
findings=build-fuzz/findings
if [ "$build" = yes ]; then
  cmake --preset fuzz >/dev/null
  cmake --build --preset fuzz
fi
if [ ${#targets[@]} = 0 ]; then
  for link in "$programs"/*; do [ -L "$link" ] && targets+=("${link##*/}"); done
fi

# Inputs are files: on a disk each would cost milliseconds.
[ ! -w /dev/shm ] || export TMPDIR=/dev/shm
TMPDIR=$(mktemp -d -t ropewalk-fuzz.XXXXXX)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
mkdir -p "$findings"
# One input may not take longer, and the process no more memory.
options=(-max_len=16384 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -print_funcs=0 -verbosity=0)

failed=()
for target in "${targets[@]}"; do
  seeds=tests/fuzz/corpus/$target
  if [ ! -x "$programs/$target" ]; then
    echo "fuzz: no target $target in $programs" >&2
    exit 2
  fi
  if [ -n "$runs" ]; then
    reached=$TMPDIR/corpus-$target
    bound=(-runs="$runs" -seed="$seed")
  else
    reached=build-fuzz/corpus/$target
    bound=(-max_total_time="$seconds")
  fi
  [ "$jobs" = 1 ] || bound+=(-fork="$jobs")
  mkdir -p "$reached" "$seeds"
  log=$TMPDIR/$target.log
  if "$programs/$target" "${options[@]}" "${bound[@]}" -artifact_prefix="$findings/$target-" \
      "$reached" "$seeds" >"$log" 2>&1; then
    echo "$target: $(sed -n 's/^stat::\(number_of_executed_units\|average_exec_per_sec\|peak_rss_mb\): *\([0-9]*\)$/\1 \2/p' "$log" | paste -sd,)"
  else
    failed+=("$target")
    echo "$target: FAILED"
    grep -v -e '^#[0-9]' -e '^stat::' "$log" | tail -60
  fi
done
if [ ${#failed[@]} -gt 0 ]; then
  echo "fuzz: findings in ${failed[*]}: see $findings" >&2
  exit 1
fi
