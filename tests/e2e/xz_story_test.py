#!/usr/bin/python3
"""The story of the XZ backdoor, told with a harmless stand-in of the same structure in real
Debian images: reachable, dormant, suspected, refuted, not affected, hidden, renamed."""

import functools
import json
import pathlib
import re
import sys
import unittest

import debian
import images
from images import Layer, d, f, sym, whiteout
from support import (CLEAN, FLAGGED, TESTS, Careen, Case, careen_path, finding, main, need, scratch,
                     sha256_of, threat_record)

LIBDIR = "usr/lib/x86_64-linux-gnu"
CVE = "CVE-2024-3094"
CHAIN = "/usr/sbin/sshd → libsystemd.so.0 → liblzma.so.5"
SSHD = {"Entrypoint": ["/usr/sbin/sshd", "-D"], "ExposedPorts": {"22/tcp": {}}}
SHELL = {"Cmd": ["bash"]}
STANDIN = "full-call-memory"
VARIANTS = ("lean-register", "lean-plt", "full-glob-dat", "full-irelative", "full-no-sections",
            "full-gcc-O0", "full-gcc-Os", "full-clang-O2", "lean-clang-O2", "rule-bc")


def setUpModule():
    careen_path()


def build_standin(directory, *names):
    """Variants of the stand-in as {name: bytes}; those whose compiler is missing are left out."""
    if not (TESTS / "standin" / "libs.py").exists():
        raise unittest.SkipTest("tests/standin is not there")
    need("gcc", "ld")
    sys.path.insert(0, str(TESTS / "standin"))
    import libs
    return {name: pathlib.Path(path).read_bytes()
            for name, path in libs.build(str(directory), list(names)).items()}


@functools.lru_cache(maxsize=None)
def stage(suite, packages):
    """What scenes of one suite share: one layout, one cache, so that a base is read once."""
    hold = scratch()
    directory = hold.__enter__()
    unittest.addModuleCleanup(hold.__exit__, None, None, None)
    evil = build_standin(directory / "standin", STANDIN)[STANDIN]
    tar = debian.rootfs(suite, *packages)
    (lib,) = [n for n in debian.members(tar) if re.fullmatch(rf"{LIBDIR}/liblzma\.so\.5\..*", n)]
    kept = debian.read(tar, lib, "var/lib/dpkg/status")
    return {"evil": evil, "lib": lib, "clean_lib": kept[lib], "status": kept["var/lib/dpkg/status"],
            "base": Layer(tar, "mmdebstrap"), "layout": images.OciLayout(directory / "layout"),
            "story": Careen(directory / "home")}


class Story(Case):
    """Scenes: layers over a real Debian."""

    suite, packages = "bookworm", ("openssh-server",)

    @classmethod
    def setUpClass(cls):
        for name, value in stage(cls.suite, cls.packages).items():
            setattr(cls, name, value)

    def setUp(self):
        super().setUp()
        self.careen = self.story

    def image(self, *layers, base=None, compression="none", **run):
        tag = re.sub(r"\W", "-", self.id().rpartition(".")[2]) + f"-{len(self.layout.manifests)}"
        return self.layout.add(tag, [base or self.base, *layers], compression=compression, **(run or SSHD))

    def poison(self, path=None, data=None):
        return Layer([f(path or self.lib, data or self.evil, 0o644)], "RUN apt-get install xz-utils")

    def edited(self, *extra, **fields):
        """A layer with another row for liblzma5 (and other entries)."""
        status = debian.edit_status(self.status, "liblzma5", **fields)
        return Layer([f("var/lib/dpkg/status", status), *extra], "RUN edit status")

    def no_library(self):
        return [whiteout(self.lib), whiteout(f"{LIBDIR}/liblzma.so.5")]

    def backdoor(self, report, **want):
        rows = finding(report, kind="backdoor", **want)
        self.assertTrue(rows, json.dumps(report["findings"], indent=1)[:4000])
        return rows[0]

    def cve_rows(self, report):
        return finding(report, threat=CVE)


