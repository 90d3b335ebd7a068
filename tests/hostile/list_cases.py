#!/usr/bin/python3
# Prints the hostile set as a table: case, attack, expected outcome and why. `--write` puts it into expected.md.
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import case  # noqa: E402
import server_cases  # noqa: E402

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "expected.md")
HEAD = """# The hostile set

Written by `list_cases.py --write` from the cases themselves; a test checks that it is current.

Exit codes: 0 clean, 1 flagged, 2 wrong usage, 3 undetermined, 4 not read. The rules behind the outcomes: legal but odd is
examined and gives the usual verdict; digests that lie are an `integrity` finding; cut, corrupt or over a named limit is a
coverage row and `undetermined`; where no image is to be had, the exit code is 4. Two codes stand where two answers are
equally honest. For every case: no crash of any process, no hang, at most the memory named (256 MiB for one process unless
said otherwise), nothing written outside the cache, no raw control characters in the output.
"""


def cell(text):
    return case.escape_cell(text)


def text():
    out = [HEAD]
    for module, cases in [*case.all_cases(), ("server_cases", server_cases.CASES)]:
        out.append(f"\n## {module.removeprefix('cases_').replace('_', ' ')}\n\n| case | attack | expected | why |\n|---|---|---|---|\n")
        for one in cases:
            memory = f"; {one.memory} MiB" if one.memory != 256 else ""
            out.append(f"| {one.name} | {cell(one.attack)} | {one.outcome()}{memory} | {cell(one.why)} |\n")
    return "".join(out)


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        with open(FILE, "w", encoding="utf-8") as f:
            f.write(text())
    else:
        print(text(), end="")
