#!/usr/bin/python3
"""Checks the documentation: every relative link resolves, every folder of src/ is in ARCHITECTURE.md, every dependency in
docs/dependencies.md, every page of docs/ is linked from somewhere."""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent
bad = 0


def complain(what):
    global bad
    bad = 1
    print(what)


pages = [p for p in list(root.glob("*.md")) + list((root / "docs").rglob("*.md"))]
linked = set()
for page in pages:
    text = page.read_text()
    prose = re.sub(r"```.*?```", "", text, flags=re.S)
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", prose):
        if re.match(r"[a-z]+:", target):
            continue
        to = (page.parent / target).resolve()
        linked.add(to)
        if not to.exists():
            complain(f"{page.relative_to(root)}: link to {target} leads nowhere")
architecture = (root / "ARCHITECTURE.md").read_text()
for folder in sorted(p.name for p in (root / "src").iterdir() if p.is_dir()):
    if f"`src/{folder}`" not in architecture:
        complain(f"ARCHITECTURE.md does not name src/{folder}")
for page in (root / "docs").rglob("*.md"):
    if page.resolve() not in linked:
        complain(f"{page.relative_to(root)}: no page links to it")
dependencies = (root / "docs/dependencies.md").read_text()
for line in (root / "tools/packages.txt").read_text().splitlines():
    words = line.split()
    if len(words) == 2 and words[0] == "build" and words[1].startswith("lib") and words[1] not in dependencies:
        complain(f"docs/dependencies.md does not name {words[1]}")
sys.exit(bad)