class Reachable(Story):
    def test_with_sshd(self):
        report = self.report(self.image(self.poison()), code=FLAGGED)
        row = self.backdoor(report, path="/" + self.lib, confidence="confirmed", severity="high",
                            threat=None, visible=True, layer_index=1)
        self.assertEqual(row["where"]["package"]["name"], "liblzma5")
        self.assertIn("structure", {e["by"] for e in row["evidence"]})
        self.assertEqual(row["reachability"]["state"], "reachable", row)
        because = "\n".join(row["reachability"]["because"])
        self.assertIn(CHAIN, because)
        self.assertIn("/usr/sbin/sshd is started by", because)
        self.assertIn("22", because)
        self.assertTrue(finding(report, kind="integrity", path="/" + self.lib) or
                        any(e["by"] == "integrity" for e in row["evidence"]) or
                        finding(report, kind="integrity"), "the file is not the package's own")

    def test_table_tells_it(self):
        run = self.careen.run("scan", self.image(self.poison()))
        self.assertEqual(run.code, FLAGGED, str(run))
        flat = re.sub(r"\s+", " ", run.stdout)
        for words in (CHAIN, "/" + self.lib, "apt-get install xz-utils", "reachable"):
            self.assertIn(words, flat)

    def test_started_by_a_script(self):
        script = f("usr/local/bin/entry.sh", "#!/bin/sh\nset -e\nmkdir -p /run/sshd\n"
                   "exec /usr/sbin/sshd -D \"$@\"\n", 0o755)
        layer = Layer([f(self.lib, self.evil), script])
        report = self.report(self.image(layer, Entrypoint=["/usr/local/bin/entry.sh"]), code=FLAGGED)
        row = self.backdoor(report, state="reachable")
        self.assertIn("entry.sh", "\n".join(row["reachability"]["because"]))

    def test_script_that_cannot_be_followed(self):
        script = f("usr/local/bin/entry.sh", "#!/bin/sh\neval \"$(cat /etc/start)\"\n", 0o755)
        layer = Layer([f(self.lib, self.evil), script])
        report = self.report(self.image(layer, Entrypoint=["/usr/local/bin/entry.sh"]), code=FLAGGED)
        self.backdoor(report, state="unknown")

    def test_sshd_not_started(self):
        report = self.report(self.image(self.poison(), **SHELL), code=FLAGGED)
        row = self.backdoor(report, severity="high", confidence="confirmed")
        self.assertEqual(row["reachability"]["state"], "dormant", row)
        self.assertIn("may override", " ".join(row["reachability"]["because"]))

    def test_clean_twin(self):
        report = self.report(self.image(), code=CLEAN)
        self.assertEqual(finding(report, kind="backdoor"), [])

    def test_renamed_library(self):
        """Another name, no package: the content is what counts."""
        for path in (f"{LIBDIR}/libharmless.so.9", "opt/data.bin", "usr/share/doc/readme.txt"):
            with self.subTest(path):
                report = self.report(self.image(self.poison(path)), code=FLAGGED)
                row = self.backdoor(report, path="/" + path, severity="high", confidence="confirmed")
                self.assertNotEqual(row["reachability"]["state"], "reachable")

    def test_changed_version(self):
        for version in ("5.2.5-2.1", "5.4.1-1", "9:99-1"):
            with self.subTest(version):
                layer = self.edited(f(self.lib, self.evil), Version=version)
                row = self.backdoor(self.report(self.image(layer), code=FLAGGED))
                self.assertEqual((row["severity"], row["confidence"], row["reachability"]["state"]),
                                 ("high", "confirmed", "reachable"))
                self.assertEqual(row["where"]["package"]["version"], version)

    def test_same_finding_wherever_it_is_scanned(self):
        layer, small = self.poison(), Layer([d("usr"), d("usr/lib")])
        ids = {self.backdoor(self.report(self.image(layer, base=small, compression=how), code=FLAGGED))["id"]
               for how in ("none", "gz")}
        self.assertEqual(len(ids), 1)


class Variants(Story):
    """Other builds of the same thing, side by side in one layer of a real image."""

    def test_each_is_found(self):
        built = build_standin(self.tmp / "variants", *VARIANTS)
        self.assertGreaterEqual(len(built), 8)
        layer = Layer([d("opt"), *[f(f"opt/{name}", data, 0o755) for name, data in built.items()]])
        report = self.report(self.image(layer), code=FLAGGED)
        for name in built:
            with self.subTest(name):
                self.backdoor(report, path=f"/opt/{name}", severity="high", confidence="confirmed")

    def test_the_import_alone_is_a_suspicion(self):
        """Rule D: medium, suspected, and that does not flag."""
        (data,) = build_standin(self.tmp / "variants", "rule-d-got").values()
        report = self.report(self.image(Layer([f("opt/d.so", data)])), code=CLEAN)
        self.backdoor(report, path="/opt/d.so", severity="medium", confidence="suspected")

    def test_honest_resolvers_are_clean(self):
        sys.path.insert(0, str(TESTS / "standin"))
        import libs
        names = [v.name for v in libs.VARIANTS.values() if v.expected == "clean" and not v.rules]
        self.assertGreater(len(names), 10)
        built = build_standin(self.tmp / "honest", *names)
        layer = Layer([d("opt"), *[f(f"opt/{name}", data, 0o755) for name, data in built.items()]])
        report = self.report(self.image(layer), code=CLEAN)
        self.assertEqual([x["where"]["path"] for x in finding(report, kind="backdoor")], [])


