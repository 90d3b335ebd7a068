#!/usr/bin/python3
"""Docker Hub and Harbor by their own interfaces: what is listed, what is noted of pushes and pulls,
limits of requests, and lists that lie. Both are servers on loopback that answer as the published
descriptions of the interfaces say; Harbor's registry behind it is a real one."""

import base64
import json
import re
import time
import unittest
import urllib.parse

from images import Layer, OciLayout, f
from registry import PASSWORD, USER, Registry, Server, docker_config, relay
from support import Case, careen_path, main, need

PUSHED, PULLED = "2026-10-01T10:00:00.000Z", "2026-11-20T08:30:00.000Z"


def setUpModule():
    careen_path()


class Harbor(Server):
    """`tree`: {project: {repository: {"pulls": n, "artifacts": [...]}}}; two entries a page."""

    def __init__(self, registry, tree, account=None):
        self.registry, self.tree, self.account = registry, tree, account
        self.limit = 0       # so many refusals with 429 come first
        self.broken = set()  # repositories that answer 500
        super().__init__(Harbor._serve)
        self.host = f"127.0.0.1:{self.port}"

    def _serve(self, request):
        url = urllib.parse.urlsplit(request.path)
        if url.path.startswith("/v2/"):
            relay(request, self.registry.port, request.path)
            return
        if self.account:
            want = "Basic " + base64.b64encode(":".join(self.account).encode()).decode()
            if request.headers.get("Authorization") != want:
                request.answer(401, b'{"errors":[{"code":"UNAUTHORIZED"}]}')
                return
        if self.limit:
            self.limit -= 1
            request.answer(429, b"{}", [("Retry-After", "0")])
            return
        found = self._find(url.path.removeprefix("/api/v2.0"))
        if isinstance(found, int):
            request.answer(found, b"{}")
            return
        page, size = (int(v[0]) for v in map(urllib.parse.parse_qs(url.query).get, ("page", "page_size")))
        size = min(size, 2)
        headers = [("X-Total-Count", str(len(found)))]
        if page * size < len(found):
            query = urllib.parse.urlencode({**dict(urllib.parse.parse_qsl(url.query)), "page": page + 1})
            headers.append(("Link", f'<{url.path}?page=1&page_size={size}>; rel="prev" , <{url.path}?{query}>; rel="next"'))
        request.answer(200, json.dumps(found[(page - 1) * size:page * size]).encode(), headers)

    def _find(self, path):
        if path == "/projects":
            return [{"name": name, "project_id": i} for i, name in enumerate(self.tree)]
        match = re.fullmatch(r"/projects/([^/]+)/repositories(?:/([^/]+)/artifacts)?", path)
        if not match or match[1] not in self.tree:
            return 404
        repositories = self.tree[match[1]]
        if match[2] is None:
            return [{"name": f"{match[1]}/{name}", "pull_count": r["pulls"], "artifact_count": len(r["artifacts"])}
                    for name, r in repositories.items()]
        name = urllib.parse.unquote(urllib.parse.unquote(match[2]))
        if name in self.broken:
            return 500
        return repositories[name]["artifacts"] if name in repositories else 404


def artifact(digest, *tags, kind="IMAGE"):
    return {"digest": digest, "type": kind, "size": 1234, "push_time": PUSHED, "pull_time": PULLED,
            "tags": [{"name": t, "push_time": PUSHED, "pull_time": "0001-01-01T00:00:00.000Z"} for t in tags] or None}


