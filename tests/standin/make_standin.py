#!/usr/bin/python3
"""Writes harmless stand-ins for a library with tampered IFUNC resolvers, and clean controls, with a manifest.json."""
import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import libs  # noqa: E402
import toolchain  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("outdir", nargs="?", help="where the files go; made if it is not there")
    parser.add_argument("--only", metavar="NAME", action="append", help="build this one alone; may be repeated")
    parser.add_argument("--soname", default=libs.SONAME, help="the libraries' SONAME (default: %(default)s)")
    parser.add_argument("--list", action="store_true", help="list the names, the rules and what each exercises")
    asked = parser.parse_args()
    if asked.list:
        for v in libs.VARIANTS.values():
            print("%-28s %-5s %-10s %s" % (v.name, v.rules or "-", v.expected, v.exercises))
        return 0
    if not asked.outdir:
        parser.error("OUTDIR is missing")
    for name in asked.only or ():
        if name not in libs.VARIANTS:
            parser.error("no such stand-in: %s (see --list)" % name)
    try:
        paths = libs.build(asked.outdir, asked.only, asked.soname)
    except toolchain.BuildError as error:
        print("make_standin.py: a build failed\n%s" % error, file=sys.stderr)
        return 1
    print("%d files in %s" % (len(paths), asked.outdir))
    return 0 if paths else 1


if __name__ == "__main__":
    sys.exit(main())
