#!/bin/bash
# Runs clang-tidy over the torch-free layers, as .clang-tidy says; warnings are errors.
# Needs a build folder with compile_commands.json: BUILD=build-debug by default.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build-debug}
tidy=${CLANG_TIDY:-clang-tidy-14}
if ! command -v "$tidy" >/dev/null; then
  echo "lint: no $tidy here: apt-get install clang-tidy-14, or name another in CLANG_TIDY" >&2
  exit 2
fi
if [ ! -e "$build/compile_commands.json" ]; then
  echo "lint: no $build/compile_commands.json: run cmake --preset debug, or name another folder in BUILD" >&2
  exit 2
fi
layers=$(sed -n 's/^ropewalk_layer(\([a-z]*\) .*/\1/p' CMakeLists.txt)
for layer in $layers; do [ ! -d "src/$layer" ] || find "src/$layer" -name '*.cpp' ! -path '*/parquet/parquet_*' -print0; done |
  xargs -0 -n 4 -P "$(nproc)" "$tidy" --quiet -p "$build"
