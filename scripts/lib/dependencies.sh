# Where the dependencies outside the clone lie. Sourced by scripts, in the repository's root.
# third_party/DependencyFolder.cmake holds the same rule.

dependency_root() { echo "${ROPEWALK_DEPS:-${XDG_CACHE_HOME:-$HOME/.cache}/ropewalk}"; }

# dependency_folder NAME: <root>/NAME-<first 12 digits of the SHA-256 of third_party/pins/NAME.txt>
dependency_folder() {
  local hash
  hash=$(sha256sum "third_party/pins/$1.txt")
  echo "$(dependency_root)/$1-${hash:0:12}"
}

# The LibTorch that a build takes: the full one where it is installed, else the lean one.
libtorch_folder() {
  local kind folder
  for kind in full lean; do
    folder=$(dependency_folder "libtorch-$kind")/torch
    if [ -d "$folder" ]; then
      echo "$folder"
      return
    fi
  done
  echo "no LibTorch yet: run scripts/setup.sh" >&2
  return 1
}
