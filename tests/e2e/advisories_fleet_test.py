#!/usr/bin/python3
"""Vulnerabilities in an inventory: what hunts, exposure and news tell of its images equals what scans find in them."""

import datetime
import json
import shutil
import subprocess

import images
from advisory_case import NODE, NPM, PACKAGES, TODAY, AdvisoryCase
from advisory_images import alpine_files, debian_files, layer, npm_files, osv, osv_zip, secdb
from support import CLEAN, FLAGGED, UNREADABLE, USAGE, careen_path, find_tool, is_root, main


def setUpModule():
    careen_path()


class Fleet(AdvisoryCase):
    """Questions about an inventory, with the network taken away where that can be done."""

    def setUp(self):
        super().setUp()
        self.usual()
        self.load(secdb=secdb("v3.19", {"zlib": {"1.3.1-r0": ["CVE-2024-0030"]}}))
        layout = images.OciLayout(self.tmp / "layout")
        base = layer(debian_files("bookworm", PACKAGES))
        fixed = layer(debian_files("bookworm", [("libalpha1", "1.0-2", "alpha")]), "RUN apt-get upgrade")
        plan = {"base": [base], "app": [base, layer(npm_files(*NODE), "RUN npm install")], "fixed": [base, fixed],
                "clean": [layer(debian_files("bookworm", [("alpha", "9.0-1")]))], "alpine": [layer(alpine_files("3.19.1", [("zlib", "1.3-r2")]))],
                "evil": [layer({**debian_files("bookworm", []), **npm_files(("evil", "1.0"))})],
                "empty": [layer({"etc/nothing": "x\n"})]}
        self.images = {name: layout.add(name, layers) for name, layers in plan.items()}
        self.digests = {m["annotations"]["org.opencontainers.image.ref.name"]: m["digest"] for m in layout.manifests}
        self.store = self.tmp / "store.sqlite"
        self.assert_code(self.careen.run("index", layout.path, "--store", self.store), CLEAN)
        shutil.rmtree(layout.path)
        layout = images.OciLayout(self.tmp / "layout")
        self.again = {name: layout.add(name, layers) for name, layers in plan.items()}

    def ask(self, *words, code=None):
        words = [*map(str, words), "--store", str(self.store), "--format", "json"]
        offline = is_root() and find_tool("unshare") and subprocess.run([find_tool("unshare"), "-n", "true"], stderr=subprocess.DEVNULL).returncode == 0
        if offline:
            done = subprocess.run([find_tool("unshare"), "-n", self.careen.binary, *words], env=self.careen.environment(), stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300)
            self.assertIn(done.returncode, (code,) if code is not None else (0, 1), done.stderr.decode())
            return json.loads(done.stdout)
        run = self.careen.run(*words)
        self.assert_code(run, code)
        return run.json()

    def affected(self):
        """{id: {digest}} as scans find it."""
        out = {}
        for name, image in self.again.items():
            for ident, finding in self.found(image, code=(CLEAN, FLAGGED)).items():
                for word in (ident, *finding["vulnerability"]["aliases"]):
                    out.setdefault(word, set()).add(self.digests[name])
        return out

    def test_hunt_and_exposure_equal_scans(self):
        want = self.affected()
        self.assertLessEqual({"CVE-2024-0001", "CVE-2024-0002", "CVE-2024-0006", "CVE-2024-0010", "CVE-2024-0030", "GHSA-mqcf-gqvg-rmhm",
                              "MAL-2024-1"}, set(want))
        for ident, digests in sorted(want.items()):
            with self.subTest(ident):
                matches = self.ask("hunt", ident, code=1)["matches"]
                self.assertEqual({m["image"]["digest"] for m in matches}, digests)
                document = self.ask("exposure", ident, code=1)
                self.assertEqual({x["image"]["digest"] for x in document["images"]}, digests)
        self.assertEqual(self.digests["base"], self.ask("exposure", "CVE-2024-0001")["rebuild_first"][0]["digest"])
        for ident in ("CVE-2024-0003", "CVE-2024-0005"):
            self.assertEqual(self.ask("hunt", ident, code=0)["matches"], [])
            self.assertEqual(self.ask("exposure", ident, code=0)["images"], [])
        for words in (("hunt", "CVE-2024-9999"), ("exposure", "CVE-2024-9999")):
            self.assert_fails(self.careen.run(*words, "--store", self.store), USAGE, "CVE-2024-9999", "careen db search")

    def test_without_a_database(self):
        shutil.rmtree(self.careen.cache / "careen" / "advisories")
        for words in (("hunt", "CVE-2024-0001"), ("exposure", "CVE-2024-0001")):
            self.assert_fails(self.careen.run(*words, "--store", self.store), USAGE, "careen db update")
        self.assert_fails(self.careen.run("db", "news", "--store", self.store), UNREADABLE, "careen db")

    def test_news(self):
        recent = f"{TODAY}T00:00:00Z"
        news = [osv("GHSA-nnnn-nnnn-nnnn", "npm", "left", "1.2.0", "HIGH", published=recent, modified=recent, aliases=["CVE-2024-0050"]),
                osv("GHSA-mmmm-mmmm-mmmm", "npm", "nobody-has-it", "1.2.0", "HIGH", published=recent, modified=recent), *NPM]
        self.db("import", osv_zip(self.tmp / "npm.zip", news))
        document = self.ask("db", "news", code=1)
        self.assertEqual([(a["id"], a["images"]) for a in document["advisories"]], [("CVE-2024-0050", 1)])
        self.assertEqual(document["searched"], len(self.images))
        document = self.ask("db", "news", "--since", "2025-12-31", code=1)
        self.assertLessEqual({"CVE-2024-0050", "CVE-2024-0010", "MAL-2024-1"}, {a["id"] for a in document["advisories"]})
        tomorrow = TODAY + datetime.timedelta(days=2)
        self.assertEqual(self.ask("db", "news", "--since", str(tomorrow), code=0)["advisories"], [])
        self.assert_fails(self.careen.run("db", "news", "--since", "lately", "--store", self.store), USAGE, "--since")


if __name__ == "__main__":
    main()
