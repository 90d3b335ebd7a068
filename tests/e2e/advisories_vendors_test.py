#!/usr/bin/python3
"""Feeds of vendors whose packages are rpms, from their addresses to a finding: Oracle's OVAL, Amazon's yum repositories, Red Hat's VEX
with the content sets that an image names; Java archives that are known by their digests alone; and packages whose manifests are hard links."""

import bz2
import contextlib
import gzip
import hashlib
import io
import json
import pathlib
import sqlite3
import zipfile

from advisory_case import AdvisoryCase
from advisory_images import Feeds, osv, osv_zip, rpm_rootfs
from images import Layer, OciLayout, d, f, hard
from support import UNREADABLE, careen_path, main

ORACLE = "/linux.oracle.com/security/oval/com.oracle.elsa-all.xml.bz2"
AMAZON = "/cdn.amazonlinux.com/al2023/core/"
RED_HAT = "/security.access.redhat.com/data/"


def setUpModule():
    careen_path()


def oval(release, package, fixed):
    return f"""<?xml version="1.0" encoding="utf-8"?><oval_definitions><generator><product_version>Oracle Linux</product_version></generator><definitions>
<definition class="patch"><metadata><title>ELSA-2026-1: {package} security update</title><reference source="elsa" ref_id="ELSA-2026-1" ref_url="https://x.example/"/>
<reference source="CVE" ref_id="CVE-2026-0001"/><advisory><severity>IMPORTANT</severity><issued date="2026-01-02"/></advisory></metadata>
<criteria operator="AND"><criterion test_ref="t1"/><criteria operator="OR"><criterion test_ref="t2"/></criteria></criteria></definition></definitions><tests>
<rpminfo_test id="t1"><object object_ref="o1"/><state state_ref="s1"/></rpminfo_test><rpminfo_test id="t2"><object object_ref="o2"/><state state_ref="s2"/></rpminfo_test>
</tests><objects><rpminfo_object id="o1"><name>oraclelinux-release</name></rpminfo_object><rpminfo_object id="o2"><name>{package}</name></rpminfo_object></objects>
<states><rpminfo_state id="s1"><version operation="pattern match">^{release}</version></rpminfo_state>
<rpminfo_state id="s2"><evr datatype="evr_string" operation="less than">0:{fixed}</evr></rpminfo_state></states></oval_definitions>"""


class VendorCase(AdvisoryCase):
    def setUp(self):
        super().setUp()
        self.feeds = Feeds()
        self.addCleanup(self.feeds.stop)

    def update(self, *sources, **kw):
        return self.db("update", *sources, "--mirror", self.feeds.base, **kw)

    def rpm_image(self, os_release, packages, files=None):
        root = self.tmp / f"rpm{len(list(self.tmp.iterdir()))}"
        return rpm_rootfs(root, os_release, packages, files)


class Oracle(VendorCase):
    def test_from_its_address_to_a_finding(self):
        self.feeds.put(ORACLE, bz2.compress(oval("9", "xz-libs", "5.2.5-8.el9_0").encode()))
        self.update("oracle")
        self.assertEqual(self.sources(), {"oracle": 1})
        image = self.rpm_image("ID=ol\nVERSION_ID=9.3\n", [("xz-libs", "5.2.5", "7.el9"), ("bash", "5.1", "1.el9")])
        finding = self.found(image)["CVE-2026-0001"]
        self.assertEqual(finding["severity"], "high")
        self.assertEqual(finding["vulnerability"]["fixed_version"], "5.2.5-8.el9_0")
        self.assertEqual(self.found(self.rpm_image("ID=ol\nVERSION_ID=9.3\n", [("xz-libs", "5.2.5", "8.el9_0")])), {})
        # Another release than the feed speaks of is no clean answer.
        other = self.rpm_image("ID=ol\nVERSION_ID=8.9\n", [("xz-libs", "5.2.5", "7.el8")])
        self.assertTrue(any(row["state"] == "not_looked" for row in self.rows(image=other)))


