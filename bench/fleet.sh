#!/bin/sh
# Fills an inventory with a made-up fleet, asks it, compacts it and asks again. Usage: fleet.sh PROGRAM IMAGES
# A fleet of 100,000 images takes some 4 GiB below $CAREEN_BENCH_DIR (default: ~/.cache/careen-bench).
set -eu
folder=${CAREEN_BENCH_DIR:-$HOME/.cache/careen-bench}
mkdir -p "$folder"
file=$folder/fleet-$2.sqlite
rm -f "$file" "$file-wal" "$file-shm"
for what in fill ask compact ask; do
  echo "# $what"
  "$1" "$file" "$2" "$what"
done
rm -f "$file" "$file-wal" "$file-shm"
