#!/usr/bin/python3
"""An inventory that is kept current: layers are read again where new patterns ask for it, and what a registry tells
is indexed at once."""

import contextlib
import http.client
import io
import json
import pathlib
import select
import shutil
import signal
import tarfile
import time
import unittest
import unittest.mock

from fleet_plan import drop_tag, the_plan
from registry import Registry
from support import Careen, Case, careen_path, free_port, main, need, threat_record, wait_for_port

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
NEEDLE = b"app two"
TOKEN = "a-token-of-the-tests"


def setUpModule():
    careen_path()
    need("skopeo", "docker-registry")


def holds(layer, needle):
    """Paths of the layer whose content holds these bytes; names of hard links apart."""
    with tarfile.open(fileobj=io.BytesIO(layer.data)) as tar:
        return {"/" + m.name for m in tar if m.isfile() and needle in tar.extractfile(m).read()}


class Current(Case):
    def setUp(self):
        super().setUp()
        self.plan = the_plan()
        self.store = self.tmp / "store.sqlite"

    def serve(self, **kw):
        self.plan.filled(self.tmp / "registry").stop()
        registry = Registry(self.tmp / "registry", **kw)
        self.addCleanup(registry.stop)
        return registry

    def ask(self, *words, code=None, fmt="json"):
        run = self.careen.run(*words, "--store", self.store, "--format", fmt)
        self.assert_code(run, code)
        return run.json() if fmt == "json" else run

    def expected(self, needle):
        """(image, layer, path, visible) of every file that holds it."""
        rows = set()
        for image in self.plan.images:
            paths = [holds(layer, needle) for layer in image.layers]
            rows |= {(image.digest, s.layer, s.path, s.visible) for s in image.sites() if s.path in paths[s.layer]}
        return rows


