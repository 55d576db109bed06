#!/usr/bin/env bash
# The example text: the Python sources of the pinned torch wheel (licence BSD-3-Clause), which
# scripts/setup.sh installs anyway. Every 40th file is held out.
# Usage: example_text.sh train|valid LIBTORCH_FOLDER OUTPUT_FOLDER
# Links the files of one part as OUTPUT_FOLDER/NNNN.txt, in a fixed order.
set -euo pipefail
part=${1:?train or valid}
torch=$(realpath "${2:?the folder that holds torch/lib}")
output=${3:?the folder to fill}
mkdir -p "$output"
find "$torch" -name '*.py' -size +2k -size -200k | LC_ALL=C sort |
  awk -v part="$part" '(NR % 40 == 0) == (part == "valid")' |
  while read -r file; do
    number=$((${number:-0} + 1))
    ln -sf "$file" "$output/$(printf %04d "$number").txt"
  done
