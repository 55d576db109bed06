#!/bin/bash
# Builds everything and runs every test: the release build, the torch-free layers again under
# AddressSanitizer and UndefinedBehaviorSanitizer, a bounded run of the fuzz targets, the CUDA module
# (compiled and linked only), and the checks of the sources. Ends with CTest's own summary; exit code 0
# only when all passed.
#
# usage: scripts/test.sh [--full]
#   --full    also the long tables and soaks (CTest label `slow`), and clang-tidy
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/dependencies.sh

full=no
case "${1-}" in
  --full) full=yes ;;
  "") ;;
  *) echo "usage: scripts/test.sh [--full]" >&2; exit 2 ;;
esac
jobs=$(nproc)
started=$SECONDS

step() { echo; echo "=== $* ($((SECONDS - started)) s)"; }

# configure FOLDER ARGUMENT...: cmake, quietly unless it fails.
configure() {
  cmake "$@" >"$log" 2>&1 || { cat "$log"; exit 1; }
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

step "set-up"
scripts/setup.sh --oracles
oracles=$(dependency_folder oracles)
site_packages=$(echo "$oracles"/lib/python3*/site-packages)

step "build: release"
configure --preset release -DROPEWALK_TESTS=ON -DROPEWALK_ORACLE_PYTHON="$oracles/bin/python" \
  -DROPEWALK_OLD_ORACLES="$(dependency_folder oracles-old)" \
  -DROPEWALK_TEXT_ORACLES="$(dependency_folder oracles-text)"
cmake --build --preset release

step "build: torch-free layers with sanitizers"
configure --preset debug
cmake --build --preset debug

step "build: fuzz targets"
configure --preset fuzz
cmake --build --preset fuzz

step "build: CUDA module (compiled and linked, not run)"
configure -S . -B build-cuda -G Ninja -DCMAKE_BUILD_TYPE=Release -DROPEWALK_CUDA=ON \
  -DROPEWALK_TESTS=OFF -DROPEWALK_LIBTORCH="$site_packages/torch"
cmake --build build-cuda --target ropewalk_cuda

if [ "$full" = yes ]; then
  step "clang-tidy"
  scripts/lint.sh
  selection=()
else
  selection=(--label-exclude slow)
fi

rm -rf build/test-results build-debug/test-results
step "tests: torch-free layers with sanitizers"
ctest --preset debug --parallel "$jobs" "${selection[@]}"

step "tests: fuzz targets"
ctest --preset fuzz --parallel "$jobs"

step "tests: release"
ctest --preset release --parallel "$jobs" "${selection[@]}"
