#!/usr/bin/python3
"""Refuses calls that have a better one, and words that do not belong in the repository. Says which line and what instead."""
import pathlib
import re
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parent.parent
CALLS = {
    r"\b(?:strcpy|strcat|sprintf|gets)\s*\(": "std::string or fmt::format",
    r"\bsystem\s*\(": "posix_spawn with an argument vector",
    r"\b(?:atoi|atol|strtol|strtoul|stoi|stoul)\s*\(": "to_number (base/text.h)",
    r"std::regex": "glob_match, or RE2 where a pattern comes from outside",
    r"\btmpnam\s*\(|\bmktemp\s*\(": "open_unlinked (base/fd.h)",
    r"remove_all\s*\(": "nothing: careen deletes no tree",
}
LATER = re.compile("\\b(TO" + "DO|FIX" + "ME|XX" + "X|HA" + "CK)\\b")
bad = 0


def complain(path, line, what):
    global bad
    bad = 1
    print(f"{path}:{line}: {what}")


files = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True).stdout.split("\n")
for name in filter(None, files):
    path = root / name
    if path.suffix not in (".cc", ".h", ".py", ".sh", ".md", ".cmake", "") or not path.is_file() or "seeds/" in name:
        continue
    try:
        text = path.read_text()
    except UnicodeDecodeError:
        continue
    for n, line in enumerate(text.splitlines(), 1):
        if LATER.search(line):
            complain(name, n, "open ends are finished or told in an issue, not left in the text")
        if name.startswith("src/"):
            code = re.sub(r'"[^"]*"', '""', line.split("//")[0])
            for pattern, instead in CALLS.items():
                if re.search(pattern, code):
                    complain(name, n, f"use {instead}")
    if name.startswith("src/") and path.suffix == ".h" and "#pragma once" not in text:
        complain(name, 1, "a header begins with #pragma once")
    if name.startswith("src/") and path.suffix in (".cc", ".h") and len(text.splitlines()) > 800:
        complain(name, 1, "longer than 800 lines: does it still do one thing?")
sys.exit(bad)
