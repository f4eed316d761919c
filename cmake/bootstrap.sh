# What tests/run.sh and examples/run.sh share: packages, configuration, build. Sourced by POSIX sh
# with `root` set to the repository's top. Nothing here touches the network unless a package of
# cmake/packages.txt is missing.

build="${RETAILSYNC_BUILD_DIR:-$root/build}"
started=$(date +%s)

say() {
  printf '==> %s\n' "$*"
}

die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

seconds_since_start() {
  echo $(($(date +%s) - started))
}

# packages_for TAG...: the packages without a tag and those with one of these tags.
packages_for() {
  awk -v tags=" $* " '
    { sub(/#.*/, "") }
    NF == 1 || (NF > 1 && index(tags, " " $2 " ")) { print $1 }
  ' "$root/cmake/packages.txt"
}

# install_packages TAG...: installs what is missing, and only that.
install_packages() {
  command -v dpkg-query >/dev/null 2>&1 ||
    die "this script installs Debian packages, and here is no dpkg. Install what cmake/packages.txt" \
      "names by other means, then: cmake -S . -B build -G Ninja && ninja -C build"
  missing=
  for package in $(packages_for "$@"); do
    state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) || state=
    [ "$state" = installed ] || missing="$missing $package"
  done
  if [ -z "$missing" ]; then
    say "Debian packages: all there"
    return
  fi
  as_root=
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 ||
      die "these packages are missing, and installing them needs root or sudo:$missing"
    as_root=sudo
  fi
  say "Debian packages: installing$missing"
  log=$(mktemp)
  # shellcheck disable=SC2086  # a list of words
  if ! { $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q &&
    $as_root env DEBIAN_FRONTEND=noninteractive \
      apt-get install -q -y --no-install-recommends $missing; } >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    rm -f "$log"
    die "apt-get could not install:$missing"
  fi
  rm -f "$log"
  say "Debian packages: installed ($(seconds_since_start) s)"
}

# configure CMAKE-ARGUMENT...: configures unless the same was configured here before. Ninja itself
# notices when a CMake file changed.
configure() {
  set -- -DCMAKE_BUILD_TYPE=Release "$@"
  wanted="$root $*"
  if [ -f "$build/build.ninja" ] && [ "$(cat "$build/configured" 2>/dev/null)" = "$wanted" ]; then
    return
  fi
  say "Configuring in $build"
  mkdir -p "$build"
  if ! cmake -S "$root" -B "$build" -G Ninja "$@" >"$build/configure.log" 2>&1; then
    cat "$build/configure.log" >&2
    die "CMake could not configure the build"
  fi
  printf '%s\n' "$wanted" >"$build/configured"
}

# build_targets TARGET...: builds, showing one line of progress, or everything when it fails.
build_targets() {
  say "Building $*"
  if [ -t 1 ]; then
    ninja -C "$build" "$@" || die "the build failed; its messages are above"
  elif ! ninja -C "$build" "$@" >"$build/build.log" 2>&1; then
    cat "$build/build.log" >&2
    die "the build failed; its messages are above"
  fi
  say "Built ($(seconds_since_start) s)"
}
