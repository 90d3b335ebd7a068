#!/usr/bin/python3
"""careen scans clean: its own program, with careen and with YARA rules for the patterns that its record carries."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

CAREEN = os.environ.get("CAREEN", "")
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


@unittest.skipUnless(CAREEN and os.access(CAREEN, os.X_OK), "CAREEN does not name the program")
class SelfTest(unittest.TestCase):
    def test_own_program_is_clean(self):
        r = subprocess.run([CAREEN, "scan", "file:" + CAREEN, "--no-cache", "--quiet"], capture_output=True, text=True)
        self.assertEqual(r.returncode, 0, r.stdout + r.stderr)

    @unittest.skipUnless(shutil.which("yara"), "yara is not installed")
    def test_own_program_matches_no_rule_made_of_its_patterns(self):
        record = (ROOT / "src/knowledge/threats/CVE-2024-3094.yaml").read_text()
        patterns = re.findall(r'(?:bytes|anchor): "([0-9A-F? ]+)"', record)
        self.assertGreaterEqual(len(patterns), 12)
        with tempfile.TemporaryDirectory() as tmp:
            rules = pathlib.Path(tmp, "r.yar")
            rules.write_text("".join(f"rule r{i} {{ strings: $a = {{ {p} }} condition: $a }}\n" for i, p in enumerate(patterns)))
            hit = pathlib.Path(tmp, "control")
            hit.write_bytes(bytes.fromhex(patterns[0].replace(" ", "")))
            control = subprocess.run(["yara", str(rules), str(hit)], capture_output=True, text=True)
            self.assertIn("r0 ", control.stdout, "the rules find nothing at all")
            r = subprocess.run(["yara", str(rules), CAREEN], capture_output=True, text=True)
            self.assertEqual(r.stdout, "")


if __name__ == "__main__":
    unittest.main()
