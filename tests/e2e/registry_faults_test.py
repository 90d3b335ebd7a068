#!/usr/bin/python3
"""Registries on a bad day: redirects to other hosts, rate limits, cut bodies, blobs that are
not their digest. A small registry in Python serves a layout and misbehaves on request."""

import base64
import json
import re
import threading

import images
import samples
from registry import PASSWORD, USER, Server, docker_config
from support import CLEAN, FLAGGED, UNREADABLE, Case, careen_path, diff_ids, finding, main, sha256_of


def setUpModule():
    careen_path()


class LayoutRegistry(Server):
    """Serves one layout. `trouble(request, digest, data)` returns True when it answered a
    blob request itself; `auth` asks for USER/PASSWORD."""

    def __init__(self, layout, trouble=None, auth=False):
        self.layout, self.trouble, self.auth = layout, trouble, auth
        self.blob_calls = []
        super().__init__(LayoutRegistry._serve)

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    def _serve(self, request):
        if self.auth:
            want = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            if request.headers.get("Authorization") != want:
                request.answer(401, b'{"errors":[{"code":"UNAUTHORIZED"}]}',
                               [("WWW-Authenticate", 'Basic realm="test"')])
                return
        if request.path in ("/v2/", "/v2"):
            request.answer(200, b"{}", [("Content-Type", "application/json")])
            return
        if m := re.fullmatch(r"/v2/fleet/image/manifests/(.+)", request.path):
            digest = m[1]
            if not digest.startswith("sha256:"):
                digest = next(d["digest"] for d in self.layout.manifests
                              if d["annotations"]["org.opencontainers.image.ref.name"] == m[1])
            data = self.layout.read(digest)
            request.answer(200, data, [("Content-Type", json.loads(data)["mediaType"]),
                                       ("Docker-Content-Digest", digest)])
            return
        if m := re.fullmatch(r"/v2/fleet/image/blobs/(sha256:[0-9a-f]{64})", request.path):
            data = self.layout.read(m[1])
            self.blob_calls.append((m[1], request.headers.get("Range")))
            if self.trouble is None or not self.trouble(request, m[1], data):
                send_blob(request, data)
            return
        request.answer(404, b'{"errors":[{"code":"NAME_UNKNOWN"}]}')


class TokenRegistry(LayoutRegistry):
    """The same for bearer tokens: `valid` says how many requests each token is still good for."""

    def __init__(self, layout, realm, valid):
        self.realm, self.valid, self.lock = realm, valid, threading.Lock()
        super().__init__(layout)
        inner = self.http.RequestHandlerClass.dispatch

        def guarded(request):
            if not self.take(request.headers.get("Authorization") or ""):
                self.seen.append((request.command, request.path, dict(request.headers)))
                request.answer(401, b'{"errors":[{"code":"UNAUTHORIZED"}]}', [(
                    "WWW-Authenticate", f'Bearer realm="{self.realm}",service="test",scope="repository:fleet/image:pull"')])
                return
            inner(request)
        for method in ("do_GET", "do_HEAD"):
            setattr(self.http.RequestHandlerClass, method, guarded)

    def take(self, header):
        with self.lock:
            token = header.removeprefix("Bearer ")
            if self.valid.get(token, 0) < 1:
                return False
            self.valid[token] -= 1
            return True


def send_blob(request, data):
    """A blob, or the part that a Range header asks for."""
    m = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range") or "")
    if not m:
        request.answer(200, data, [("Content-Type", "application/octet-stream"), ("Accept-Ranges", "bytes")])
        return
    first, last = int(m[1]), int(m[2]) if m[2] else len(data) - 1
    request.answer(206, data[first:last + 1], [("Content-Range", f"bytes {first}-{last}/{len(data)}")])


