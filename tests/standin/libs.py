"""Builds the stand-ins for other tests.

    import libs
    paths = libs.build(folder)                          # name -> path, all that this machine's tools can make
    paths = libs.build(folder, ["full-call-memory"])    # these alone
    libs.VARIANTS[name].expected                        # "confirmed", "suspected" or "clean"

A variant whose tools are not installed is left out, and manifest.json says why."""
import hashlib
import json
import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import toolchain  # noqa: E402
from variants import VARIANTS  # noqa: E402,F401

SONAME = "liblzma.so.5"


def build(outdir, names=None, soname=SONAME):
    """Writes the named variants (all of them by default) and manifest.json; returns name -> path."""
    unknown = sorted(set(names or ()) - set(VARIANTS))
    if unknown:
        raise ValueError("no such stand-in: " + ", ".join(unknown))
    os.makedirs(outdir, exist_ok=True)
    paths, rows, skipped = {}, [], []
    with tempfile.TemporaryDirectory(prefix="standin-") as scratch:
        tools = toolchain.Toolchain(scratch)
        for variant in VARIANTS.values():
            if names is not None and variant.name not in names:
                continue
            path = os.path.join(outdir, variant.file)
            try:
                tools.build(variant, path, soname)
            except toolchain.Missing as missing:
                skipped.append({"name": variant.name, "why": str(missing)})
                continue
            paths[variant.name] = path
            rows.append(_row(variant, path, soname))
    with open(os.path.join(outdir, "manifest.json"), "w", encoding="utf-8") as f:
        json.dump({"schema": "careen/standin/v1", "files": rows, "skipped": skipped}, f, indent=1)
        f.write("\n")
    return paths


def _row(variant, path, soname):
    with open(path, "rb") as f:
        digest = hashlib.sha256(f.read()).hexdigest()
    return {
        "name": variant.name,
        "file": variant.file,
        "rules": list(variant.rules),
        "rules_depend_on_toolchain": variant.loose,
        "expected": variant.expected,
        "architecture": variant.architecture,
        "exercises": variant.exercises,
        "kind": variant.kind,
        "soname": soname if variant.kind == "library" else None,
        "resolvers": variant.resolvers,
        "slot": {"how": variant.slot[0] or None, "relocation": list(variant.slot[1:])} if variant.slot else None,
        "sections": variant.sections,
        "sha256": digest,
    }
