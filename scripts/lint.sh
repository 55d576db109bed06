#!/bin/bash
# Runs clang-tidy over the torch-free layers, as .clang-tidy says; warnings are errors.
# Needs a build folder with compile_commands.json: BUILD=build-debug by default.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build-debug}
tidy=${CLANG_TIDY:-clang-tidy-14}
layers=$(sed -n 's/^ropewalk_layer(\([a-z]*\) .*/\1/p' CMakeLists.txt)
for layer in $layers; do [ ! -d "src/$layer" ] || find "src/$layer" -name '*.cpp' -print0; done |
  xargs -0 -n 4 -P "$(nproc)" "$tidy" --quiet -p "$build"
