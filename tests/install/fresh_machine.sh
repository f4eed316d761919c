#!/bin/sh
# Tries the two commands on a fresh machine: a Debian 12 made by debootstrap in a temporary folder,
# with nothing of retailsync's on it, and a fresh clone inside. Each command runs twice; the second
# time must take less than a tenth of the first. Needs root, debootstrap, some 4 GB, and as much
# network as apt does. Not a part of .ci/run: it takes long.
#     sh tests/install/fresh_machine.sh [EMPTY-FOLDER]
# The folder is kept when it is given, for looking into it afterwards. COMMANDS narrows what is tried
# ("tests/run.sh"), DEBIAN_MIRROR names another mirror.
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
work=${1:-}
keep=yes
if [ -z "$work" ]; then
  work=$(mktemp -d)
  keep=
fi
mkdir -p "$work"
fresh="$work/fresh"

unmount_all() {
  for machine in "$work"/*/; do
    for mounted in dev proc; do
      ! mountpoint -q "$machine$mounted" || umount "$machine$mounted"
    done
  done
}
clean_up() {
  unmount_all
  # Never delete through something that is still mounted.
  if [ -z "$keep" ] && ! grep -q " $work/" /proc/mounts; then rm -rf "$work"; fi
}
trap clean_up EXIT
trap 'exit 1' INT TERM

say "making a Debian 12 in $fresh"
debootstrap --variant=minbase bookworm "$fresh" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" \
  >"$work/debootstrap.log" 2>&1 || { tail -20 "$work/debootstrap.log" >&2; die "debootstrap failed"; }
# It reaches packages the way this machine does. The list of sources, too, but only Debian's own.
for part in apt.conf apt.conf.d; do
  [ ! -e "/etc/apt/$part" ] || cp -rL "/etc/apt/$part" "$fresh/etc/apt/"
done
if [ -f /etc/apt/sources.list.d/debian.sources ]; then
  rm -f "$fresh/etc/apt/sources.list"
  cp /etc/apt/sources.list.d/debian.sources "$fresh/etc/apt/sources.list.d/"
elif [ -s /etc/apt/sources.list ]; then
  cp /etc/apt/sources.list "$fresh/etc/apt/"
fi
cp -L /etc/resolv.conf /etc/hosts "$fresh/etc/"
[ ! -d /usr/local/share/ca-certificates ] ||
  cp -rL /usr/local/share/ca-certificates "$fresh/usr/local/share/"

say "cloning"
git clone -q --no-hardlinks "$root" "$fresh/root/retailsync"

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
for command in ${COMMANDS:-examples/run.sh tests/run.sh}; do
  # Each command has a fresh machine for itself.
  machine="$work/$(dirname "$command")"
  cp -a "$fresh" "$machine"
  mount --bind /dev "$machine/dev"
  mount -t proc proc "$machine/proc"
  say "sh $command, the first time"
  timed sh "/root/retailsync/$command"
  first=$seconds
  say "sh $command, the second time"
  timed sh "/root/retailsync/$command"
  say "$command: $first s, then $seconds s"
  unmount_all
  awk -v a="$first" -v b="$seconds" 'BEGIN { exit !(b * 10 < a) }' || failed="$failed $command"
done
[ -z "$failed" ] || die "the second time took a tenth of the first or more:$failed"
say "both commands work on a fresh machine, and are quick the second time"
