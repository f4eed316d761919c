#!/bin/sh
# Installs a finished build into a temporary folder and builds separate programs against it: by
# find_package, by pkg-config and a plain compiler, both again after the folder was moved, and from
# the sources by add_subdirectory.
#     sh tests/install/consumer.sh [BUILD-FOLDER]
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH='' cd -- "$here/../.." && pwd)
build=$(CDPATH='' cd -- "${1:-$root/build}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
CXX=${CXX:-c++}
export CXX

say() { printf -- '--- %s\n' "$*"; }

# quietly COMMAND...: shows the output only when it fails.
quietly() {
  "$@" >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    printf 'error: %s\n' "$*" >&2
    exit 1
  }
}

programs="uses_base uses_all simulate_a_connector"

# run PROGRAM: the simulator tells of every run, of which the last is enough here.
run() {
  quietly "$1"
  tail -n 1 "$work/log"
}

by_find_package() {
  say "find_package in $1"
  quietly cmake -S "$here" -B "$2" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$1"
  quietly cmake --build "$2"
  for program in $programs; do run "$2/$program"; done
}

by_pkg_config() {
  say "pkg-config and a plain compiler in $1"
  mkdir -p "$2"
  PKG_CONFIG_PATH=$(dirname "$(find "$1" -name retailsync.pc)")
  export PKG_CONFIG_PATH
  quietly pkg-config --exists --print-errors "retailsync >= 0.1"
  for program in $programs; do
    source="$here/$program.cc"
    [ -f "$source" ] || source="$root/examples/$program/$program.cc"
    # shellcheck disable=SC2046  # lists of words
    quietly "$CXX" -std=c++20 $(pkg-config --cflags retailsync) "$source" \
      -o "$2/$program" $(pkg-config --libs retailsync)
    run "$2/$program"
  done
}

say "installing $build"
quietly cmake --install "$build" --prefix "$work/first"
quietly env DESTDIR="$work/staged" cmake --install "$build" --prefix /opt/retailsync
quietly diff -r "$work/first" "$work/staged/opt/retailsync"
# What is installed must not know where it was built or where it was installed.
if grep -rIlF -e "$work/" -e "$root/" "$work/first"; then
  echo "error: these installed files name a folder of this machine" >&2
  exit 1
fi

by_find_package "$work/first" "$work/by-cmake"
by_pkg_config "$work/first" "$work/by-pkg-config"
mv "$work/first" "$work/moved"
by_find_package "$work/moved" "$work/by-cmake-moved"
by_pkg_config "$work/moved" "$work/by-pkg-config-moved"

say "add_subdirectory"
quietly cmake -S "$here" -B "$work/embedded" -G Ninja -DRETAILSYNC_SOURCE="$root"
quietly cmake --build "$work/embedded" --target uses_base
"$work/embedded/uses_base"
say "a separate program builds and runs in every way"
