#!/usr/bin/python3
"""Checks each #include "folder/…" of src/ against the dependencies that src/CMakeLists.txt declares.

The build refuses a declared dependency on a later folder; this finds the use of a folder that was not declared, which a header
alone would let pass.
"""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent
text = (root / "src/CMakeLists.txt").read_text()
deps = {}
for name, body in re.findall(r"careen_library\((\w+)(.*?)\n\s*(?:LINK|PUBLIC_LINK|\))|careen_library\((\w+)[^)]*\)", text, re.S) and \
        [(m.group(1), m.group(2)) for m in re.finditer(r"careen_library\((\w+)([^)]*)\)", text, re.S)]:
    m = re.search(r"\bDEPS\s+([\w\s]+?)(?:\n\s*[A-Z_]+\s|$)", body + "\n")
    deps[name] = set(m.group(1).split()) if m else set()


def closure(name, seen=None):
    seen = set() if seen is None else seen
    for d in deps.get(name, ()):
        if d not in seen:
            seen.add(d)
            closure(d, seen)
    return seen


bad = 0
for f in sorted((root / "src").rglob("*")):
    if f.suffix not in (".cc", ".h") or f.name.endswith("_test.cc"):
        continue
    folder = f.relative_to(root / "src").parts[0]
    if folder in ("cli", "pch.h"):
        continue
    allowed = closure(folder) | {folder}
    for n, line in enumerate(f.read_text().splitlines(), 1):
        m = re.match(r'#include "(\w+)/', line)
        if m and m.group(1) not in allowed:
            print(f"{f.relative_to(root)}:{n}: {folder} uses {m.group(1)}, which it does not declare in src/CMakeLists.txt")
            bad = 1
        if m and folder in ("formats", "detect") and m.group(1) in ("net", "source"):
            print(f"{f.relative_to(root)}:{n}: {folder} may never use {m.group(1)}")
            bad = 1
sys.exit(bad)