class HarborTest(Case):
    def setUp(self):
        super().setUp()
        need("docker-registry")
        self.registry = Registry(self.tmp / "registry")
        self.addCleanup(self.registry.stop)
        layout = OciLayout(self.tmp / "layout")
        self.digests = {}
        for name in ("one", "two", "three"):
            found = layout.manifest([Layer([f("name", name)])])
            self.digests[name] = found["digest"]
            for repository in ("shop/web", "shop/team/deep", "other/x"):
                self.registry.push_blobs(layout, repository, name, found)
        self.harbor = Harbor(self.registry, {
            "shop": {"web": {"pulls": 17, "artifacts": [artifact(self.digests["one"], "one", "latest"),
                                                        artifact(self.digests["two"], "two"),
                                                        artifact("sha256:" + "1" * 64, "chart", kind="CHART")]},
                     "team/deep": {"pulls": 3, "artifacts": [artifact(self.digests["three"])]},
                     "empty": {"pulls": 0, "artifacts": []}},
            "other": {"x": {"pulls": 1, "artifacts": [artifact(self.digests["one"], "one")]}}})
        self.addCleanup(self.harbor.stop)
        self.store = self.tmp / "store.sqlite"
        for tag in ("latest",):
            self.registry.push_blobs(layout, "shop/web", tag, layout.manifest([Layer([f("name", "one")])]))

    def index(self, *args, code=0, env=None):
        run = self.careen.run("index", *args, "--store", self.store, "--format", "json", env=env)
        self.assert_code(run, code)
        return run.json()

    def tags(self, digest):
        run = self.careen.run("hunt", f"manifest:{digest}", "--store", self.store, "--format", "json")
        self.assert_code(run, 1)
        return {(t["repository"].partition("/")[2], t["tag"]): t for m in run.json()["matches"] for t in m["tags"]}

    def test_a_project_is_listed_whole_with_its_pulls(self):
        out = self.index(f"harbor:{self.harbor.host}/shop")
        self.assertEqual(out["references"], 4, out)
        self.assertEqual(out["failures"], [])
        tags = self.tags(self.digests["one"])
        self.assertEqual(set(tags), {("shop/web", "one"), ("shop/web", "latest")})
        self.assertEqual(tags["shop/web", "one"]["pushed"], "2026-10-01T10:00:00Z")
        self.assertEqual(tags["shop/web", "one"]["pulls"], 17)
        self.assertIn(("shop/team/deep", None), self.tags(self.digests["three"]), "an artifact without a tag, by its digest")

    def test_what_a_tag_does_not_tell_its_artifact_does(self):
        self.index(f"harbor:{self.harbor.host}/shop")
        self.assertEqual(self.tags(self.digests["two"])["shop/web", "two"]["last_pulled"], "2026-11-20T08:30:00Z")
        text = self.careen.run("hunt", f"manifest:{self.digests['two']}", "--store", self.store).stdout
        self.assertIn("last pulled 2026-11-20T08:30:00Z; 17 pulls of its repository", text)

    def test_every_project_that_the_account_sees(self):
        out = self.index(f"harbor:{self.harbor.host}")
        self.assertEqual(out["references"], 5)
        self.assertIn(("other/x", "one"), self.tags(self.digests["one"]))

    def test_pulls_are_noted_before_anything_is_read(self):
        self.index(f"harbor:{self.harbor.host}/shop")
        first_read = next(i for i, (_, path, _) in enumerate(self.harbor.seen) if path.startswith("/v2/shop"))
        self.assertFalse([p for _, p, _ in self.harbor.seen[first_read:] if p.startswith("/api/")])

    def test_an_account(self):
        self.harbor.account = ("robot$shop+careen", "secret")
        run = self.careen.run("index", f"harbor:{self.harbor.host}/shop", "--store", self.store)
        self.assert_code(run, 3)
        self.assertIn("docker login", run.stdout)
        path = self.careen.home / ".docker" / "config.json"
        path.parent.mkdir()
        path.write_text(docker_config({self.harbor.host: self.harbor.account}))
        self.assertEqual(self.index(f"harbor:{self.harbor.host}/shop")["references"], 4)

    def test_a_limit_of_requests_is_waited_for(self):
        self.harbor.limit = 3
        self.assertEqual(self.index(f"harbor:{self.harbor.host}/shop")["references"], 4)

    def test_a_repository_that_cannot_be_listed_is_told_and_the_others_are_indexed(self):
        self.harbor.broken = {"team/deep"}
        out = self.index(f"harbor:{self.harbor.host}/shop", code=3)
        self.assertEqual(out["references"], 3)
        self.assertEqual([x["reference"] for x in out["failures"]], [f"{self.harbor.host}/shop/team/deep"])

    def test_a_project_that_is_not_there(self):
        out = self.index(f"harbor:{self.harbor.host}/none", code=3)
        self.assertIn("404", out["failures"][0]["why"])

    def test_a_tag_that_is_gone_has_vanished(self):
        self.index(f"harbor:{self.harbor.host}/shop")
        time.sleep(1.1)
        web = self.harbor.tree["shop"]["web"]["artifacts"]
        web[0]["tags"] = [t for t in web[0]["tags"] if t["name"] != "latest"]
        out = self.index(f"harbor:{self.harbor.host}/shop")
        self.assertEqual(out["vanished"], 1)
        self.assertIsNotNone(self.tags(self.digests["one"])["shop/web", "latest"]["vanished"])

    def test_since_leaves_out_what_is_older_and_makes_nothing_vanish(self):
        self.index(f"harbor:{self.harbor.host}/shop")
        time.sleep(1.1)
        self.harbor.tree["shop"]["web"]["artifacts"][1]["tags"][0]["push_time"] = "2026-11-25T00:00:00Z"
        out = self.index(f"harbor:{self.harbor.host}/shop", "--since", "2026-11-01")
        self.assertEqual((out["references"], out["older"], out["vanished"]), (1, 3, 0))
        run = self.careen.run("index", f"harbor:{self.harbor.host}/shop", "--since", "last week", "--store", self.store)
        self.assert_fails(run, 2, "--since", "expected a day")

    def test_an_estimate_reads_no_layer_and_writes_nothing(self):
        run = self.careen.run("index", f"harbor:{self.harbor.host}/shop", "--dry-run", "--store", self.store, "--format", "json")
        self.assert_code(run, 0)
        out = run.json()
        self.assertEqual((len(out["references"]), out["new_layers"], out["known"]), (4, 3, 0))
        self.assertGreater(out["bytes"], 0)
        self.assertFalse(self.store.exists())
        self.assertFalse(self.registry.blob_reads() and any("layer" in b for b in self.registry.blob_reads()))
        before = self.registry.mark()
        self.index(f"harbor:{self.harbor.host}/shop")
        spent = len(self.registry.requests(before))
        self.assertLess(abs(spent - out["requests"]), 8, "the estimate is near what it costs")
        again = self.careen.run("index", f"harbor:{self.harbor.host}/shop", "--dry-run", "--store", self.store, "--format", "json").json()
        self.assertEqual((again["known"], again["new_layers"], again["bytes"]), (4, 0, 0))
        text = self.careen.run("index", f"harbor:{self.harbor.host}/shop", "--dry-run", "--store", self.store).stdout
        self.assertIn("4 references, 4 known already; 0 layers to read", text)

    def test_the_estimate_keeps_its_schema(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("python3-jsonschema is not installed")
        import pathlib
        schema = json.loads((pathlib.Path(__file__).parents[2] / "docs/schemas/estimate-v1.schema.json").read_text())
        run = self.careen.run("index", f"harbor:{self.harbor.host}", "--dry-run", "--store", self.store, "--format", "json")
        jsonschema.validators.validator_for(schema)(schema).validate(run.json())


class Hub(Server):
    """Docker Hub's interface: namespaces, tags, tokens and limits."""

    def __init__(self, repositories, private=False):
        self.repositories, self.private = repositories, private
        self.answers = []  # (status, headers) that come before anything else
        self.next_of = None  # what `next` says instead of the truth
        super().__init__(Hub._serve)
        self.base = f"http://127.0.0.1:{self.port}"

    def _serve(self, request):
        url = urllib.parse.urlsplit(request.path)
        if url.path == "/v2/auth/token":
            known = json.loads(request.body()) == {"identifier": USER, "secret": PASSWORD}
            request.answer(200 if known else 401, json.dumps({"access_token": "hub-token"} if known else {}).encode())
            return
        if self.answers:
            status, headers = self.answers.pop(0)
            request.answer(status, b"{}", headers)
            return
        if self.private and request.headers.get("Authorization") != "Bearer hub-token":
            request.answer(401, b"{}")
            return
        match = re.fullmatch(r"/v2/namespaces/acme/repositories(?:/([^/]+)/tags)?", url.path)
        if not match or (match[1] and match[1] not in self.repositories):
            request.answer(404, b"{}")
            return
        entries = self.repositories[match[1]] if match[1] else [
            {"name": n, "namespace": "acme", "repository_type": "image", "pull_count": 1000 + i}
            for i, n in enumerate(self.repositories)]
        page = int(urllib.parse.parse_qs(url.query).get("page", ["1"])[0])
        more = f"{self.base}{url.path}?page={page + 1}&page_size=2" if page * 2 < len(entries) else None
        request.answer(200, json.dumps({"count": len(entries), "next": self.next_of or more, "previous": None,
                                        "results": entries[(page - 1) * 2:page * 2]}).encode())


def hub_tag(name, pushed=PUSHED):
    return {"name": name, "digest": "sha256:" + "a" * 64, "full_size": 10, "tag_last_pushed": pushed, "tag_last_pulled": PULLED,
            "images": [{"architecture": "amd64", "os": "linux", "size": 10}, {"architecture": "arm64", "os": "linux", "size": 20}]}


class HubTest(Case):
    """The references alone: Docker Hub's registry is not asked, as a proxy that leads nowhere sees to."""

    def setUp(self):
        super().setUp()
        self.hub = Hub({"web": [hub_tag("v1"), hub_tag("v2"), hub_tag("v3", "2026-11-25T00:00:00Z")], "api": [hub_tag("v1")], "none": []})
        self.addCleanup(self.hub.stop)
        self.env = {"CAREEN_HUB_API": self.hub.base, "https_proxy": "http://127.0.0.1:1", "no_proxy": "127.0.0.1"}

    def listed(self, *args, code=3):
        run = self.careen.run("index", "hub:acme", *args, "--dry-run", "--timeout", 5, "--store", self.tmp / "s", "--format", "json", env=self.env)
        self.assert_code(run, code)
        return [x["reference"] for x in run.json()["failures"]], run

    def test_every_page_of_every_repository(self):
        listed, _ = self.listed()
        self.assertEqual(listed, [f"registry:docker.io/acme/{n}" for n in ("web:v1", "web:v2", "web:v3", "api:v1")])

    def test_since(self):
        listed, run = self.listed("--since", "2026-11-01")
        self.assertEqual(listed, ["registry:docker.io/acme/web:v3"])
        self.assertEqual(run.json()["older"], 3)

    def test_the_account_is_used_for_a_token(self):
        self.hub.private = True
        listed, run = self.listed()
        self.assertEqual(listed, ["hub:acme"])
        self.assertIn("docker login", run.stdout)
        path = self.careen.home / ".docker" / "config.json"
        path.parent.mkdir()
        path.write_text(docker_config({"https://index.docker.io/v1/": (USER, PASSWORD)}))
        self.assertEqual(len(self.listed()[0]), 4)
        self.assertNotIn(PASSWORD, " ".join(p for _, p, _ in self.hub.seen))

    def test_a_limit_that_ends_soon_is_waited_for(self):
        self.hub.answers = [(429, [("X-Retry-After", str(int(time.time()) + 1))])]
        self.assertEqual(len(self.listed()[0]), 4)

    def test_a_limit_that_ends_late_is_an_error_that_says_when(self):
        self.hub.answers = [(429, [("X-Retry-After", str(int(time.time()) + 7200))])]
        listed, run = self.listed()
        self.assertEqual(listed, ["hub:acme"])
        self.assertRegex(run.json()["failures"][0]["why"], r"no more requests for 12\d minutes")

    def test_pages_that_lead_elsewhere_or_nowhere(self):
        other = Server(lambda _, request: request.answer(200, b'{"results":[{"name":"stolen"}]}'))
        self.addCleanup(other.stop)
        for target, says in ((f"http://127.0.0.1:{other.port}/v2/x", "another host"),
                             (f"{self.hub.base}/v2/namespaces/acme/repositories?page_size=100", "circle")):
            with self.subTest(says):
                self.hub.next_of = target
                _, run = self.listed()
                self.assertIn(says, run.json()["failures"][0]["why"])
        self.assertEqual(other.seen, [])

    def test_names_that_would_leave_their_place_are_passed_over(self):
        self.hub.repositories["../../etc"] = [hub_tag("v1")]
        self.hub.repositories["web"][0]["name"] = "v1@sha256:" + "0" * 64
        listed, run = self.listed()
        self.assertNotIn("etc", " ".join(listed))
        self.assertIn("is no tag", run.stdout)

    def test_answers_that_are_none(self):
        self.hub.answers = [(200, [])]
        self.assertIn("no list", self.listed()[1].json()["failures"][0]["why"])

    def test_plain_http_elsewhere_is_refused(self):
        run = self.careen.run("index", "hub:acme", "--dry-run", env={"CAREEN_HUB_API": "http://hub.example.com"})
        self.assertIn("in the clear", run.stdout + run.stderr)


if __name__ == "__main__":
    main()
