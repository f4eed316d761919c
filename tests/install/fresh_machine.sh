#!/bin/sh
# Tries the two commands on a fresh machine: a Debian 12 made by debootstrap in a temporary folder,
# with nothing of retailsync's on it, and a fresh clone inside. Each command runs twice; the second
# time must take less than a tenth of the first. Needs root, debootstrap, some 4 GB, and as much
# network as apt does. Not a part of .ci/run: it takes long.
#     sh tests/install/fresh_machine.sh [EMPTY-FOLDER]
# The folder is kept when it is given, for looking into it afterwards.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH='' cd -- "$here/../.." && pwd)

die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}
say() { printf '==> %s\n' "$*"; }

[ "$(id -u)" -eq 0 ] || die "needs root, for debootstrap and chroot"
command -v debootstrap >/dev/null || die "needs the package debootstrap"
machine=${1:-}
keep=yes
if [ -z "$machine" ]; then
  machine=$(mktemp -d)
  keep=
fi
mkdir -p "$machine"

clean_up() {
  for mounted in dev proc; do
    ! mountpoint -q "$machine/$mounted" || umount "$machine/$mounted"
  done
  # Never delete through something that is still mounted.
  if [ -z "$keep" ] && ! grep -q " $machine/" /proc/mounts; then rm -rf "$machine"; fi
}
trap clean_up EXIT
trap 'exit 1' INT TERM

say "making a Debian 12 in $machine"
debootstrap --variant=minbase bookworm "$machine" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" \
  >"$machine.log" 2>&1 || { tail -20 "$machine.log" >&2; die "debootstrap failed"; }
rm -f "$machine.log"
# It reaches packages the way this machine does. The list of sources, too, but only Debian's own.
for part in apt.conf apt.conf.d; do
  [ ! -e "/etc/apt/$part" ] || cp -rL "/etc/apt/$part" "$machine/etc/apt/"
done
if [ -f /etc/apt/sources.list.d/debian.sources ]; then
  rm -f "$machine/etc/apt/sources.list"
  cp /etc/apt/sources.list.d/debian.sources "$machine/etc/apt/sources.list.d/"
elif [ -s /etc/apt/sources.list ]; then
  cp /etc/apt/sources.list "$machine/etc/apt/"
fi
cp -L /etc/resolv.conf /etc/hosts "$machine/etc/"
[ ! -d /usr/local/share/ca-certificates ] ||
  cp -rL /usr/local/share/ca-certificates "$machine/usr/local/share/"
mount --bind /dev "$machine/dev"
mount -t proc proc "$machine/proc"

say "cloning"
git clone -q --no-hardlinks "$root" "$machine/root/retailsync"

# timed COMMAND...: runs it in the machine, in a folder that is not the clone's; leaves its seconds
# in `seconds`.
timed() {
  begun=$(date +%s.%N)
  # The proxies of this machine, and nothing else of its environment.
  env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb \
    ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
    chroot "$machine" sh -c 'cd /tmp && exec "$@"' sh "$@" || die "failed: $*"
  seconds=$(awk -v a="$begun" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f", b - a }')
}

failed=
for command in examples/run.sh tests/run.sh; do
  say "sh $command, the first time"
  # Each command has the fresh machine for itself: the build of the other one is put away.
  rm -rf "$machine/root/retailsync/build"
  timed sh "/root/retailsync/$command"
  first=$seconds
  say "sh $command, the second time"
  timed sh "/root/retailsync/$command"
  say "$command: $first s, then $seconds s"
  awk -v a="$first" -v b="$seconds" 'BEGIN { exit !(b * 10 < a) }' || failed="$failed $command"
done
[ -z "$failed" ] || die "the second time took a tenth of the first or more:$failed"
say "both commands work on a fresh machine, and are quick the second time"
