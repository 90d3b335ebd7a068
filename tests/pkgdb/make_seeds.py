#!/usr/bin/python3
"""Writes seeds for the fuzz targets of the package databases: make_seeds.py OUTDIR

OUTDIR gets one folder for each parser, in it one file for each sample, named after the attack
(or `valid-...`). Every file is made anew from the writers here; the same files in every run.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rpm_bdb  # noqa: E402
import seeds_bdb  # noqa: E402
import seeds_header  # noqa: E402
import seeds_ndb  # noqa: E402
import seeds_sqlite  # noqa: E402
import seeds_text  # noqa: E402

PARSERS = {
    "dpkg_status": seeds_text.dpkg_status,
    "apk_installed": seeds_text.apk_installed,
    "pacman_desc": seeds_text.pacman_desc,
    "rpm_header": seeds_header.rpm_header,
    "rpm_ndb": seeds_ndb.rpm_ndb,
    "rpm_bdb": seeds_bdb.rpm_bdb_seeds,
    "rpm_sqlite": seeds_sqlite.rpm_sqlite_seeds,
}


def write(folder, parser):
    os.makedirs(folder, exist_ok=True)
    samples = parser()
    for name, data in samples.items():
        with open(os.path.join(folder, name), "wb") as out:
            out.write(data)
    return len(samples)


def main():
    if len(sys.argv) != 2:
        print("usage: make_seeds.py OUTDIR", file=sys.stderr)
        return 2
    for name, parser in PARSERS.items():
        if name == "rpm_bdb" and rpm_bdb.available():
            print("%-14s left out: %s" % (name, rpm_bdb.available()))
            continue
        print("%-14s %d" % (name, write(os.path.join(sys.argv[1], name), parser)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
