#!/bin/bash
# Installs what Ropewalk builds on: Debian packages, and LibTorch out of its pinned wheel in a folder
# outside the clone, keyed by the pins, so that every clone on a machine shares it. Running it again
# is cheap and changes nothing.
#
# usage: scripts/setup.sh [--lean | --full] [--oracles] [--parquet]
#   --lean      LibTorch without CUDA's libraries (1.3 GB); the default where there is no NVIDIA GPU
#   --full      LibTorch with them (4.9 GB); the default where there is one
#   --oracles   also what only the tests need: GoogleTest and the independent implementations
#   --parquet   also Apache Arrow's libraries, for builds with -DROPEWALK_PARQUET=ON
#
# Environment: ROPEWALK_DEPS   the folder (default: ${XDG_CACHE_HOME:-$HOME/.cache}/ropewalk)
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/dependencies.sh

kind=""
oracles=no
parquet=no
for argument in "$@"; do
  case "$argument" in
    --lean) kind=lean ;;
    --full) kind=full ;;
    --oracles) oracles=yes ;;
    --parquet) parquet=yes ;;
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
    *) echo "setup: unknown option $argument; see scripts/setup.sh --help" >&2; exit 2 ;;
  esac
done
if [ -z "$kind" ]; then
  kind=lean
  if [ -e /dev/nvidia0 ]; then kind=full; fi
fi

say() { echo "setup: $*"; }

packages_of() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "third_party/pins/$1.txt"; }

# Prints those of the packages that are not installed.
missing_packages() {
  local package
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || echo "$package"
  done
}

install_packages() {
  local wanted missing apt
  wanted=$(packages_of apt)
  if [ "$oracles" = yes ]; then wanted+=" $(packages_of apt-tests)"; fi
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    say "no apt here; these packages (Debian's names) must be installed by hand:" $wanted
    return
  fi
  missing=$(missing_packages $wanted)
  [ -n "$missing" ] || return 0
  apt="env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0"
  if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
      apt="sudo $apt"
    else
      say "these packages are missing and root's rights are needed to install them:" >&2
      echo "  apt-get install --no-install-recommends" $missing >&2
      exit 1
    fi
  fi
  say "installing packages:" $missing
  $apt update
  $apt install -y --no-install-recommends $missing >/dev/null
}

# install_wheels NAME: the wheels of third_party/pins/NAME.txt into their keyed folder, whole or not
# at all.
install_wheels() {
  local target temporary
  target=$(dependency_folder "$1")
  if [ -d "$target" ]; then
    say "$1 is in $target"
    return
  fi
  temporary="$target.tmp-$$"
  say "installing $1 into $target"
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps \
    --no-compile --target "$temporary" --requirement "third_party/pins/$1.txt"
  mv "$temporary" "$target"
}

# A virtual environment cannot be moved: it is made in place and a marker tells that it is whole.
install_oracles() {
  local target
  target=$(dependency_folder oracles)
  if [ -e "$target/complete" ]; then
    say "oracles are in $target"
    return
  fi
  say "installing oracles into $target"
  rm -rf "$target"
  python3 -m venv "$target"
  "$target/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
    --requirement third_party/pins/oracles.txt
  touch "$target/complete"
}

install_packages
mkdir -p "$(dependency_root)"
exec 9>"$(dependency_root)/.lock"
if ! flock -n 9; then
  say "waiting for another set-up to end"
  flock 9
fi
rm -rf "$(dependency_root)"/*.tmp-*
install_wheels "libtorch-$kind"
if [ "$oracles" = yes ]; then
  install_oracles
  install_wheels oracles-old
  install_wheels oracles-text
fi
if [ "$parquet" = yes ]; then install_wheels parquet; fi
say "done"
