#!/usr/bin/python3
"""The files for continuous integration: each parses, and what each would run is run here against a folder."""
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CAREEN = os.environ.get("CAREEN", "")


def root_file_system(folder):
    (folder / "etc").mkdir(parents=True)
    (folder / "var/lib/dpkg").mkdir(parents=True)
    (folder / "etc/os-release").write_text('ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nPRETTY_NAME="Debian 12"\n')
    (folder / "var/lib/dpkg/status").write_text("Package: curl\nStatus: install ok installed\nArchitecture: amd64\nVersion: 7.88.1-10\n\n")


@unittest.skipUnless(CAREEN, "CAREEN names no program")
class CiFiles(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.dir = pathlib.Path(self.scratch.name)
        root_file_system(self.dir / "image")
        self.env = dict(os.environ, XDG_CACHE_HOME=str(self.dir / "cache"), XDG_STATE_HOME=str(self.dir / "state"), HOME=str(self.dir), IMAGE=f"dir:{self.dir / 'image'}",
                        CAREEN=os.path.abspath(CAREEN))
        tracker = {"curl": {"CVE-2024-1": {"description": "x", "releases": {"bookworm": {"status": "resolved", "fixed_version": "7.88.1-11", "urgency": "high"}}}}}
        (self.dir / "tracker.json").write_text(json.dumps(tracker))
        subprocess.run([CAREEN, "db", "import", "-q", str(self.dir / "tracker.json")], env=self.env, check=True)

    def bash(self, script, **env):
        return subprocess.run(["bash", "-e", "-c", script], env=dict(self.env, **env), cwd=self.dir, capture_output=True, text=True)

    def test_the_github_action(self):
        action = yaml.safe_load((ROOT / "ci/github/action.yml").read_text())
        step, = action["runs"]["steps"]
        self.assertEqual(action["runs"]["using"], "composite")
        for name, value in step["env"].items():  # every value is an input that there is: nothing of a caller is pasted into the script
            self.assertIn(re.fullmatch(r"\$\{\{ inputs\.([a-z-]+) \}\}", value).group(1), action["inputs"], name)
        self.assertNotIn("${{", step["run"])
        inputs = {"FAIL_ON": "", "ONLY_FIXED": "false", "IGNORE_FILE": "", "VEX": "", "UPDATE": "false", "SARIF": "out.sarif", "GITHUB_STEP_SUMMARY": str(self.dir / "summary")}
        r = self.bash(step["run"], **inputs)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertIn("CVE-2024-1", (self.dir / "summary").read_text())
        self.assertEqual(json.loads((self.dir / "out.sarif").read_text())["version"], "2.1.0")
        r = self.bash(step["run"], **dict(inputs, FAIL_ON="high"))
        self.assertEqual(r.returncode, 1, r.stderr)
        (self.dir / "ignore").write_text("CVE-2024-1 exp:2999-01-01 accepted\n")
        r = self.bash(step["run"], **dict(inputs, FAIL_ON="high", IGNORE_FILE=str(self.dir / "ignore"), ONLY_FIXED="true"))
        self.assertEqual(r.returncode, 0, r.stderr)

    def test_the_gitlab_template(self):
        job = yaml.safe_load((ROOT / "ci/gitlab/careen.gitlab-ci.yml").read_text())["careen"]
        self.assertEqual(job["allow_failure"]["exit_codes"], [3])
        script = "\n".join(line for line in job["script"] if "db update" not in line)
        r = self.bash(script, FAIL_ON="critical", IGNORE_FILE="")
        self.assertEqual(r.returncode, 0, r.stderr)
        report = json.loads((self.dir / job["artifacts"]["reports"]["container_scanning"]).read_text())
        finding, = report["vulnerabilities"]
        self.assertEqual(finding["identifiers"][0]["value"], "CVE-2024-1")
        self.assertEqual(finding["severity"], "High")
        self.assertEqual(finding["location"]["dependency"]["package"]["name"], "curl")
        self.assertEqual(json.loads((self.dir / job["artifacts"]["reports"]["cyclonedx"]).read_text())["bomFormat"], "CycloneDX")
        xml.etree.ElementTree.parse(self.dir / job["artifacts"]["reports"]["junit"])
        self.assertEqual(self.bash(script, FAIL_ON="high", IGNORE_FILE="").returncode, 1)

    def test_the_jenkins_pipeline(self):
        text = (ROOT / "ci/jenkins/Jenkinsfile").read_text()
        self.assertEqual(text.count("{"), text.count("}"))
        command, = re.findall(r"script: '(careen scan [^']+)'", text)
        r = self.bash(command.replace("careen ", '"$CAREEN" ', 1), FAIL_ON="high")
        self.assertEqual(r.returncode, 1, r.stderr)
        suite = xml.etree.ElementTree.parse(self.dir / "careen-junit.xml").getroot()
        self.assertEqual(sum(int(s.get("failures")) for s in suite), 1)
        html = (self.dir / "careen.html").read_text()
        self.assertIn("CVE-2024-1", html)
        self.assertNotIn("http://", html)
        self.assertNotRegex(html, r'(src|href)="(?!https://)')


if __name__ == "__main__":
    unittest.main()