class Faults(Case):
    def setUp(self):
        super().setUp()
        self.threats = samples.marker_threats(self.tmp)
        self.layout = images.OciLayout(self.tmp / "layout")
        self.layers = samples.poisoned()
        self.layout.add("bad", self.layers)
        self.layout.add("good", samples.clean())

    def serve(self, trouble=None, **kw):
        server = LayoutRegistry(self.layout, trouble, **kw)
        self.addCleanup(server.stop)
        return server

    def scan(self, server, tag="bad", *args, **kw):
        return self.careen.scan(f"registry:{server.host}/fleet/image:{tag}", "--threats", self.threats,
                                *args, **kw)

    def assert_found(self, run):
        self.assert_code(run, FLAGGED)
        report = run.json()
        self.assertEqual(diff_ids(report), [l.diff_id for l in self.layers])
        self.assertTrue(finding(report, threat=samples.THREAT))
        self.assertFalse(finding(report, kind="integrity", severity="high"), str(run))

    def test_plain(self):
        self.assert_found(self.scan(self.serve()))

    def test_redirect_carries_no_credentials(self):
        """Blobs live on another host, as with most hosted registries."""
        store = Server(lambda owner, request: send_blob(
            request, self.layout.blob_path(request.path.rpartition("/")[2]).read_bytes()))
        self.addCleanup(store.stop)

        def away(request, digest, _):
            # localhost and 127.0.0.1 are two hosts to an HTTP client
            request.answer(307, b"", [("Location", f"http://localhost:{store.port}/store/{digest[7:]}")])
            return True

        server = self.serve(away, auth=True)
        (self.careen.home / ".docker").mkdir()
        (self.careen.home / ".docker" / "config.json").write_text(
            docker_config({server.host: (USER, PASSWORD)}))
        self.assert_found(self.scan(server))
        self.assertTrue(store.seen)
        for _, _, headers in store.seen:
            self.assertNotIn("authorization", {name.lower() for name in headers})
        self.assertTrue(any("Authorization" in headers for _, _, headers in server.seen))

    def identity(self, server):
        """The credentials that a login with an identity token leaves."""
        (self.careen.home / ".docker").mkdir(exist_ok=True)
        (self.careen.home / ".docker" / "config.json").write_text(json.dumps({"auths": {server.host: {
            "auth": base64.b64encode(b"00000000-0000-0000-0000-000000000000:").decode(),
            "identitytoken": PASSWORD}}}))

    def test_identity_token_stays_with_its_service(self):
        """A token service that redirects the form with the identity token to another host."""
        for status in (307, 308):
            with self.subTest(status):
                bodies = []

                def collect(owner, request):
                    bodies.append(request.body())
                    request.answer(200, b'{"access_token":"t0ken"}', [("Content-Type", "application/json")])

                thief = Server(collect)
                self.addCleanup(thief.stop)
                # localhost and 127.0.0.1 are two hosts to an HTTP client
                tokens = Server(lambda owner, request: (
                    request.body(), request.answer(status, b"", [("Location", f"http://localhost:{thief.port}/token")])))
                self.addCleanup(tokens.stop)
                server = TokenRegistry(self.layout, f"http://127.0.0.1:{tokens.port}/token", {"t0ken": 1000})
                self.addCleanup(server.stop)
                self.identity(server)
                run = self.scan(server, "bad", "--no-cache")
                self.assertEqual(run.code, UNREADABLE, str(run))
                self.assertIn("POST", [method for method, _, _ in tokens.seen], "the form was sent at all")
                self.assertEqual(thief.seen, [], "the other host was asked")
                self.assertFalse([b for b in bodies if PASSWORD.encode() in b])
                self.assertRegex(run.stderr.lower(), "redirect|another host|credential")
                self.assertNotIn(PASSWORD, run.stdout + run.stderr)

    def test_identity_token_follows_its_own_service(self):
        """The same host, another path: that is followed."""
        def serve(owner, request):
            form = request.body().decode()
            if request.path == "/token":
                request.answer(308, b"", [("Location", "/token/there")])
            elif f"refresh_token={PASSWORD}" in form:
                request.answer(200, b'{"access_token":"t0ken"}', [("Content-Type", "application/json")])
            else:
                request.answer(401, b"{}")

        tokens = Server(serve)
        self.addCleanup(tokens.stop)
        server = TokenRegistry(self.layout, f"http://127.0.0.1:{tokens.port}/token", {"t0ken": 1000})
        self.addCleanup(server.stop)
        self.identity(server)
        self.assert_found(self.scan(server))

    def test_tokens_that_run_out_are_fetched_anew(self):
        """However often that happens in one long pull, as long as each one works for a while."""
        layers = [*self.layers, *(images.Layer([images.f(f"opt/part{i}", f"{i}\n" * 50)]) for i in range(12))]
        self.layers = layers
        self.layout.add("long", layers)
        for uses in (1, 2):
            with self.subTest(uses=uses):
                valid, given = {}, []

                def give(owner, request):
                    given.append(f"t0ken{len(given)}")
                    valid[given[-1]] = uses
                    request.answer(200, json.dumps({"token": given[-1], "expires_in": 300}).encode(),
                                   [("Content-Type", "application/json")])

                tokens = Server(give)
                self.addCleanup(tokens.stop)
                server = TokenRegistry(self.layout, f"http://127.0.0.1:{tokens.port}/token", valid)
                self.addCleanup(server.stop)
                self.assert_found(self.scan(server, "long", "--no-cache"))
                self.assertGreater(len(given), 4)

    def test_tokens_that_never_work_are_not_fetched_for_ever(self):
        given = []
        tokens = Server(lambda owner, request: (given.append(1), request.answer(
            200, b'{"token":"worthless"}', [("Content-Type", "application/json")])))
        self.addCleanup(tokens.stop)
        server = TokenRegistry(self.layout, f"http://127.0.0.1:{tokens.port}/token", {})
        self.addCleanup(server.stop)
        run = self.scan(server)
        self.assertEqual(run.code, UNREADABLE, str(run))
        self.assertLessEqual(len(given), 12)

    def test_rate_limit_is_waited_for(self):
        refused = []

        def limited(request, digest, _):
            if len(refused) < 3:
                refused.append(digest)
                request.answer(429, b'{"errors":[{"code":"TOOMANYREQUESTS"}]}', [("Retry-After", "1")])
                return True
            return False

        self.assert_found(self.scan(self.serve(limited)))
        self.assertEqual(len(refused), 3)

    def test_server_error_is_tried_again(self):
        failed = set()

        def shaky(request, digest, _):
            if digest not in failed:
                failed.add(digest)
                request.answer(503, b"busy")
                return True
            return False

        self.assert_found(self.scan(self.serve(shaky)))

    def test_cut_body_is_resumed(self):
        """The second request asks for the rest only."""
        big = images.Layer([images.f("opt/big", b"".join(
            sha256_of(b"%d" % i).encode() for i in range(30000)))])
        self.layers.append(big)
        self.layout.add("large", self.layers, compression="none")
        cut = []

        def cutting(request, digest, data):
            if len(data) > 1 << 20 and not request.headers.get("Range"):
                cut.append(digest)
                request.answer(200, data[:len(data) // 2], [("Accept-Ranges", "bytes")], length=len(data))
                request.close_connection = True
                return True
            return False

        server = self.serve(cutting)
        self.assert_found(self.scan(server, "large"))
        ranges = [r for d, r in server.blob_calls if d in cut and r]
        self.assertTrue(ranges and not ranges[0].startswith("bytes=0-"), server.blob_calls)

    def test_always_cut_is_not_clean(self):
        def cutting(request, digest, data):
            if request.headers.get("Range"):
                request.answer(416)
            else:
                request.answer(200, data[:len(data) // 2], length=len(data))
            request.close_connection = True
            return True

        run = self.scan(self.serve(cutting), "good", "--timeout", "5")
        self.assertIn(run.code, (3, UNREADABLE), str(run))

    def test_wrong_content_once(self):
        """One flipped transfer is retried and is no finding."""
        lied = []

        def once(request, digest, data):
            if not lied and len(data) > 200 and not data.startswith(b"{"):
                lied.append(digest)
                send_blob(request, data[:-20] + bytes(20))
                return True
            return False

        self.assert_found(self.scan(self.serve(once)))
        self.assertTrue(lied)

    def lying(self, other, tag):
        """A registry that serves other bytes for the second layer of an image."""
        layers = json.loads(self.layout.read(self.layout.manifests[-1]["digest"]))["layers"]
        victim = layers[1]["digest"]

        def liar(request, digest, _):
            if digest == victim:
                send_blob(request, other)
                return True
            return False

        server = self.serve(liar)
        run = self.scan(server, tag)
        self.assert_code(run, FLAGGED)
        rows = [f for f in finding(run.json(), kind="integrity") if f["severity"] in ("high", "critical")]
        self.assertTrue(rows, str(run))
        self.assertIn(victim[7:], json.dumps(rows))
        self.assertGreaterEqual(len([d for d, _ in server.blob_calls if d == victim]), 2, "one retry")
        return server, run.json(), json.dumps(rows)

    def test_wrong_content_always(self):
        """Another layer of the same size under the digest: both digests are named, on every
        scan, and what was sent is examined."""
        self.layout.add("plain", samples.clean(), compression="none")
        other = samples.marked().data
        self.assertEqual(len(other), len(samples.hiding().data))
        for _ in range(2):
            server, report, says = self.lying(other, "plain")
            self.assertIn(sha256_of(other), says)
            self.assertTrue(finding(report, threat=samples.THREAT), report["findings"])
        server.trouble = None
        self.assert_code(self.scan(server, "plain"), CLEAN)

    def test_longer_than_promised(self):
        """Not read to its end: then no digest is made up, and coverage says so."""
        self.layout.add("small", samples.clean())
        other = images.compress(samples.marked().data, "gz") + bytes(9000)
        victim = json.loads(self.layout.read(self.layout.manifests[-1]["digest"]))["layers"][1]["digest"]
        server = self.serve(lambda request, digest, _: digest == victim and (send_blob(request, other), True)[1])
        run = self.scan(server, "small")
        self.assertIn(run.code, (1, 3), str(run))
        report = run.json()
        self.assertNotIn(sha256_of(b""), run.stdout)
        rows = [c["state"] for c in report["coverage"] if c["question"] == "content"]
        self.assertTrue(finding(report, threat=samples.THREAT) or set(rows) - {"looked"}, report["coverage"])

    def test_manifest_is_not_its_digest(self):
        digest = self.layout.manifests[0]["digest"]
        data = self.layout.read(digest)
        self.layout.blob_path(digest).write_bytes(data.replace(b'"schemaVersion": 2', b'"schemaVersion":  2'))
        server = self.serve()
        run = self.careen.scan(f"registry:{server.host}/fleet/image@{digest}")
        self.assertIn(run.code, (FLAGGED, UNREADABLE), str(run))
        self.assertIn(digest[7:], run.stdout + run.stderr)


if __name__ == "__main__":
    main()