class Reading(Current):
    def setUp(self):
        super().setUp()
        self.registry = self.serve()
        run = self.careen.run("index", self.registry.host + "/", "--store", self.store)
        self.assert_code(run, 0)
        self.mark = self.registry.mark()

    @staticmethod
    def rows(answer):
        return {(m["image"]["digest"], m["where"]["layer_index"], m["where"]["path"], m["where"]["visible"]) for m in answer["matches"]}

    def record(self, needle):
        file = self.tmp / "new.yaml"
        file.write_text(threat_record("TEST-PATTERN", indicators={
            "patterns": [{"id": "p", "bytes": needle.hex(" "), "in": "any"}], "rules": [{"id": "r", "all": ["p"]}]}))
        return file

    def test_pattern(self):
        question = "pattern:" + NEEDLE.hex(" ")
        answer = self.ask("hunt", question, code=3)
        self.assertEqual(answer["matches"], [])
        self.assertGreater(answer["to_read"]["layers"], 0)
        self.assertGreater(answer["to_read"]["bytes"], 0)
        self.assertEqual({c["image"] for c in answer["coverage"]}, {i.digest for i in self.plan.images})
        text = self.ask("hunt", question, fmt="table", code=3).stdout
        self.assertRegex(text, r"not searched yet: \d+ layers?, [\d.]+ \w+ to read: add --read\n")
        self.assertEqual(self.registry.requests(self.mark), [], "nothing is asked for without --read")
        answer = self.ask("hunt", question, "--read", code=1)
        self.assertEqual(self.rows(answer), self.expected(NEEDLE))
        self.assertIsNone(answer["to_read"])
        self.assertEqual(answer["coverage"], [])
        read = [path.rpartition("/")[2] for path in self.registry.blob_reads(self.mark)]
        self.assertTrue(read)
        self.assertEqual(len(read), len(set(read)), "each layer once")
        # It was searched: the registry is needed no more.
        self.registry.stop()
        self.assertEqual(self.rows(self.ask("hunt", question, code=1)), self.expected(NEEDLE))

    def test_pattern_of_what_can_no_longer_be_had(self):
        self.registry.stop()
        answer = self.ask("hunt", "pattern:" + NEEDLE.hex(" "), "--read", code=3)
        self.assertTrue(answer["to_read"]["lost"])
        self.assertEqual(answer["matches"], [])

    def test_pattern_in_conditions(self):
        file = self.tmp / "both.yaml"
        file.write_text(f'all: ["pattern:{NEEDLE.hex(" ")}", "package:tool"]\n')
        self.ask("hunt", file, code=3)
        answer = self.ask("hunt", file, "--read", code=1)
        self.assertEqual({m["image"]["digest"] for m in answer["matches"]}, {row[0] for row in self.expected(NEEDLE)})

    def test_record_with_a_new_pattern(self):
        file = self.record(NEEDLE)
        affected = {row[0] for row in self.expected(NEEDLE)}
        for words in (["exposure", "TEST-PATTERN", "--threats", file], ["hunt", f"threat:{file}"]):
            answer = self.ask(*words, code=3)
            self.assertGreater(answer["to_read"]["layers"], 0, words)
            self.assertEqual({c["image"] for c in answer["coverage"]}, {i.digest for i in self.plan.images}, words)
        answer = self.ask("exposure", "TEST-PATTERN", "--threats", file, "--read", code=1)
        self.assertEqual({i["image"]["digest"] for i in answer["images"]}, affected)
        self.assertIsNone(answer["to_read"])
        self.registry.stop()
        answer = self.ask("hunt", f"threat:{file}", code=1)
        self.assertEqual({m["image"]["digest"] for m in answer["matches"]}, affected)

    def test_refresh(self):
        self.assert_code(self.careen.run("threat", "add", self.record(NEEDLE), "--store", self.store), 3)
        run = self.careen.run("index", "--refresh", "--dry-run", "--store", self.store, "--format", "json")
        self.assert_code(run, 0)
        self.assertGreater(run.json()["new_layers"], 0)
        self.assertEqual(self.registry.requests(self.mark), [])
        run = self.careen.run("index", "--refresh", "--store", self.store, "--format", "json")
        self.assert_code(run, 0)
        self.assertEqual(run.json()["rejudged"], len(self.plan.images))
        self.registry.stop()
        answer = self.ask("exposure", "TEST-PATTERN", code=1)
        self.assertEqual({i["image"]["digest"] for i in answer["images"]}, {row[0] for row in self.expected(NEEDLE)})
        run = self.careen.run("index", "--refresh", "--dry-run", "--store", self.store, "--format", "json")
        self.assertEqual(run.json()["new_layers"], 0)

    def test_nothing_to_refresh(self):
        run = self.careen.run("index", "--refresh", "--store", self.tmp / "none.sqlite")
        self.assert_code(run, 4)
        self.assertIn("careen index", run.stderr)

    def test_paging(self):
        whole = self.ask("hunt", "path:**", code=1)["matches"]
        part = self.ask("hunt", "path:**", "--limit", "5", "--offset", "7", code=1)
        self.assertEqual(part["matches"], whole[7:12])
        self.assertEqual(part["total"], len(whole))
        text = self.ask("hunt", "path:**", "--limit", "5", "--offset", "7", fmt="table", code=1).stdout
        self.assertIn(f"and {len(whole) - 12} more (--offset 12)\n", text)


