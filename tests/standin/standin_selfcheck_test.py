#!/usr/bin/python3
"""Checks the stand-ins themselves, without careen: the structure that each claims, by readelf and objdump (oracle.py);
that each loads and computes right checksums; and that nothing in them could do harm."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import libs  # noqa: E402
import oracle  # noqa: E402
import toolchain  # noqa: E402

PATIENCE = 120      # seconds until a run is called a hang
PROGRAM = """
import ctypes, sys
lib = ctypes.CDLL(sys.argv[1], int(sys.argv[2]))
for name, kind, want in (("lzma_crc32", ctypes.c_uint32, 0xCBF43926), ("lzma_crc64", ctypes.c_uint64, 0x995DC9BBDF1939FA)):
    f = getattr(lib, name)
    f.restype, f.argtypes = kind, (ctypes.c_char_p, ctypes.c_size_t, kind)
    if f(b"123456789", 9, 0) != want: sys.exit(name + " computes a wrong value")
lib.lzma_version_string.restype = ctypes.c_char_p
if lib.lzma_version_string() != b"stand-in": sys.exit("not the stand-in")
if lib.lzma_block_header_encode() != 11: sys.exit("its own use of the checksums fails")
for name in sys.argv[3:]:
    f = getattr(lib, name)
    if not name.endswith("thread_count"): f(1)