class Versions(Story):
    """What the package row alone can and cannot say."""

    def test_suspected_by_version_only(self):
        """The row says 5.6.1-1 and the library is not there to be looked at."""
        layer = self.edited(*self.no_library(), Version="5.6.1-1")
        report = self.report(self.image(layer), code=FLAGGED)
        (row,) = self.cve_rows(report)
        self.assertEqual(row["confidence"], "suspected")
        self.assertIn(row["severity"], ("high", "critical"))
        by = {e["by"] for e in row["evidence"]}
        self.assertIn("version", by)
        self.assertFalse(by & {"digest", "pattern", "structure"}, "no content was there to be seen")
        self.assertEqual((row["where"]["package"]["name"], row["where"]["package"]["version"]),
                         ("liblzma5", "5.6.1-1"))

    def test_refuted_by_clean_content(self):
        report = self.report(self.image(self.edited(Version="5.6.1-1")), code=CLEAN)
        rows = self.cve_rows(report)
        self.assertTrue(rows, "shown, though it does not flag")
        self.assertEqual({r["confidence"] for r in rows}, {"refuted"})
        self.assertEqual(report["verdict"], "clean")

    def test_confirmed_by_content_in_the_range(self):
        layer = self.edited(f(self.lib, self.evil), Version="5.6.1-1")
        report = self.report(self.image(layer), code=FLAGGED)
        self.backdoor(report, confidence="confirmed")
        self.assertFalse([r for r in self.cve_rows(report) if r["confidence"] == "refuted"],
                         "content that was found tampered refutes nothing")

    def assert_not_affected(self, layer, code=CLEAN, **run):
        report = self.report(self.image(layer, **(run or SSHD)), code=code)
        self.assertEqual(self.cve_rows(report), [])

    def test_really_is_not_affected(self):
        for version in ("5.6.1+really5.4.5-1", "5.6.1+really5.4.5-1build0.1", "5.4.5-0.3", "5.6.2-1"):
            with self.subTest(version):
                self.assert_not_affected(self.edited(*self.no_library(), Version=version))

    def test_other_architecture_is_not_affected(self):
        self.assert_not_affected(self.edited(*self.no_library(), Version="5.6.1-1", Architecture="arm64"))
        self.assert_not_affected(self.edited(*self.no_library(), Version="5.6.1-1", Architecture="arm64"),
                                 arch="arm64", **SSHD)

    def test_removed_package_is_not_affected(self):
        self.assert_not_affected(self.edited(*self.no_library(), Version="5.6.1-1",
                                             Status="deinstall ok config-files"))

    def test_replaced_database_row_counts_no_more(self):
        """Upgraded in a later layer: the row of the lower layer's database is history."""
        old = self.edited(*self.no_library(), Version="5.6.1-1")
        new = Layer([f("var/lib/dpkg/status", self.status), f(self.lib, self.clean_lib),
                     sym(f"{LIBDIR}/liblzma.so.5", self.lib.rpartition("/")[2])])
        report = self.report(self.image(old, new), code=CLEAN)
        self.assertEqual(self.cve_rows(report), [])


