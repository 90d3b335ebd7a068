#!/usr/bin/env bash
# The main job on real input: a real Debian image with an ssh server, and its poisoned twin, whose liblzma is replaced by a
# harmless stand-in of the backdoor's structure. Both are made here; nothing is left behind but ~/.cache/careen-demo.
set -euo pipefail
careen=$(realpath "$1")
here=$(cd "$(dirname "$0")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/careen-demo
mkdir -p "$cache"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

. /etc/os-release
base=$cache/$VERSION_CODENAME-sshd.tar
if [[ ! -s $base ]]; then
  echo "Making a Debian $VERSION_CODENAME image with an ssh server from this machine's package sources (once)..." >&2
  cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | grep -E '^deb ' >"$work/sources" || true
  cat /etc/apt/sources.list.d/*.sources >>"$work/sources" 2>/dev/null || true
  mmdebstrap --quiet --variant=minbase --include=openssh-server "$VERSION_CODENAME" "$work/base.tar" - <"$work/sources"
  mv "$work/base.tar" "$base"
fi
python3 -B "$here/tests/standin/make_standin.py" "$work/standin" --only full-call-memory >/dev/null
python3 -B "$here/tools/demo_image.py" "$base" "$work/clean"
python3 -B "$here/tools/demo_image.py" "$base" "$work/poisoned" --poison "$work/standin/full-call-memory.so"

run() {
  printf '\n$ careen scan %s\n' "$1"
  local status=0
  (cd "$work" && "$careen" scan "$1" --no-cache) || status=$?
  printf '(exit status %s)\n' "$status"
  [[ $status == "$2" ]]
}
if "$careen" scan registry:docker.io/library/debian:stable-slim --quiet --timeout 5 >"$work/pulled" 2>/dev/null; then
  printf '\n$ careen scan registry:docker.io/library/debian:stable-slim --quiet\n'
  cat "$work/pulled"
fi
run oci-dir:clean 0
run oci-dir:poisoned 1
