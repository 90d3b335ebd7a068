#!/usr/bin/python3
"""Lineage in a fleet: who is built on whom, and what was copied from where, is what the build plan says."""

import re

from fleet_case import IndexedCase
from images import Layer, OciLayout, f
from support import careen_path, main, need, sha256_of


def setUpModule():
    careen_path()
    need("skopeo", "docker-registry")


class Lineage(IndexedCase):
    def test_every_image(self):
        for image in self.plan.images:
            with self.subTest(image.name + " " + image.arch):
                (one,) = self.ask("lineage", image.digest, code=0)["images"]
                self.assertEqual(one["image"]["digest"], image.digest)
                self.assertEqual([b["digest"] for b in one["bases"]], self.plan.bases(image))
                self.assertEqual({x["digest"]: x["base"] for x in one["derived"]}, self.plan.derived(image))
                copied = [(c["layer_index"], c["from"], c["shared"], c["here"], c["there"], sorted(i["digest"] for i in c["images"]))
                          for c in one["copied"]]
                self.assertEqual(sorted(copied), self.plan.copied(image))
                self.assertTrue(all(c["images_in_all"] == len(c["images"]) for c in one["copied"]))

    def test_by_name(self):
        document = self.ask("lineage", f"{self.host}/team/multi:1", code=0)
        self.assertEqual(document["schema"], "careen/lineage/v1")
        self.assertEqual(sorted(x["image"]["platform"] for x in document["images"]), ["linux/amd64", "linux/arm64"])
        text = self.ask("lineage", f"{self.host}/team/web:2", fmt="table", code=0).stdout
        lines = [line.strip() for line in text.splitlines()]
        order = [next(n for n, line in enumerate(lines) if name in line)
                 for name in ("base/os:gen2", "team/app:2", "* " + f"{self.host}/team/web:2", "team/job:3")]
        self.assertEqual(order, sorted(order), text)
        squashed = self.ask("lineage", f"{self.host}/team/squashed:1", fmt="table").stdout
        self.assertIn("base not indexed", squashed)
        self.assertRegex(squashed, r"copied content: layer 0 has \d+ of the \d+ contents of layer sha256:\w+ of \S+ and \d+ more")
        self.assert_fails(self.ask("lineage", f"{self.host}/team/nobody:1", fmt=None), 4, "team/nobody")

    def test_graphs(self):
        image = self.plan.image("base/os:gen2")
        dot = self.ask("lineage", image.digest, fmt="dot", code=0).stdout
        self.assertRegex(dot, r"\Adigraph \w+ \{\n(  [^\n]*;\n)+\}\n\Z")
        names = dict(re.findall(r'^  (i\d+) \[label="([^"\\]*)"\];$', dot, re.M))
        edges = {(names[a], names[b]) for a, b in re.findall(r"^  (i\d+) -> (i\d+);$", dot, re.M)}
        name = {i.digest: f"{self.host}/{i.name}" for i in self.plan.images}
        self.assertEqual(edges, {(name[b], name[x]) for x, b in self.plan.derived(image).items()})
        mermaid = self.ask("lineage", image.digest, fmt="mermaid", code=0).stdout
        lines = mermaid.splitlines()
        self.assertEqual(lines[0], "graph TD")
        found = {re.fullmatch(r'  i\d+\["([^"]*)"\] --> i\d+\["([^"]*)"\]', line).groups() for line in lines[1:]}
        self.assertEqual(found, edges)

    def test_claimed_base(self):
        layout = OciLayout(self.tmp / "claims")
        base = self.plan.image("base/os:gen1").digest
        for tag, digest in (("known", base), ("unknown", "sha256:" + "1" * 64)):
            layout.add(tag, [Layer([f("only", tag)])], Labels={
                "org.opencontainers.image.base.name": "registry.example/base:1", "org.opencontainers.image.base.digest": digest})
        self.index(layout.path)
        for m in layout.manifests:
            (one,) = self.ask("lineage", m["digest"], code=0)["images"]
            known = m["annotations"]["org.opencontainers.image.ref.name"] == "known"
            self.assertEqual(one["claimed_base"]["indexed"], known)
            text = self.ask("lineage", m["digest"], fmt="table", code=0).stdout
            self.assertEqual("base not indexed" in text, not known, text)

    def test_base_not_indexed(self):
        """Children of a base that nobody indexed: known by its chain ID, an annotation of the manifest, and a record."""
        layout = OciLayout(self.tmp / "children")
        base, more = Layer([f("base", "base")]), Layer([f("more", "more")])
        for tag, layers in (("one", [base, more, Layer([f("1", "one")])]), ("two", [base, more, Layer([f("2", "two")])])):
            layout.add(tag, layers)
        self.index(layout.path)
        chain = "sha256:" + sha256_of(f"{base.diff_id} {more.diff_id}".encode())
        for m in layout.manifests:
            (one,) = self.ask("lineage", m["digest"], code=0)["images"]
            self.assertEqual(one["base_not_indexed"], {"layers": 2, "chain_id": chain, "images": 1, "record": None})
            text = self.ask("lineage", m["digest"], fmt="table", code=0).stdout
            self.assertIn(f"base not indexed: the first 2 layers, chain {chain}, with which 1 other image begins too\n", text)

    def test_base_that_moved(self):
        """The tag of the base names another image now: the child stands on an old one, and lineage says since when."""
        registry = self.serve()
        self.plan.push(registry, ["base/os:gen1"], into="base/os:stable")
        self.index(registry.host + "/")
        self.plan.push(registry, ["base/os:gen2"], into="base/os:stable")
        self.index(registry.host + "/base/os")
        name, child = f"{registry.host}/base/os:stable", self.plan.image("team/app:1").digest
        (one,) = self.ask("lineage", child, code=0)["images"]
        (tag,) = [t for t in one["bases"][0]["tags"] if t["reference"] == name]
        self.assertEqual((tag["at_build"], tag["current"], tag["now"]), (None, False, self.plan.image("base/os:gen2").digest))
        text = self.ask("lineage", child, fmt="table", code=0).stdout
        self.assertRegex(text, re.escape(name) + r" named it; not current: it names sha256:\w+ since \d{4}-")
        self.assertIn(f"{registry.host}/base/os:gen1 is current\n", text)


if __name__ == "__main__":
    main()