class Amazon(VendorCase):
    def repository(self, mirror_list=None, repomd=None, digest=None):
        updates = """<?xml version="1.0"?><updates><update type="security"><id>ALAS2023-2026-1</id><title>T</title><severity>important</severity>
<issued date="2026-01-02 03:04"/><references><reference href="https://x.example" id="CVE-2026-0002" type="cve"/></references><pkglist><collection>
<package name="a" epoch="0" version="2" release="3.amzn2023" arch="x86_64"/></collection></pkglist></update></updates>"""
        packed = gzip.compress(updates.encode(), mtime=0)
        checksum = f'<checksum type="sha256">{digest or hashlib.sha256(packed).hexdigest()}</checksum>'
        self.feeds.put(AMAZON + "mirrors/latest/x86_64/mirror.list", mirror_list or "https://cdn.amazonlinux.com/al2023/core/guids/0123/x86_64/\n")
        self.feeds.put(AMAZON + "guids/0123/x86_64/repodata/repomd.xml", repomd or '<?xml version="1.0"?><repomd xmlns="http://linux.duke.edu/metadata/repo">'
                       '<data type="primary"><location href="repodata/p.gz"/></data><data type="updateinfo">' + checksum + '<location href="repodata/updateinfo.xml.gz"/></data></repomd>')
        self.feeds.put(AMAZON + "guids/0123/x86_64/repodata/updateinfo.xml.gz", packed)

    def test_from_the_list_of_mirrors_to_a_finding(self):
        self.repository()
        self.update("amazon/2023")
        self.assertEqual(self.sources(), {"amazon/2023": 1})
        image = self.rpm_image('ID="amzn"\nVERSION_ID="2023"\n', [("a", "2", "1.amzn2023")])
        self.assertIn("CVE-2026-0002", self.found(image))
        self.assertIn("1 unchanged", self.update("amazon/2023").stdout)

    def test_what_its_repository_does_not_promise_is_not_taken(self):
        self.repository(digest="0" * 64)
        run = self.update("amazon/2023", code=UNREADABLE)
        self.assertIn("promises sha256:0000", run.stdout + run.stderr)
        self.repository()
        self.update("amazon/2023")
        self.assertEqual(self.sources(), {"amazon/2023": 1})

    def test_a_list_or_an_index_that_names_nothing(self):
        self.repository()
        self.update("amazon/2023")
        before = self.status()["sources"]
        for words in ({"mirror_list": "file:///etc/passwd\n"}, {"mirror_list": "no address"}, {"repomd": "<repomd/>"},
                      {"repomd": '<repomd><data type="updateinfo"><location href="../../secret"/></data></repomd>'}):
            self.repository(**words)
            run = self.update("amazon/2023", code=UNREADABLE)
            self.assertRegex(run.stdout + run.stderr, "names no (repository|updateinfo)")
            self.assertEqual(self.status()["sources"], before)


class RedHat(VendorCase):
    def vex(self):
        """CVE-2026-0003 of package a: fixed in 9 by 2-40.el9_4, in the extended release 9.2 by 2-25.el9_2."""
        def platform(ident, cpe):
            return {"product": {"product_id": ident, "name": ident, "product_identification_helper": {"cpe": cpe}}}

        def component(version):
            return {"product": {"product_id": f"a-{version}", "name": "a", "product_identification_helper": {"purl": f"pkg:rpm/redhat/a@{version}?arch=x86_64"}}}

        def part(where, version):
            return {"full_product_name": {"product_id": f"{where}:a-{version}"}, "product_reference": f"a-{version}", "relates_to_product_reference": where}

        return json.dumps({
            "document": {"category": "csaf_vex", "publisher": {"name": "Red Hat Product Security"}, "aggregate_severity": {"text": "Important"}},
            "product_tree": {"branches": [{"branches": [
                platform("BaseOS-9", "cpe:/o:redhat:enterprise_linux:9::baseos"), platform("EUS-9.2", "cpe:/o:redhat:rhel_eus:9.2::baseos"),
                component("2-40.el9_4"), component("2-25.el9_2")]}], "relationships": [part("BaseOS-9", "2-40.el9_4"), part("EUS-9.2", "2-25.el9_2")]},
            "vulnerabilities": [{"cve": "CVE-2026-0003", "title": "T", "product_status": {"fixed": ["BaseOS-9:a-2-40.el9_4", "EUS-9.2:a-2-25.el9_2"]}}]})

    def built_from(self, *sets):
        manifest = {"root/buildinfo/content_manifests/ubi9-container-9.2.json": json.dumps({"metadata": {"icm_version": 1}, "content_sets": list(sets), "image_contents": []})}
        return self.rpm_image("ID=rhel\nVERSION_ID=9.2\n", [("a", "2", "26.el9_1")], manifest if sets else {})

    def test_content_sets_say_which_product_an_image_is(self):
        self.feeds.put(RED_HAT + "metrics/repository-to-cpe.json", json.dumps({"data": {
            "rhel-9-for-x86_64-baseos-rpms": {"cpes": ["cpe:/o:redhat:enterprise_linux:9::baseos"]},
            "rhel-9-for-x86_64-baseos-eus-rpms__9_DOT_2": {"cpes": ["cpe:/o:redhat:rhel_eus:9.2::baseos"]}}}))
        self.update("redhat-vex/repositories")
        self.assertEqual(self.sources(), {"redhat-repositories": 2})
        # What repositories are says nothing of vulnerabilities.
        self.assertTrue(any("careen db update" in row["why"] for row in self.rows(image=self.built_from())))
        self.load(vex=self.vex())
        self.assertEqual(self.found(self.built_from("rhel-9-for-x86_64-baseos-eus-rpms__9_DOT_2")), {})
        self.assertEqual(set(self.found(self.built_from("rhel-9-for-x86_64-baseos-rpms"))), {"CVE-2026-0003"})
        self.assertEqual(set(self.found(self.built_from())), {"CVE-2026-0003"})
        rows = self.rows(image=self.built_from("unheard-of-rpms"))
        self.assertTrue(any(row["what"] == "unheard-of-rpms" and "no source knows" in row["why"] for row in rows), rows)


