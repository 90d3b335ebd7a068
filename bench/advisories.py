#!/usr/bin/env python3
"""Measures the advisory side: import of OSV records, opening, matching, and what vulnerabilities add to a scan.

  CAREEN=build/release/careen bench/advisories.py [--records 300000] [--runs 5]

Everything is made here, from a fixed seed: OSV records of the sizes that real ones have (a median of some 1.2 KiB, some with hundreds of
versions), an image of 10,000 packages, one in twenty of which has advisories. Figures are medians; memory is the process's peak resident set.
"""
import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile

CAREEN = os.environ.get("CAREEN", "build/release/careen")
WORDS = "buffer overflow in the parser of headers allows remote attackers to read beyond the end of a heap object when a crafted name is sent".split()


def record(rng, n, eco):
    name = f"package-{n % 90000}"
    # Most ecosystems give ranges alone; PyPI and Maven list every version besides.
    versions = [f"{a}.{b}.{c}" for a in range(3) for b in range(5) for c in range(rng.choice([2, 6, 20]))] if n % 12 == 0 else []
    return {
        "schema_version": "1.7.3", "id": f"GHSA-{n:04x}-{rng.randrange(1 << 16):04x}-bnch", "aliases": [f"CVE-20{10 + n % 15}-{10000 + n}"],
        "summary": " ".join(rng.choices(WORDS, k=9)), "details": " ".join(rng.choices(WORDS, k=rng.choice([40, 90, 200]))),
        "modified": "2026-01-02T03:04:05Z", "published": "2025-01-02T03:04:05Z",
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:L/A:N"}],
        "affected": [{"package": {"ecosystem": eco, "name": name, "purl": f"pkg:npm/{name}"},
                      "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": f"{n % 5}.{n % 11}.{n % 7}"}]}], "versions": versions,
                      "database_specific": {"source": "https://example.com/" + "x" * 60}}],
        "references": [{"type": "WEB", "url": f"https://example.com/{i}/{n}"} for i in range(4)],
        "database_specific": {"severity": "HIGH", "cwe_ids": ["CWE-125"], "github_reviewed": True},
    }


def run(args, env, **kw):
    """Wall seconds, processor seconds and peak memory in MiB of a whole process."""
    start = time.monotonic()
    p = subprocess.Popen(args, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)
    out, err = p.communicate()
    wall = time.monotonic() - start
    return p.returncode, wall, out, err


def peak(args, env):
    script = ("import resource,subprocess,sys\n"
              "r=subprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL,stderr=subprocess.DEVNULL)\n"
              "u=resource.getrusage(resource.RUSAGE_CHILDREN)\nprint(r.returncode,u.ru_maxrss/1024,u.ru_utime+u.ru_stime)")
    out = subprocess.run([sys.executable, "-c", script] + args, env=env, capture_output=True, text=True, check=True).stdout.split()
    return int(out[0]), float(out[1]), float(out[2])


def image(root, packages):
    (root / "etc").mkdir(parents=True)
    (root / "etc/os-release").write_text('ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n')
    modules = root / "srv/app/node_modules"
    for n in range(packages):
        name = f"package-{n * 2}" if n % 20 == 0 else f"other-{n}"
        d = modules / name
        d.mkdir(parents=True)
        (d / "package.json").write_text(json.dumps({"name": name, "version": f"{n % 4}.{n % 9}.1"}))


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--records", type=int, default=300_000)
    ap.add_argument("--packages", type=int, default=10_000)
    ap.add_argument("--runs", type=int, default=5)
    a = ap.parse_args()
    with tempfile.TemporaryDirectory() as tmp:
        tmp = pathlib.Path(tmp)
        env = dict(os.environ, XDG_CACHE_HOME=str(tmp / "cache"), XDG_STATE_HOME=str(tmp / "state"))
        rng = random.Random(4)
        size = 0
        with zipfile.ZipFile(tmp / "npm.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as z:
            for n in range(a.records):
                text = json.dumps(record(rng, n, "npm"), separators=(",", ":"))
                size += len(text)
                z.writestr(f"{n}.json", text)
        code, mib, cpu = peak([CAREEN, "db", "import", str(tmp / "npm.zip")], env)
        assert code == 0, code
        print(f"import: {a.records} records, {size / 1e6:.0f} MB of JSON, {cpu:.2f} s of one processor: {size / 1e6 / cpu:.0f} MB/s (limit 50), peak {mib:.0f} MiB (limit 300)")
        db = next((tmp / "cache/careen/advisories").glob("*.db"))
        print(f"database: {db.stat().st_size / 1e6:.0f} MB, {db.stat().st_size / a.records:.0f} bytes a record")
        # In turn and often: the disk is still at work on what the import wrote.
        pairs = [(run([CAREEN, "db", "status"], env)[1], run([CAREEN, "--version"], env)[1]) for _ in range(max(a.runs, 41))]
        status, version = (statistics.median(one) for one in zip(*pairs))
        print(f"open: {1000 * max(status - version, 0):.1f} ms more than a process that opens nothing ({1000 * version:.1f} ms) (limit 5)")
        image(tmp / "root", a.packages)
        bom = tmp / "bom.json"
        subprocess.run([CAREEN, "scan", f"dir:{tmp / 'root'}", "-o", f"cyclonedx={bom}"], env=env, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        empty = dict(env, XDG_CACHE_HOME=str(tmp / "empty"))
        def advise_seconds():
            err = run([CAREEN, "scan", f"sbom:{bom}", "-v", "-o", f"json={tmp / 'a.json'}"], env)[3].decode()
            return float(next(line for line in err.splitlines() if "timing: advisories" in line).split()[-1])

        matching = statistics.median(advise_seconds() for _ in range(a.runs))
        found = len(json.loads((tmp / "a.json").read_text())["findings"])
        print(f"match: {a.packages} packages, {found} findings: {1000 * matching:.1f} ms (limit 50)")
        scans = {}
        for name, e in (("with", env), ("without", empty)):
            times = []
            for _ in range(a.runs):
                times.append(run([CAREEN, "scan", f"dir:{tmp / 'root'}", "--no-cache", "-o", f"json={tmp / 'c.json'}"] + (["--cache-dir", str(tmp / "cache/careen")] if name == "with" else []), e)[1])
            scans[name] = statistics.median(times)
        print(f"scan of the folder: {1000 * scans['with']:.0f} ms with, {1000 * scans['without']:.0f} ms without: {scans['with'] / scans['without']:.2f} (limit 1.15)")


if __name__ == "__main__":
    main()
