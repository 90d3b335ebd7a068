#!/usr/bin/python3
"""Exposure of a fleet: the images that a threat affects and those to rebuild first are those of the build plan, for records
that came after the indexing too; and the policies that keep such images out."""

import csv
import json
import re

import policy_schemas
from fleet_case import EMPTY, IndexedCase
from fleet_plan import THREAT, matches
from support import REPO, careen_path, main, need, sha256_of


def setUpModule():
    careen_path()
    need("skopeo", "docker-registry")


class Exposure(IndexedCase):
    def expose(self, threats, *words, threat=THREAT, code=1, **kw):
        return self.ask("exposure", threat, "--threats", threats, *words, code=code, **kw)

    def assert_exposure(self, document, affected):
        self.assertEqual(document["schema"], "careen/exposure/v1")
        self.assertEqual(sorted(x["image"]["digest"] for x in document["images"]), sorted(i.digest for i in affected))
        got = {r["digest"]: r["also_fixes"] for r in document["rebuild_first"]}
        self.assertEqual(got, self.plan.rebuild(affected))
        counts = [r["also_fixes"] for r in document["rebuild_first"]]
        self.assertEqual(counts, sorted(counts, reverse=True), "what fixes most comes first")

    def test_equals_the_plan(self):
        """The record came after the indexing, and the registry is gone."""
        affected = self.plan.affected(self.plan.evil_sha256)
        self.assertIn(self.plan.image("team/deleted:2"), affected)
        self.assertNotIn(self.plan.image("team/web:1"), affected)
        threats = self.plan.threats(self.tmp)
        document = self.expose(threats)
        self.assert_exposure(document, affected)
        self.assertEqual(document["rejudged"], len(self.plan.images))
        base = self.plan.image("base/os:gen2")
        first = document["rebuild_first"][0]
        self.assertEqual((first["digest"], first["reference"], first["layer"], first["created_by"]),
                         (base.digest, f"{self.host}/base/os:gen2", base.diff_ids[1], base.layers[1].created_by))
        by_digest = {i.digest: i for i in affected}
        for row in document["images"]:
            sites = [s for s in by_digest[row["image"]["digest"]].sites() if s.sha256 == self.plan.evil_sha256]
            self.assertEqual((row["where"]["path"], row["where"]["layer_index"], row["where"]["visible"]),
                             (sites[0].path, sites[0].layer, sites[0].visible))
            self.assertEqual(row["confidence"], "confirmed")
        self.assert_fails(self.ask("hunt", "threat:" + THREAT, fmt=None), 2, THREAT)  # what is asked once is not kept

    def test_kept_record(self):
        """careen threat add: told at once, used by every later command, and taken out again."""
        affected = self.plan.affected(self.plan.evil_sha256)
        threats = self.plan.threats(self.tmp)
        run = self.careen.run("threat", "add", threats, "--store", self.store)
        self.assert_code(run, 1)
        self.assertIn(f"{THREAT}: {len(affected)} of {len(self.plan.images)} images affected", run.stdout)
        again = self.ask("exposure", THREAT, code=1)
        self.assertEqual(again["rejudged"], 0)
        self.assert_exposure(again, affected)
        for name in (THREAT, "ALIAS-" + THREAT):
            hunted = self.ask("hunt", "threat:" + name, code=1)
            self.assertEqual(matches(hunted), self.plan.hits(lambda s: s.sha256 == self.plan.evil_sha256))
        self.assertIn(THREAT, self.careen.run("threat", "list", "--store", self.store).stdout)
        # Another question of one's own beside it changes nothing of what is kept.
        self.expose(self.plan.threats(self.tmp, "TEST-OTHER", files=[{"digest": "sha256:" + EMPTY}]), threat="TEST-OTHER", code=None)
        self.assertEqual(self.ask("exposure", THREAT, code=1)["rejudged"], 0)
        self.assert_code(self.careen.run("threat", "remove", THREAT, "--store", self.store), 0)
        self.assert_fails(self.careen.run("threat", "remove", THREAT, "--store", self.store), 2, THREAT)
        self.assert_fails(self.ask("exposure", THREAT, fmt=None), 2, THREAT)
        self.ask("exposure", "CVE-2024-3094", code=0)  # judged anew without it
        self.assert_fails(self.ask("hunt", "threat:" + THREAT, fmt=None), 2, THREAT)

    def test_record_of_a_built_in_threat(self):
        record = REPO / "src/knowledge/threats/CVE-2024-3094.yaml"
        self.assert_fails(self.careen.run("threat", "add", record, "--store", self.store), 2, "--replace")
        self.assert_code(self.careen.run("threat", "add", record, "--replace", "--store", self.store), 0)
        self.assert_fails(self.careen.run("threat", "add", self.tmp / "none.yaml", "--store", self.store), 2, "none.yaml")
        self.assert_fails(self.careen.run("threat", "add", record, "--store", self.tmp / "no-store"), 4, "careen index")

    def test_other_indicators(self):
        two = self.plan.image("base/os:gen2")
        blob = json.loads(self.plan.layout.read(two.digest))["layers"][1]["digest"]
        app = self.plan.image("team/app:2")
        late = sha256_of(b"app one\n")
        for name, affected, indicators in (
                ("TEST-LATE", self.plan.affected(late), {"files": [{"digest": "sha256:" + late}]}),
                ("TEST-LAYER", [i for i in self.plan.images if two.diff_ids[1] in i.diff_ids], {"layers": [{"digest": blob}]}),
                ("TEST-MANIFEST", [app], {"manifests": [{"digest": app.digest}]})):
            with self.subTest(name):
                self.assert_exposure(self.expose(self.plan.threats(self.tmp, name, **indicators), threat=name), affected)

    def test_none_affected(self):
        threats = self.plan.threats(self.tmp, digest="0" * 64)
        document = self.expose(threats, code=0)
        self.assertEqual((document["images"], document["rebuild_first"]), ([], []))
        run = self.expose(threats, fmt="table", code=0)
        self.assertIn(f"0 images in {len(self.plan.images)} images", run.stdout)
        self.assertEqual(self.expose(threats, fmt="digests", code=0).out, b"")

    def test_changed_record(self):
        """The same name with another digest: what was true before is no more."""
        self.expose(self.plan.threats(self.tmp))
        other = sha256_of(b"job\n")
        self.assert_exposure(self.expose(self.plan.threats(self.tmp, digest=other)), self.plan.affected(other))

    def test_formats(self):
        threats = self.plan.threats(self.tmp)
        affected = self.plan.affected(self.plan.evil_sha256)
        lines = self.expose(threats, fmt="digests").stdout.splitlines()
        self.assertEqual(lines, sorted(f"{self.host}/{i.repo}@{i.digest}" for i in affected))
        table = self.expose(threats, fmt="table").stdout
        self.assertIn(f"{THREAT}: {len(affected)} of {len(self.plan.images)} images affected", table)
        self.assertLess(table.index("rebuild first"), table.index("\naffected"))
        for image in affected:
            self.assertIn(image.digest, table)
        got = list(csv.DictReader(self.expose(threats, fmt="csv").stdout.splitlines()))
        self.assertEqual(sorted(r["digest"] for r in got), sorted(i.digest for i in affected))

    def policies(self, fmt, *words):
        try:
            import yaml
        except ImportError:
            self.skipTest("python3-yaml is not installed")
        return list(yaml.safe_load_all(self.expose(self.plan.threats(self.tmp), *words, fmt=fmt).stdout))

    def valid(self, document, schema):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("python3-jsonschema is not installed")
        jsonschema.Draft202012Validator(schema).validate(document)

    def denied(self):
        """Digests of affected images, and of indexes that lead to them."""
        affected = self.plan.affected(self.plan.evil_sha256)
        return {i.digest for i in affected} | {i.index for i in affected if i.index}

    def test_kyverno_policy(self):
        for words, action in (((), "Audit"), (("--enforce",), "Enforce")):
            (policy,) = self.policies("kyverno", *words)
            self.valid(policy, policy_schemas.KYVERNO)
            self.assertEqual(policy["spec"]["validationFailureAction"], action)
            containers, volumes = policy["spec"]["rules"][0]["validate"]["foreach"]
            for part in (containers, volumes):
                (condition,) = part["deny"]["conditions"]["any"]
                self.assertEqual(set(condition["value"]), {"*@" + d for d in self.denied()})

    def test_admission_policy(self):
        for words, action in (((), "Audit"), (("--enforce",), "Deny")):
            policy, binding = self.policies("vap", *words)
            self.valid(policy, policy_schemas.ADMISSION)
            self.valid(binding, policy_schemas.BINDING)
            self.assertEqual(binding["spec"], {"policyName": policy["metadata"]["name"], "validationActions": [action]})
            (listed,) = [v["expression"] for v in policy["spec"]["validations"]]
            self.assertRegex(listed, r"^!variables\.digests\.exists\(d, d in \[('[^']*'(, )?)+\]\)$")
            self.assertEqual(set(re.findall(r"'([^']*)'", listed)), self.denied())
            self.assertEqual([v["name"] for v in policy["spec"]["variables"]], ["images", "before", "digests"])  # each uses those before it

    def test_unknown_threat(self):
        self.assert_fails(self.ask("exposure", "TEST-NOBODY", fmt=None), 2, "TEST-NOBODY")
        conditions = self.tmp / "conditions.yaml"
        for threat, code in (("TEST-NOBODY", 2), ("CVE-2024-3094", 0)):
            conditions.write_text(f'any:\n  - "threat:{threat}"\n')
            self.assert_code(self.careen.run("hunt", conditions, "--store", self.store), code)


if __name__ == "__main__":
    main()
