#!/usr/bin/python3
"""A fleet over time: tags that move, vanish and come back, and what crawls that fail leave as it was."""

import json
import unittest.mock

import registry as registries
from fleet_case import FleetCase, next_second
from fleet_plan import LIBRARY, THREAT, drop_repository, drop_tag, matches
from registry import Registry, Server, relay
from support import careen_path, main, need


def setUpModule():
    careen_path()
    need("skopeo", "docker-registry")


class History(FleetCase):
    """Tags that move and vanish, and crawls that fail."""

    def setUp(self):
        super().setUp()
        self.registry = self.serve()

    def status(self):
        return self.careen.run("status", "--store", self.store)

    def tags(self, image):
        """(repository without host, tag, is it there) of an image, by its digest."""
        rows = self.ask("hunt", "manifest:" + image.digest, code=1)["matches"]
        return sorted((t["repository"].partition("/")[2], t["tag"], t["vanished"] is None, t["digest"])
                      for t in rows[0]["tags"])

    def test_moved_tag(self):
        one, two = self.plan.image("team/app:1"), self.plan.image("team/app:2")
        self.plan.push(self.registry, ["team/app:1"], into="team/moving:now")
        self.index(self.registry.host + "/")
        next_second()
        self.plan.push(self.registry, ["team/app:2"], into="team/moving:now")
        self.index(self.registry.host + "/")
        now = f"{self.registry.host}/team/moving:now"
        self.assertEqual([x["image"]["digest"] for x in self.ask("lineage", now, code=0)["images"]], [two.digest])
        self.assertIn(("team/moving", "now", True, two.digest), self.tags(two))
        old = [t for t in self.ask("hunt", "manifest:" + one.digest)["matches"][0]["tags"] if t["tag"] == "now"]
        self.assertEqual(len(old), 1, "the history is kept")
        self.assertIsNotNone(old[0]["vanished"], "it does not name this image any more")
        self.assertLessEqual(old[0]["first_seen"], old[0]["last_seen"])
        next_second()
        self.plan.push(self.registry, ["team/app:1"], into="team/moving:now")  # and back
        self.index(self.registry.host + "/")
        self.assertEqual([x["image"]["digest"] for x in self.ask("lineage", now, code=0)["images"]], [one.digest])
        self.assertIn(("team/moving", "now", True, one.digest), self.tags(one))
        self.assertIn(("team/moving", "now", False, two.digest), self.tags(two))

    def test_vanished_tag(self):
        image, kept = self.plan.image("team/deleted:2"), self.plan.image("team/deleted:1")
        self.index(self.registry.host + "/")
        drop_tag(self.registry, "team/deleted:2")
        next_second()
        self.assertEqual(self.index(self.registry.host + "/")["vanished"], 1)
        self.assertEqual(self.tags(image), [("team/deleted", "2", False, image.digest)])
        self.assertEqual(self.tags(kept), [("team/deleted", "1", True, kept.digest)])
        gone = self.ask("hunt", "path:opt/more", "--vanished", code=1)
        self.assertEqual([m["image"]["digest"] for m in gone["matches"]], [image.digest])
        self.ask("hunt", "path:opt/job", "--vanished", code=0)
        next_second()
        self.plan.push(self.registry, ["team/deleted:2"])  # it comes back
        self.assertEqual(self.index(self.registry.host + "/")["vanished"], 0)
        self.assertEqual(self.tags(image), [("team/deleted", "2", True, image.digest)])

    def test_vanished_repository(self):
        image = self.plan.image("team/fixed:1")
        self.index(self.registry.host + "/")
        drop_repository(self.registry, "team/fixed")
        next_second()
        self.assertEqual(self.index(self.registry.host + "/")["vanished"], 1)
        self.assertEqual(self.tags(image), [("team/fixed", "1", False, image.digest)])

    def test_last_seen_moves_on(self):
        image = self.plan.image("team/fixed:1")
        self.index(self.registry.host + "/")
        before = self.ask("hunt", "manifest:" + image.digest)["matches"][0]
        next_second()
        self.index(self.registry.host + "/")
        after = self.ask("hunt", "manifest:" + image.digest)["matches"][0]
        self.assertEqual(after["first_seen"], before["first_seen"])
        self.assertGreater(after["tags"][0]["last_seen"], before["tags"][0]["last_seen"])
        self.assertGreater(after["last_seen"], before["last_seen"])

    def assert_all_there(self):
        for image in (self.plan.image("team/app:1"), self.plan.image("base/os:gen2")):
            self.assertTrue(all(row[2] for row in self.tags(image)), self.tags(image))

    def test_unreachable(self):
        self.index(self.registry.host + "/")
        self.assertEqual(self.status().code, 0, str(self.status()))
        port = self.registry.port
        self.registry.stop()
        next_second()
        sources = [self.registry.host + "/", f"{self.registry.host}/team/app", f"{self.registry.host}/base/os:gen2"]
        failed = self.index(*sources, code=3)
        self.assertEqual(failed["vanished"], 0)
        self.assertEqual(len(failed["failures"]), 3, failed)
        self.assertTrue(all(x["why"] for x in failed["failures"]))
        text = self.careen.run("index", self.registry.host + "/", "--store", self.store)
        self.assertEqual(text.code, 3)
        self.assertIn("not indexed: " + self.registry.host + "/", text.stdout)
        self.assert_all_there()
        status = self.status()
        self.assertEqual(status.code, 3, str(status))
        self.assertIn(self.registry.host, status.stdout)
        self.ask("hunt", "path:" + LIBRARY, code=1)
        again = at_port(self.tmp / "registry", port)  # the same one is back
        self.addCleanup(again.stop)
        self.index(*sources)
        status = self.status()
        self.assertEqual(status.code, 0, f"what failed then was indexed now:\n{status}")

    def front(self, trouble):
        """The registry behind a server that answers some requests itself."""
        def serve(_, request):
            if not trouble(request):
                relay(request, self.registry.port, request.path)
        server = Server(serve)
        self.addCleanup(server.stop)
        server.host = f"127.0.0.1:{server.port}"
        return server

    def test_one_tag_answers_500(self):
        broken = set()

        def trouble(request):
            if request.path in broken:
                request.answer(500, b'{"errors":[{"code":"UNKNOWN"}]}')
            return request.path in broken
        front = self.front(trouble)
        self.index(front.host + "/")
        next_second()
        broken.add("/v2/team/app/manifests/2")
        failed = self.index(front.host + "/", code=3)
        self.assertEqual([x["reference"].removeprefix("registry:") for x in failed["failures"]], [front.host + "/team/app:2"])
        self.assertIn("500", failed["failures"][0]["why"])
        self.assertEqual((failed["vanished"], failed["unchanged"]), (0, len(self.plan.names) - 1))
        image = self.plan.image("team/app:2")
        self.assertEqual(self.tags(image), [("team/app", "2", True, image.digest)])
        status = self.status()
        self.assertEqual(status.code, 3, str(status))
        self.assertIn("team/app:2", status.stdout)
        broken.clear()
        self.index(front.host + "/")
        self.assertEqual(self.status().code, 0, str(self.status()))

    def test_tag_list_answers_500(self):
        broken = set()

        def trouble(request):
            hit = any(b in request.path for b in broken)
            if hit:
                request.answer(503, b"busy")
            return hit
        front = self.front(trouble)
        self.index(front.host + "/")
        for what in ("/team/app/tags/", "_catalog"):
            with self.subTest(what):
                next_second()
                broken.add(what)
                failed = self.index(front.host + "/", code=3)
                self.assertEqual((len(failed["failures"]), failed["vanished"]), (1, 0), failed)
                self.assert_all_there()
                broken.clear()
                self.index(front.host + "/")
                self.assertEqual(self.status().code, 0, str(self.status()))

    def test_layer_that_cannot_be_read_is_read_later(self):
        """Not judged is not clean; the next crawl gets what the first could not."""
        image = self.plan.image("team/copied:1")
        blob = json.loads(self.plan.layout.read(image.digest))["layers"][1]["digest"]
        broken = {blob}

        def trouble(request):
            hit = any(b in request.path for b in broken)
            if hit:
                request.answer(500, b"broken")
            return hit
        front = self.front(trouble)
        name = f"{front.host}/team/copied"
        self.index(name, code=3)
        document = self.ask("hunt", "sha256:" + self.plan.evil_sha256, code=3)
        self.assertEqual([c["image"] for c in document["coverage"]], [image.digest])
        text = self.ask("hunt", "sha256:" + self.plan.evil_sha256, "--show-unjudged", fmt="table", code=3).stdout
        self.assertRegex(text, r"1 image not judged")
        self.assertIn(image.digest, text)
        self.assertEqual(self.status().code, 3)
        self.ask("exposure", THREAT, "--threats", self.plan.threats(self.tmp), code=3)
        broken.clear()
        self.index(name)
        document = self.ask("hunt", "sha256:" + self.plan.evil_sha256, code=1)
        self.assertEqual((matches(document), document["coverage"]), ([(image.digest, 1, "/opt/vendor/v.so", True)], []))
        self.assertEqual(self.status().code, 0, str(self.status()))


def at_port(directory, port):
    """A registry over the same storage at a given port."""
    with unittest.mock.patch.object(registries, "free_port", lambda: port):
        return Registry(directory)


if __name__ == "__main__":
    main()