"""
# All that a stand-in may import: no way to a file, a process, the network or memory permissions.
ALLOWED = {"__tls_get_addr", "__stack_chk_fail", "abort", "getauxval", "standin_thread_count", "__cxa_finalize",
           "__gmon_start__", "_ITM_registerTMCloneTable", "_ITM_deregisterTMCloneTable", "__libc_start_main"}
BUILT, MANIFEST, FOLDER = {}, {}, None


def setUpModule():
    global FOLDER
    for name in ("readelf", "objdump"):
        if not shutil.which(name):
            raise unittest.SkipTest(name + " is not installed")
    base = os.environ.get("CAREEN_TEST_TMP")
    if base:
        os.makedirs(base, exist_ok=True)
    FOLDER = tempfile.mkdtemp(prefix="standin-", dir=base)
    try:
        BUILT.update(libs.build(FOLDER))
    except BaseException:
        shutil.rmtree(FOLDER, True)
        raise
    if not BUILT:
        shutil.rmtree(FOLDER, True)
        raise unittest.SkipTest("no compiler for x86-64 is installed")
    with open(os.path.join(FOLDER, "manifest.json"), encoding="utf-8") as f:
        MANIFEST.update(json.load(f))


def tearDownModule():
    shutil.rmtree(FOLDER, True)


def x86(kind=None):
    for name, path in BUILT.items():
        variant = libs.VARIANTS[name]
        if variant.architecture == "x86_64" and kind in (None, variant.kind):
            yield name, path, variant


class Structure(unittest.TestCase):
    maxDiff = None

    def test_rules_are_what_the_table_claims(self):
        for name, path, variant in x86():
            with self.subTest(name):
                rules, walks, image = oracle.judge(path)
                if variant.loose:
                    self.assertLessEqual(rules, set(variant.rules))
                else:
                    self.assertEqual("".join(sorted(rules)), variant.rules)
                if "A" in variant.rules or "B" in variant.rules and not variant.loose:
                    for walk in walks.values():
                        self.assertEqual("".join(sorted(walk.rules)), variant.rules.replace("D", ""))

    def test_expected_answer_follows_from_the_rules(self):
        for variant in libs.VARIANTS.values():
            with self.subTest(variant.name):
                literal = ("confirmed" if "A" in variant.rules or {"B", "C"} <= set(variant.rules) else
                           "suspected" if "D" in variant.rules else "clean")
                self.assertEqual(variant.expected, "clean" if variant.loose else literal)

    def test_slots_and_the_ways_through_them(self):
        for name, path, variant in x86():
            if not variant.slot:
                continue
            with self.subTest(name):
                _, walks, _ = oracle.judge(path)
                self.assertTrue(walks)
                for walk in walks.values():
                    self.assertTrue(walk.slot_calls)
                    for how, relocation in walk.slot_calls:
                        self.assertIn(relocation, variant.slot[1:])
                        self.assertIn(how, (variant.slot[0] or how,))

    def test_full_ones_have_the_chain_of_the_real_case(self):
        for name, path, variant in x86():
            if name.startswith("full-"):
                with self.subTest(name):
                    for walk in oracle.judge(path)[1].values():
                        self.assertGreaterEqual(len(walk.functions), 7)
                        self.assertGreaterEqual(len(walk.stores), 5)

    def test_lean_ones_have_nothing_but_the_slot(self):
        for name, path, variant in x86():
            if name.startswith("lean-"):
                with self.subTest(name):
                    for walk in oracle.judge(path)[1].values():
                        self.assertEqual(walk.stores, [])
                        self.assertEqual(len(walk.functions), 3 if "B" in variant.rules else 2)

    def test_how_resolvers_are_named(self):
        for name, path, variant in x86():
            with self.subTest(name):
                image = oracle.Image(path)
                exported = {v for v, kind, section, n in image.symbols
                            if kind == "IFUNC" and section != "UND" and n in ("lzma_crc32", "lzma_crc64")}
                self.assertEqual(len(exported), 2 if variant.resolvers == "ifunc" else 0)
                self.assertEqual(bool(image.irelative), variant.resolvers == "irelative")

    def test_imports_of_rule_d(self):
        for name, path, variant in x86():
            with self.subTest(name):
                image = oracle.Image(path)
                tls = image.has_tls or bool(image.types.intersection(oracle.TLS_RELOCATIONS))
                if "D" in variant.rules:
                    self.assertIn("__tls_get_addr", image.imports)
                    self.assertFalse(tls)
                if name in ("clean-tls", "clean-tls-extern", "clean-tls-relaxed"):
                    self.assertIn("__tls_get_addr", image.imports)
                    self.assertTrue(tls)

    def test_sections_and_symbols(self):
        for name, path, variant in x86():
            with self.subTest(name):
                header = oracle.tool("readelf", "-Wh", path)
                field = {k.strip(): v.strip() for k, v in (line.split(":", 1) for line in header.splitlines() if ":" in line)}
                if not variant.sections:
                    self.assertEqual(field["Number of section headers"], "0")
                    self.assertEqual(field["Start of section headers"].split()[0], "0")
                    self.assertEqual(field["Section header string table index"], "0")
                    continue
                self.assertNotEqual(field["Number of section headers"], "0")
                table = oracle.tool("readelf", "-WS", path)
                self.assertEqual(".symtab" in table, variant.keep_symbols)
                if variant.mark == 0:
                    self.assertEqual(field["OS/ABI"], "UNIX - System V")

    def test_branch_protection(self):
        for name, path, variant in x86():
            if "-fcf-protection=full" in variant.compile:
                with self.subTest(name):
                    image = oracle.Image(path)
                    code = oracle.Code(image)
                    for resolver in image.resolvers:
                        self.assertEqual(code.at(resolver).verb, "endbr64")

    def test_traps_are_set(self):
        """Behind the call that does not return there is code that a careless walk would call tampered with."""
        for name, path, variant in x86():
            if variant.trap:
                with self.subTest(name):
                    self.assertEqual(oracle.judge(path)[0], set())
                    self.assertLessEqual({"A", "C"}, oracle.judge(path, no_return=())[0])

    def test_controls_have_what_they_are_about(self):
        for name, wanted in (("clean-import-slot", "getauxval"), ("clean-import-plt", "getauxval")):
            if name in BUILT:
                for walk in oracle.judge(BUILT[name])[1].values():
                    self.assertIn(wanted, walk.imports)
        if "clean-slot-returned" in BUILT:
            for walk in oracle.judge(BUILT["clean-slot-returned"])[1].values():
                self.assertTrue(walk.loads)
        if "clean-chain-apart" in BUILT:
            image = oracle.Image(BUILT["clean-chain-apart"])
            start = next(v for v, _, _, n in image.symbols if n == "standin_feature_bits")
            self.assertEqual(oracle.walk(image, oracle.Code(image), start).rules, {"A", "B", "C"})
        if "clean-many" in BUILT:
            self.assertGreater(len(oracle.Image(BUILT["clean-many"]).ifuncs), 40)

    def test_aarch64_ones(self):
        for name, path in BUILT.items():
            if libs.VARIANTS[name].architecture == "aarch64":
                with self.subTest(name):
                    self.assertIn("AArch64", oracle.tool("readelf", "-Wh", path))
                    self.assertNotIn("IFUNC", oracle.tool("readelf", "-Ws", path))


class Harmless(unittest.TestCase):
    def test_loads_and_computes(self):
        """In a process of its own, binding lazily and at once: checksums, its own calls, what else it exports."""
        if os.uname().machine != "x86_64":
            self.skipTest("this machine does not run x86-64 code")
        for name, path, variant in x86("library"):
            for mode in (os.RTLD_LAZY, os.RTLD_NOW):
                with self.subTest(name, mode=mode):
                    extra = [n for n in variant.exports if n.startswith(("standin_many", "standin_before", "standin_behind",
                                                                         "standin_feature"))]
                    done = subprocess.run([sys.executable, "-I", "-c", PROGRAM, path, str(mode)] + extra,
                                          capture_output=True, text=True, timeout=PATIENCE)
                    self.assertEqual(done.returncode, 0, done.stderr)

    def test_executables_run(self):
        if os.uname().machine != "x86_64":
            self.skipTest("this machine does not run x86-64 code")
        for name, path, _ in x86("executable"):
            with self.subTest(name):
                self.assertEqual(subprocess.run([path], timeout=PATIENCE).returncode, 0)

    def test_imports_nothing_that_could_do_harm(self):
        for name, path, variant in x86():
            with self.subTest(name):
                self.assertLessEqual(oracle.Image(path).imports, ALLOWED)

    def test_makes_no_system_call_of_its_own(self):
        for name, path, variant in x86("library"):
            if variant.sections:
                with self.subTest(name):
                    self.assertIsNone(re.search(r"\t(syscall|sysenter|int +\$0x80)", oracle.tool(
                        "objdump", "-d", "--no-show-raw-insn", path)))

    def test_no_segment_is_writable_and_executable(self):
        for name, path, _ in x86():
            with self.subTest(name):
                self.assertIsNone(re.search(r" RWE ", oracle.tool("readelf", "-Wl", path)))


class Tool(unittest.TestCase):
    def test_manifest(self):
        self.assertEqual({row["name"] for row in MANIFEST["files"]}, set(BUILT))
        self.assertEqual({row["name"] for row in MANIFEST["skipped"]}, set(libs.VARIANTS) - set(BUILT))
        for row in MANIFEST["files"]:
            self.assertTrue(os.path.isfile(os.path.join(FOLDER, row["file"])))
            self.assertIn(row["expected"], ("confirmed", "suspected", "clean"))
            self.assertTrue(row["exercises"])

    def test_interface(self):
        """Every public name of liblzma under its version, and the SONAME asked for."""
        if "full-call-memory" not in BUILT:
            self.skipTest("not built")
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "make_standin.py")
            subprocess.run([sys.executable, script, folder, "--only", "full-call-memory", "--soname", "libother.so.3"],
                           check=True, capture_output=True, timeout=PATIENCE)
            self.assertEqual(sorted(os.listdir(folder)), ["full-call-memory.so", "manifest.json"])
            path = os.path.join(folder, "full-call-memory.so")
            self.assertIn("[libother.so.3]", oracle.tool("readelf", "-Wd", path))
            names = set(re.findall(r"\b(lzma_\w+)@@(XZ_[\w.]+)", oracle.tool("readelf", "-W", "--dyn-syms", path)))
            self.assertEqual(names, {(name, node) for node, name, _ in toolchain.api_names()})
        dynamic = oracle.tool("readelf", "-Wd", BUILT["full-call-memory"])
        self.assertIn("[liblzma.so.5]", dynamic)
        self.assertIn("NEEDED)             Shared library: [ld-linux-x86-64.so.2]", dynamic)

    def test_builds_are_reproducible(self):
        names = [n for n in ("full-call-memory", "lean-irelative", "clean-cpuid") if n in BUILT]
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            for name, path in libs.build(folder, names).items():
                with open(path, "rb") as again, open(BUILT[name], "rb") as first:
                    self.assertEqual(again.read(), first.read(), name)

    def test_wrong_names_are_refused(self):
        with self.assertRaises(ValueError):
            libs.build(FOLDER, ["no-such-thing"])


if __name__ == "__main__":
    unittest.main()
