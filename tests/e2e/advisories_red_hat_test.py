#!/usr/bin/python3
"""Red Hat's VEX documents of real vulnerabilities, read a second time by a few lines of Python: what they name as fixed is not told, what is
older is, what they call affected is; for the plain release, for extended ones, and for images that name their repositories."""

import json
import re

from advisory_images import rpm_rootfs, shared
from support import FLAGGED, UNDETERMINED, Case, careen_path, main

RELEASE = re.compile(r"cpe:/[oa]:redhat:(enterprise_linux|rhel_(?:eus|aus|tus|e4s)):(\d+)(\.\d+)?(?:::\w+)?$")
PLAIN = re.compile(r"(.+)-(\d+):([^-:]+)-([^-:]+)\.(x86_64|noarch)$")


def setUpModule():
    careen_path()


def documents():
    """Real documents, by CVE; those that others keep to test broken ones are not among them."""
    out = {}
    for path in sorted(shared("distro-native-fixtures").rglob("cve-*.json")):
        if "bad" in path.name or "illegal" in path.name:
            continue
        document = json.loads(path.read_text())
        if document.get("document", {}).get("category") == "csaf_vex" and "Red Hat" in document["document"]["publisher"]["name"]:
            out[document["vulnerabilities"][0]["cve"]] = path
    return out


def platforms(branches):
    for b in branches:
        product = b.get("product", {})
        cpe = product.get("product_identification_helper", {}).get("cpe")
        if cpe:
            yield product["product_id"], cpe
        yield from platforms(b.get("branches", []))


class Document:
    def __init__(self, path):
        document = json.loads(path.read_text())
        self.cpes = dict(platforms(document["product_tree"]["branches"]))
        self.status = document["vulnerabilities"][0]["product_status"]

    def of_releases(self, status):
        """(product of the release, major, rest) of each statement about a plain or an extended release."""
        for product in self.status.get(status, []):
            platform, _, rest = product.partition(":")
            m = RELEASE.match(self.cpes.get(platform, ""))
            if m:
                yield m[1] + ":" + m[2] + (m[3] or ""), m[2], rest

    def fixed(self):
        """{(release, major): {(name, epoch, version, release of the package)}} of fixes; modules are left out."""
        out = {}
        for release, major, rest in self.of_releases("fixed"):
            m = PLAIN.match(rest)
            if m and "module" not in rest:
                out.setdefault((release, major), set()).add((m[1], int(m[2]), m[3], m[4]))
        return out


class RedHat(Case):
    def load(self, *files):
        self.assert_code(self.careen.run("db", "import", *files), 0)

    def found(self, major, packages, sets=None):
        """{(package, CVE)} of an image of that release with these packages."""
        files = {} if sets is None else {"root/buildinfo/content_manifests/x.json": json.dumps({"content_sets": sets})}
        name = self.tmp / f"root{len(list(self.tmp.iterdir()))}"
        rows = [(name_, version, release, "x86_64", epoch, None) for name_, epoch, version, release in packages]
        report = self.report(rpm_rootfs(name, f'ID="rhel"\nVERSION_ID="{major}.0"\n', rows, files), code=(0, FLAGGED, UNDETERMINED))
        return {(p, f["threat"]) for f in report["findings"] if f["kind"] == "vulnerability" for p in f["vulnerability"]["packages"]}

    def test_what_is_fixed_and_what_is_older(self):
        cases = 0
        for cve, path in documents().items():
            self.load(path)
            repositories = self.tmp / "repository-to-cpe.json"
            fixed = Document(path).fixed()
            repositories.write_text(json.dumps({"data": {release: {"cpes": [f"cpe:/o:redhat:{release}::baseos"]} for release, _ in fixed} or {"x": {"cpes": ["cpe:/o:redhat:x:1"]}}}))
            self.load(repositories)
            for (release, major), packages in fixed.items():
                names = {}
                for p in packages:
                    names.setdefault(p[0], []).append(p)
                for sets in (None, [release]):
                    for turn in range(max(map(len, names.values()))):
                        some = [p[turn] for p in map(sorted, names.values()) if turn < len(p)]
                        with self.subTest(cve=cve, release=release, sets=sets, turn=turn):
                            self.assertEqual({n for n, c in self.found(major, some, sets) if c == cve}, set(), "at the fix")
                            older = [(n, e, "0", re.sub(r"^\d+", "0", r)) for n, e, _, r in some]
                            self.assertEqual({n for n, c in self.found(major, older, sets) if c == cve}, {p[0] for p in some}, "before it")
                            cases += len(some)
        self.assertGreater(cases, 20)

    def test_what_no_fix_is_told_of(self):
        cases = 0
        for cve, path in documents().items():
            self.load(path)
            document = Document(path)
            fixed = {(major, n) for (_, major), packages in document.fixed().items() for n, *_ in packages}
            # A source package stands for what is built of it.
            said = {status: {(major, rest.removesuffix(".src")) for release, major, rest in document.of_releases(status) if release == f"enterprise_linux:{major}" and re.fullmatch(r"[\w.+-]+", rest)}
                    for status in ("known_affected", "known_not_affected")}
            for major in sorted({m for rows in said.values() for m, _ in rows}):
                names = {status: sorted(n for m, n in rows if m == major and (m, n) not in fixed) for status, rows in said.items()}
                for extended in (None, [f"rhel_eus:{major}.2"]):
                    repositories = self.tmp / "repository-to-cpe.json"
                    repositories.write_text(json.dumps({"data": {f"rhel_eus:{major}.2": {"cpes": [f"cpe:/o:redhat:rhel_eus:{major}.2::baseos"]}}}))
                    self.load(repositories)
                    everything = [(n, 0, "99999", f"1.el{major}") for n in sorted(set().union(*names.values()))]
                    with self.subTest(cve=cve, major=major, sets=extended):
                        got = {n for n, c in self.found(major, everything, extended) if c == cve}
                        self.assertEqual(got, set(names["known_affected"]) - set(names["known_not_affected"]))
                        cases += len(everything)
        self.assertGreater(cases, 10)

    def test_labels(self):
        """What people found of ubi8 when they looked at each answer of a scanner, as far as the documents speak of it."""
        known = documents()
        self.load(*known.values())
        path, = (p for p in shared("match-labels").iterdir() if "ubi8" in p.name)
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        labels = [(r["package"]["name"], r["package"]["version"], r["effective_cve"], r["label"]) for r in rows if r["label"] in ("TP", "FP")]
        self.assertGreater(len(labels), 100)
        testable = [row for row in labels if row[3] == "FP" or row[2] in known]
        print(f"ubi8: {len(labels)} labels, {len(labels) - len(testable)} not testable: the data have no advisory of them")
        installed = set()
        for name, version, *_ in labels:
            epoch, _, rest = version.rpartition(":")
            v, _, r = rest.rpartition("-")
            if v:
                installed.add((name, int(epoch or 0), v, r))
        got = self.found("8", sorted(installed))
        differ = [row for row in testable if ((row[0], row[2]) in got) != (row[3] == "TP")]
        self.assertEqual(differ, [])


if __name__ == "__main__":
    main()
