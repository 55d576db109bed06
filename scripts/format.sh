#!/bin/bash
# Formats the C++ sources in place, or with --check only says which ones differ (exit 1).
set -euo pipefail
cd "$(dirname "$0")/.."
formatter=${CLANG_FORMAT:-clang-format-14}
mapfile -d '' -t files < <(find include src tests \( -name '*.h' -o -name '*.cpp' \) -print0 | sort -z)
case "${1-}" in
  --check) "$formatter" --dry-run -Werror "${files[@]}" ;;
  "") "$formatter" -i "${files[@]}" ;;
  *) echo "usage: scripts/format.sh [--check]" >&2; exit 2 ;;
esac