class Hidden(Story):
    def test_replaced_later(self):
        fixed = Layer([f(self.lib, self.clean_lib)], "RUN apt-get upgrade")
        report = self.report(self.image(self.poison(), fixed), code=FLAGGED)
        row = self.backdoor(report, path="/" + self.lib)
        self.assertEqual((row["where"]["visible"], row["where"]["layer_index"], row["severity"],
                          row["confidence"], row["reachability"]["state"]),
                         (False, 1, "medium", "confirmed", "dormant"))
        self.assertRegex(" ".join(row["reachability"]["because"]), r"hidden by layer \d")
        self.assertEqual(report["verdict"], "flagged")

    def test_deleted_later(self):
        for gone in ([whiteout(self.lib)], [d("usr/lib"), images.opaque(LIBDIR)]):
            report = self.report(self.image(self.poison(), Layer(gone)), code=FLAGGED)
            self.backdoor(report, visible=False, severity="medium", state="dormant")

    def test_base_itself_poisoned(self):
        """In the lowest layer, covered at once."""
        base = Layer([d("opt"), f("opt/lib.so", self.evil)])
        image = self.layout.add("lowest", [base, Layer([whiteout("opt/lib.so")])])
        self.backdoor(self.report(image, code=FLAGGED), visible=False, layer_index=0)


class Dormant(Story):
    packages = ()

    def test_without_sshd(self):
        report = self.report(self.image(self.poison(), **SHELL), code=FLAGGED)
        row = self.backdoor(report, severity="high", confidence="confirmed", visible=True)
        self.assertEqual(row["reachability"]["state"], "dormant", row)

    def test_files_and_roots(self):
        """The library alone, as file: and inside a root directory."""
        path = self.tmp / "liblzma.so.5"
        path.write_bytes(self.evil)
        row = self.backdoor(self.report(f"file:{path}", code=FLAGGED), confidence="confirmed")
        self.assertEqual(row["reachability"]["state"], "unknown")
        root = self.tmp / "root"
        (root / "usr/lib").mkdir(parents=True)
        (root / "usr/lib/liblzma.so.5").write_bytes(self.evil)
        self.backdoor(self.report(f"dir:{root}", code=FLAGGED), path="/usr/lib/liblzma.so.5")


class OtherRelease(Story):
    """trixie's libsystemd loads liblzma only on demand, and sshd does not need it."""

    suite = "trixie"

    def test_not_reachable_through_libsystemd(self):
        row = self.backdoor(self.report(self.image(self.poison()), code=FLAGGED), severity="high")
        self.assertNotIn(CHAIN, "\n".join(row["reachability"]["because"]))


class OwnRecord(Story):
    """A threat record made for the built image: by manifest, by layer, by file."""

    def record(self, **indicators):
        path = self.tmp / "record.yaml"
        path.write_text(threat_record("TEST-STANDIN", kind="backdoor", indicators=indicators))
        return path

    def test_file_digest(self):
        threats = self.record(files=[{"digest": "sha256:" + sha256_of(self.evil)}])
        report = self.report(self.image(self.poison()), "--threats", threats, code=FLAGGED)
        (row,) = finding(report, threat="TEST-STANDIN")
        self.assertEqual((row["severity"], row["confidence"], row["where"]["path"]),
                         ("critical", "confirmed", "/" + self.lib))
        self.assertIn("digest", {e["by"] for e in row["evidence"]})
        self.assertIn(CHAIN, "\n".join(row["reachability"]["because"]))
        self.assertIn("TEST-STANDIN", self.careen.run("explain", row["id"]).stdout)

    def test_layer_digest(self):
        """In the record as the registry's blob digest, here of a compressed layer."""
        image = self.image(self.poison(), compression="none")
        digest = self.report(image, code=FLAGGED)["image"]["layers"][1]["digest"]
        report = self.report(image, "--threats", self.record(layers=[{"digest": digest}]), code=FLAGGED)
        (row,) = finding(report, threat="TEST-STANDIN")
        self.assertEqual(row["where"]["layer_index"], 1)

    def test_manifest_digest(self):
        image = self.image(Layer([f("opt/unremarkable", "x")]))
        digest = self.report(image, code=CLEAN)["image"]["digest"]
        report = self.report(image, "--threats", self.record(manifests=[{"digest": digest}]), code=FLAGGED)
        (row,) = finding(report, threat="TEST-STANDIN")
        self.assertEqual(row["confidence"], "confirmed")
        self.assertIsNone(row["where"]["path"])

    def test_knowledge_names_it(self):
        threats = self.record(files=[{"digest": "sha256:" + "0" * 64}])
        plain = self.report(self.image(), code=CLEAN)
        report = self.report(self.image(), "--threats", threats, code=CLEAN)
        self.assertEqual(sum(k["count"] for k in report["knowledge"]),
                         sum(k["count"] for k in plain["knowledge"]) + 1)


if __name__ == "__main__":
    main()