class Follow(Current):
    @contextlib.contextmanager
    def following(self, *words, **kw):
        process = self.careen.start("index", *words, "--follow", "--store", self.store, "--format", "json", "--no-progress", **kw)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(60)
            process.stdout.close()
            process.stderr.close()

    def line(self, process, seconds=60):
        """The next run's summary; the pipe is read byte by byte, so that nothing waits in a buffer."""
        text, end = b"", time.monotonic() + seconds
        while not text.endswith(b"\n"):
            ready, _, _ = select.select([process.stdout], [], [], max(0, end - time.monotonic()))
            self.assertTrue(ready, f"no summary came: {text!r}")
            byte = process.stdout.raw.read(1) if hasattr(process.stdout, "raw") else process.stdout.read(1)
            self.assertTrue(byte, "it ended")
            text += byte
        return json.loads(text)

    def token_file(self):
        file = self.tmp / "token"
        file.write_text(TOKEN + "\n")
        return file

    def test_what_a_registry_tells(self):
        port = free_port()
        registry = self.serve(notify=(f"http://127.0.0.1:{port}/events", TOKEN))
        with self.following(registry.host + "/", "--every", "3600", "--listen", f"127.0.0.1:{port}", "--listen-token",
                            self.token_file()) as careen:
            first = self.line(careen)
            self.assertEqual((first["run"], first["images"]), ("listed", len(self.plan.images)))
            wait_for_port(port)
            mark = registry.mark()
            self.plan.push(registry, ["team/web:2"], into="team/web:3")
            told = self.line(careen)
            self.assertEqual((told["run"], told["references"], told["failures"]), ("told", 1, []))
            listed = [p for m, p in registry.requests(mark) if m == "GET" and (p.endswith("/tags/list") or "_catalog" in p)]
            self.assertEqual(listed, [], "nothing was listed for it")
            rows = self.ask("hunt", "manifest:" + self.plan.image("team/web:2").digest, code=1)["matches"]
            self.assertIn("3", {t["tag"] for t in rows[0]["tags"]})
            # A deletion has the repository listed, and its tags vanish. Times are whole seconds: what was seen in this one is not gone yet.
            time.sleep(1.1)
            status, _ = registry._http("DELETE", f"/v2/team/web/manifests/{self.plan.image('team/web:1').digest}")
            self.assertEqual(status, 202)
            told = self.line(careen)
            self.assertEqual((told["run"], told["vanished"]), ("told", 1))
            careen.send_signal(signal.SIGTERM)
            self.assertEqual(careen.wait(60), 0)

    def test_what_strangers_send(self):
        registry = self.serve()
        port = free_port()
        with self.following(registry.host + "/base/os", "--every", "3600", "--listen", f"127.0.0.1:{port}", "--listen-token",
                            self.token_file()) as careen:
            self.line(careen)
            wait_for_port(port)
            mark = registry.mark()

            def send(body, path="/events", method="POST", token=TOKEN):
                with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as c:
                    c.request(method, path, body, {"Authorization": f"Bearer {token}"})
                    answer = c.getresponse()
                    return answer.status, answer.read().decode()

            def push(repository, tag="gen1", host=registry.host):
                return json.dumps({"events": [{"action": "push", "request": {"host": host}, "target": {
                    "mediaType": "application/vnd.oci.image.manifest.v1+json", "repository": repository, "tag": tag}}]})

            self.assertEqual(send(push("base/os"), token="another-token-of-sixteen")[0], 401)
            self.assertEqual(send("{"), (400, unittest.mock.ANY))
            self.assertEqual(send(push("base/os"), path="/other")[0], 404)
            self.assertEqual(send(None, method="GET")[0], 405)
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as c:
                c.putrequest("POST", "/events")
                c.putheader("Content-Length", str(5 << 20))
                c.endheaders()
                self.assertEqual(c.getresponse().status, 413)
            self.assertEqual(send(None, path="/healthz", method="GET"), (200, "ok\n"))
            for repository, tag in (("team/app", "1"), ("../base/os", "gen1"), ("base/os@sha256:1", "gen1"), ("base/os", "a/../b"), ("base/os", "")):
                status, text = send(push(repository, tag))
                self.assertEqual((status, text[:6]), (202, "0 of 1"), (repository, tag))
            self.assertEqual(registry.requests(mark), [])
            self.assertEqual(send(push("base/os", host="another.example"))[1][:6], "1 of 1")
            self.assertEqual(self.line(careen)["run"], "told")

    def test_polling(self):
        registry = self.serve()
        with self.following(registry.host + "/base/os", "--every", "1") as careen:
            self.assertEqual(self.line(careen)["images"], 2)
            drop_tag(registry, "base/os:gen1")
            for _ in range(30):
                if self.line(careen)["vanished"]:
                    break
            else:
                self.fail("the tag never vanished")

    def test_killed_while_it_follows(self):
        registry = self.serve()
        with self.following(registry.host + "/", "--every", "1") as careen:
            self.line(careen)
            careen.kill()
            careen.wait(60)
        run = self.careen.run("store", "check", "--store", self.store)
        self.assert_code(run, 0)

    def test_usage(self):
        for words in (["--follow"], ["127.0.0.1:1/", "--follow", "--dry-run"], ["127.0.0.1:1/", "--listen", "127.0.0.1:0"],
                      ["127.0.0.1:1/", "--follow", "--listen", "0.0.0.0:0"], ["127.0.0.1:1/", "--follow", "--listen", "nonsense"],
                      ["127.0.0.1:1/", "--follow", "--listen", "localhost:0"]):
            run = self.careen.run("index", *words, "--store", self.store)
            self.assert_code(run, 2)


if __name__ == "__main__":
    main()
