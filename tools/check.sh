#!/usr/bin/env bash
# What must hold before anything is tested: format, layering, banned calls, documentation, self-contained headers.
# `--tidy` adds clang-tidy over every source.
set -uo pipefail
cd "$(dirname "$0")/.."
failed=0
step() {
  printf '%-28s' "$1" >&2
  shift
  local out
  if out=$("$@" 2>&1); then echo ok >&2; else echo FAILED >&2; printf '%s\n' "$out" | head -60 >&2; failed=1; fi
}
format() { git ls-files 'src/*.cc' 'src/*.h' 'fuzz/*.cc' 'tests/*.cc' 'tests/*.h' | xargs -r clang-format-16 --dry-run -Werror; }
headers() {
  cmake --preset tidy >/dev/null && cmake --build build/tidy -j "$(nproc)" --target all_verify_interface_header_sets
}
shell() { for f in dev .ci/run tools/*.sh bench/*.sh; do [[ -f $f ]] && { bash -n "$f" || return 1; }; done; }
tidy() { git ls-files 'src/*.cc' | grep -v _test | xargs -P "$(nproc)" -n 4 clang-tidy-16 -p build/tidy --quiet --warnings-as-errors='*'; }
step "layering" python3 tools/layers.py
step "banned calls and words" python3 tools/banned.py
step "documentation" python3 tools/docs.py
step "shell syntax" shell
step "format" format
step "headers (clang)" headers
[[ " $* " == *" --tidy "* ]] && step "clang-tidy" tidy
exit $failed
