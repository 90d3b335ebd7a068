#!/bin/bash
# Makes a Debian 13 root with mmdebstrap and runs ./dev test in it. Takes root, 4 GB of disk and an hour; not part of CI.
# Usage: tools/debian13.sh [FOLDER]   (the root is made once in FOLDER, default ~/.cache/careen-debian13)
set -euo pipefail
cd "$(dirname "$0")/.."
root=${1:-$HOME/.cache/careen-debian13}
command -v mmdebstrap >/dev/null || { echo "mmdebstrap is needed: apt-get install mmdebstrap" >&2; exit 1; }
if [ ! -e "$root/etc/debian_version" ]; then
  mkdir -p "$root"
  mirror=$(awk '$1 == "deb" || $1 == "URIs:" { for (i = 2; i <= NF; i++) if ($i ~ /^https?:/) { print $i; exit } }' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null || true)
  mmdebstrap --variant=minbase --include=git,ca-certificates trixie "$root" ${mirror:+"$mirror"}
fi
mkdir -p "$root/careen"
git archive HEAD | tar -xm -C "$root/careen"
cp /etc/resolv.conf "$root/etc/resolv.conf"
exec unshare --mount --pid --fork --mount-proc="$root/proc" sh -c '
  mount --rbind "$1" "$1" && mount --rbind /dev "$1/dev" && mount --rbind /sys "$1/sys" &&
  exec chroot "$1" env HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin bash -c "cd /careen && git init -q . && git add -A && ./dev test"' sh "$root"