class Archives(VendorCase):
    def jar(self, **files):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as z:
            for name, text in {"META-INF/MANIFEST.MF": "Manifest-Version: 1.0\n", **files}.items():
                z.writestr(name, text)
        return out.getvalue()

    def setUp(self):
        super().setUp()
        self.bytes = self.jar(**{"org/example/Main.class": "x"})
        root = self.tmp / "java"
        root.mkdir()
        (root / "renamed.jar").write_bytes(self.bytes)
        self.java = f"dir:{root}"
        self.db("import", osv_zip(self.tmp / "maven.zip", [osv("GHSA-aaaa-bbbb-cccc", "Maven", "org.example:lib", "1.1", "HIGH")]))

    def test_lines_of_digests_name_them(self):
        self.assertEqual(self.found(self.java), {})
        self.assertTrue(any("does not say its version" in row["why"] for row in self.rows(image=self.java)))
        self.load(**{"ours.csv": f"sha1,name,version\n{hashlib.sha1(self.bytes).hexdigest()},org.example:lib,1.0\n"})
        finding = self.found(self.java)["GHSA-aaaa-bbbb-cccc"]
        self.assertEqual(finding["where"]["package"]["name"], "org.example:lib")
        self.assertEqual(finding["vulnerability"]["fixed_version"], "1.1")
        bill = json.loads(self.careen.run("scan", self.java, "--format", "cyclonedx").stdout)
        self.assertIn("pkg:maven/org.example/lib@1.0", [c.get("purl") for c in bill["components"]])

    def test_trivys_database_names_them(self):
        path = self.tmp / "trivy-java.db"
        with contextlib.closing(sqlite3.connect(path)) as db, db:
            db.execute("CREATE TABLE artifacts(id INTEGER PRIMARY KEY, group_id TEXT, artifact_id TEXT)")
            db.execute("CREATE TABLE indices(artifact_id INTEGER, version TEXT, sha1 BLOB, archive_type TEXT)")
            db.execute("INSERT INTO artifacts VALUES(7,'org.example','lib')")
            db.execute("INSERT INTO indices VALUES(7,'1.0',?,'jar')", (hashlib.sha1(self.bytes).digest(),))
        self.db("import", path)
        self.assertEqual(self.sources()["artifacts/maven"], 1)
        self.assertIn("GHSA-aaaa-bbbb-cccc", self.found(self.java))
        # By its address, and beside others in a folder.
        whole = path.read_bytes()
        self.db("drop", "artifacts/maven")
        self.feeds.put("/index/trivy-java.db", whole)
        self.db("import", self.feeds.base + "/index/trivy-java.db")
        self.assertEqual(self.sources()["artifacts/maven"], 1)
        folder = self.tmp / "folder"
        folder.mkdir()
        (folder / "java.db").write_bytes(whole)
        osv_zip(folder / "maven.zip", [osv("GHSA-aaaa-bbbb-cccc", "Maven", "org.example:lib", "1.1", "HIGH")])
        self.db("drop", "artifacts/maven")
        self.db("import", folder)
        self.assertEqual(self.sources()["artifacts/maven"], 1)
        before = self.status()
        path.write_bytes(whole[:5000])
        self.db("import", path, code=UNREADABLE)
        self.assert_as_before(before)


class HardLinks(AdvisoryCase):
    def test_packages_that_pnpm_keeps_in_its_store(self):
        self.usual()
        stored = "app/.pnpm-store/v3/files/1a/" + "2b3c4d5e" * 8
        link = "app/node_modules/.pnpm/left@1.0.0/node_modules/left/package.json"
        parents = sorted({str(p) for path in (stored, link) for p in pathlib.PurePath(path).parents} - {"."})
        image = OciLayout(self.tmp / "layout").add("latest", [Layer([*(d(p) for p in parents), f(stored, '{"name":"left","version":"1.0.0"}'), hard(link, stored)], "RUN pnpm install")])
        finding = self.found(image)["CVE-2024-0010"]
        self.assertEqual(finding["where"]["path"], "/" + link)


if __name__ == "__main__":
    main()
