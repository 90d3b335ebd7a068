#!/usr/bin/env bash
# fuzz.sh [SECONDS] [NAME…]: runs the fuzz targets in build/fuzz, each on its seeds; what it finds stays in build/fuzz/crashes.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=60
[[ ${1:-} =~ ^[0-9]+$ ]] && { seconds=$1; shift; }
mkdir -p build/fuzz/crashes
names=("$@")
((${#names[@]})) || mapfile -t names < <(sed -n 's/^careen_fuzz(\([a-z_0-9]*\).*/\1/p' fuzz/targets.cmake)
for name in "${names[@]}"; do
  mkdir -p "build/fuzz/corpus/$name"
  echo "fuzzing $name for $seconds s" >&2
  "build/fuzz/fuzz/${name}_fuzz" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=20 -artifact_prefix="build/fuzz/crashes/$name-" \
    "build/fuzz/corpus/$name" "fuzz/seeds/$name" >"build/fuzz/$name.log" 2>&1 || { tail -30 "build/fuzz/$name.log"; exit 1; }
done
