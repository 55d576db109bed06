# Where the dependencies outside the clone lie. Sourced by scripts, in the repository's root.
# third_party/DependencyFolder.cmake holds the same rule.

dependency_root() { echo "${ROPEWALK_DEPS:-${XDG_CACHE_HOME:-$HOME/.cache}/ropewalk}"; }

# dependency_folder NAME: <root>/NAME-<first 12 digits of the SHA-256 of third_party/pins/NAME.txt>
dependency_folder() {
  local hash
  hash=$(sha256sum "third_party/pins/$1.txt")
  echo "$(dependency_root)/$1-${hash:0:12}"
}

# Lets ccache find what another clone compiled: paths inside the clone do not count.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
