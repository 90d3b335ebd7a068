# What a malicious or broken registry can do. The builder of a case gets the registry, a second server on another host
# (127.0.0.2) and the home folder; it returns the image argument. `check` looks at what was asked of the servers.
import base64
import dataclasses
import json
import os
import typing

from case import Case
from layout import GZIP, INDEX, MANIFEST, NOWHERE, sha

CASES = []
MANIFEST_PATH, BLOB_PATH = "/manifests/", "/blobs/"
RETRIES = 12  # more requests than this for one thing are a storm of our own


@dataclasses.dataclass
class ServerCase(Case):
    check: typing.Callable = lambda registry, other: []  # what is wrong with the requests
    requests: int = 60                                   # the most requests that both servers may see


def case(name, attack, exit, why, **more):
    def register(build):
        exits = exit if isinstance(exit, tuple) else (exit,)
        CASES.append(ServerCase("server-" + name, attack, exits, why, build, **more))
        return build
    return register


def rule(name, attack, exits, why, pattern, action, **more):
    """A case that is one rule of the first server."""
    more.setdefault("coverage", "content" if 3 in (exits if isinstance(exits, tuple) else (exits,)) else "")

    @case(name, attack, exits, why, **more)
    def build(registry, other, home):
        registry.on(registry.big if pattern == "big" else pattern, action)
        return registry.image


QUICK = ("--timeout", "2")
NO_IMAGE, NO_LAYER = "no image to be had", "a layer that was not looked at"


@case("control", "an honest registry", 0, "the control")
def control(registry, other, home):
    return registry.image


# --- bodies
def endless(handler, _):
    handler.send_response(200)
    handler.send_header("Content-Type", MANIFEST)
    handler.end_headers()
    while not handler.server.registry.stopping.is_set():
        handler.raw(bytes(1 << 20))


def endless_chunked(handler, _):
    handler.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not handler.server.registry.stopping.is_set():
        handler.raw(b"10000\r\n" + bytes(0x10000) + b"\r\n")


def promise(length, body=b"{}"):
    return lambda handler, _: handler.reply(200, body, length, Content_Type=MANIFEST)


rule("endless-manifest", "a manifest body that never ends", 4, "over the limit for a manifest: " + NO_IMAGE, MANIFEST_PATH, endless)
rule("endless-chunked", "a manifest in endless chunks", 4, "over the limit for a manifest: " + NO_IMAGE, MANIFEST_PATH, endless_chunked)
rule("endless-config", "a config body that never ends", (1, 4), "longer than the manifest says: a lie, or no image", BLOB_PATH, endless)
rule("endless-blob", "a layer body that never ends", (1, 3), "longer than the manifest says: a lie, or not looked at; it ends", "big", endless)
rule("endless-blob-chunked", "a layer in endless chunks", (1, 3), "longer than the manifest says: a lie, or not looked at; it ends", "big",
     endless_chunked)
rule("length-huge", "a manifest that announces 2^62 bytes", 4, "refused at once, or cut: " + NO_IMAGE, MANIFEST_PATH, promise(1 << 62), args=QUICK)
rule("length-negative", "a Content-Length of -5", (0, 4), "no length; read to the end, or refused", MANIFEST_PATH, promise(-5), args=QUICK)
rule("length-word", "a Content-Length of 'many'", 4, NO_IMAGE, MANIFEST_PATH, promise("many"), args=QUICK)
rule("html", "200 with an HTML page for a manifest", 4, NO_IMAGE, MANIFEST_PATH,
     lambda h, _: h.reply(200, b"<html>Please log in</html>", Content_Type="text/html"))
rule("empty", "200 with an empty body for a manifest", 4, NO_IMAGE, MANIFEST_PATH, lambda h, _: h.reply(200, Content_Type=MANIFEST))
rule("not-http", "noise instead of an answer", 4, NO_IMAGE, ".", lambda h, _: (h.raw(b"\xff\x00SSH-2.0-x\r\n" * 50), h.hang_up()), args=QUICK)
rule("chunks-broken", "a manifest whose chunk sizes are no numbers", 4, NO_IMAGE, MANIFEST_PATH,
     lambda h, _: (h.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"), h.hang_up()))
rule("chunk-huge", "a chunk that announces 2^64 bytes", 4, NO_IMAGE, MANIFEST_PATH,
     lambda h, _: (h.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n{}\r\n"), h.hang_up()))
rule("encoding-lies", "layers sent with Content-Encoding: gzip, though they are what the manifest names", 0,
     "digests are of the bytes as sent: no encoding is undone", BLOB_PATH,
     lambda h, _: h.reply(200, h.server.registry.blobs[h.path.rsplit("/", 1)[1]], Content_Encoding="gzip"))


# --- headers
def headers_endless(handler, _):
    handler.raw(b"HTTP/1.1 200 OK\r\n")
    while not handler.server.registry.stopping.is_set():
        handler.raw(b"X-Pad: " + b"x" * 8000 + b"\r\n")


def header_line_endless(handler, _):
    handler.raw(b"HTTP/1.1 200 OK\r\nX-Pad: ")
    while not handler.server.registry.stopping.is_set():
        handler.raw(b"x" * 65536)


rule("headers-endless", "headers without end", 4, NO_IMAGE, MANIFEST_PATH, headers_endless)
rule("header-line-endless", "one header line without end", 4, NO_IMAGE, MANIFEST_PATH, header_line_endless)
rule("header-huge", "one header of 10 MiB", 4, NO_IMAGE, MANIFEST_PATH, lambda h, _: h.reply(200, b"{}", X_Pad="x" * (10 << 20)))
rule("continue-storm", "100 Continue without end", 4, NO_IMAGE, MANIFEST_PATH, lambda h, _: storm(h, b"HTTP/1.1 100 Continue\r\n\r\n"), args=QUICK)
rule("error-escapes", "a 403 whose reason and JSON message hold terminal escapes", 4, "shown escaped", MANIFEST_PATH,
     lambda h, _: h.reply(403, json.dumps({"errors": [{"code": "\x1b[2J", "message": "\x1b]0;x\x07\nclean: nothing"}]}).encode()), terminal=True)
rule("status-odd", "status 999", 4, NO_IMAGE, MANIFEST_PATH, lambda h, _: h.reply(999, b"{}"))


def storm(handler, data):
    while not handler.server.registry.stopping.is_set():
        handler.raw(data * 100)


# --- slowness
def drip(handler, _):
    handler.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        handler.raw(b"{")
        handler.wait()


def drip_header(handler, _):
    for byte in b"HTTP/1.1 200 OK\r\n" + b"X-Pad: y\r\n" * 1000:
        handler.raw(bytes([byte]))
        handler.wait()


def silent(handler, _):
    while True:
        handler.wait()


rule("slow-manifest", "a manifest at one byte a second, --timeout 2", 4, "too slow is a time-out: " + NO_IMAGE, MANIFEST_PATH, drip, args=QUICK)
rule("slow-headers", "headers at one byte a second, --timeout 2", 4, "too slow is a time-out: " + NO_IMAGE, MANIFEST_PATH, drip_header, args=QUICK)
rule("slow-blob", "a layer at one byte a second, --timeout 2", 3, "too slow is a time-out: " + NO_LAYER, "big", drip, args=QUICK)
rule("silent", "a connection that is taken and never answered, --timeout 2", 4, NO_IMAGE, ".", silent, args=QUICK)
rule("silent-blob", "a layer request that is never answered, --timeout 2", 3, NO_LAYER, "big", silent, args=QUICK)


# --- errors that pass and errors that stay
def first(times, action):
    return lambda handler, count: action(handler, count) if count <= times else False


def status(code, **headers):
    return lambda handler, _: handler.reply(code, b"{}", **headers)


def asked(pattern, most):
    return lambda registry, other: [f"{registry.count(pattern)} requests for {pattern}"] if registry.count(pattern) > most else []


rule("429-three", "429 with Retry-After: 1 three times, then an answer", 0, "waited for as asked, then read", MANIFEST_PATH,
     first(3, status(429, Retry_After="1")))
rule("429-three-blob", "429 with Retry-After: 1 three times for a layer", 0, "waited for as asked, then read", "big",
     first(3, status(429, Retry_After="1")))
rule("429-endless", "429 with Retry-After: 1 for ever", 4, "retries are bounded: " + NO_IMAGE, MANIFEST_PATH, status(429, Retry_After="1"),
     check=asked(MANIFEST_PATH, RETRIES))
rule("429-endless-zero", "429 with Retry-After: 0 for ever", 4, "retries are bounded: " + NO_IMAGE, MANIFEST_PATH, status(429, Retry_After="0"),
     check=asked(MANIFEST_PATH, RETRIES))
rule("429-endless-blob", "429 for ever for a layer", 3, "retries are bounded: " + NO_LAYER, "big", status(429, Retry_After="1"),
     check=lambda r, o: asked(r.big, RETRIES)(r, o))
rule("429-year", "429 with Retry-After: 31536000", 4, "nobody waits a year: " + NO_IMAGE, MANIFEST_PATH, status(429, Retry_After="31536000"))
rule("429-odd", "429 with Retry-After: -1, soon, and 10^30", 4, "no times; bounded: " + NO_IMAGE, MANIFEST_PATH,
     lambda h, n: h.reply(429, Retry_After=["-1", "soon", "1" + "0" * 30][n % 3]), check=asked(MANIFEST_PATH, RETRIES))
rule("500-twice", "500 twice, then an answer", 0, "tried again", MANIFEST_PATH, first(2, status(500)))
rule("500-endless", "500 for ever", 4, "retries are bounded: " + NO_IMAGE, MANIFEST_PATH, status(500), check=asked(MANIFEST_PATH, RETRIES))
rule("500-blob", "500 for ever for a layer", 3, "retries are bounded: " + NO_LAYER, "big", status(500))
rule("404", "404 for the manifest", 4, NO_IMAGE, MANIFEST_PATH, status(404))
rule("404-blob", "404 for a layer", 3, NO_LAYER, "big", status(404))
rule("403", "403 for everything", 4, NO_IMAGE, ".", status(403))
rule("401-bare", "401 without a challenge", 4, NO_IMAGE, ".", status(401))
rule("reset", "a connection reset for every request", 4, NO_IMAGE, ".", lambda h, _: h.hang_up(True))
rule("reset-once", "a connection reset for the first manifest request", 0, "tried again", MANIFEST_PATH, first(1, lambda h, _: h.hang_up(True)))


# --- layers that come in parts
def half(handler, reset=False):
    data = handler.server.registry.layers[1]
    handler.raw(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nAccept-Ranges: bytes\r\n\r\n" % len(data) + data[:len(data) // 2])
    handler.hang_up(reset)


def wants_range(registry, other):
    ranges = [h.get("Range") for _, path, h in registry.log if registry.big in path]
    return [] if any(ranges[1:]) else [f"no request to go on with a Range: {ranges}"]


rule("cut-then-range", "a layer cut in the middle once", 0, "gone on with by Range", "big", first(1, lambda h, _: half(h)), check=wants_range)
rule("reset-then-range", "a layer reset in the middle once", 0, "gone on with by Range", "big", first(1, lambda h, _: half(h, True)))
rule("cut-range-ignored", "a layer cut once; the Range is ignored and the whole layer sent", 0, "read from its start again", "big",
     lambda h, n: half(h) if n == 1 else h.reply(200, h.server.registry.layers[1]))
rule("cut-range-shifted", "a layer cut once; then 206 with bytes from elsewhere", (0, 1, 3), "seen by its digest; never clean on other bytes",
     "big", lambda h, n: half(h) if n == 1 else shifted(h) if n == 2 else False)
rule("cut-range-416", "a layer cut once; then 416", (0, 3), "tried from its start, or not looked at", "big",
     lambda h, n: half(h) if n == 1 else h.reply(416) if n == 2 else False)
rule("cut-always", "a layer cut at its middle every time, Range ignored", 3, NO_LAYER, "big", lambda h, _: half(h),
     check=lambda r, o: asked(r.big, RETRIES)(r, o))
rule("no-progress", "a layer of which each answer brings no byte", 3, "retries are bounded: " + NO_LAYER, "big", lambda h, _: (
    h.raw(b"HTTP/1.1 206 Partial Content\r\nContent-Length: 9\r\n\r\n"), h.hang_up()), check=lambda r, o: asked(r.big, RETRIES)(r, o))
rule("length-short", "a layer announced and sent 100 bytes too short", (1, 3), "cut, or not what the manifest names", "big",
     lambda h, _: h.reply(200, h.server.registry.layers[1][:-100]))
rule("length-long", "a layer with 100 bytes too many", (1, 3), "not what the manifest names, or not looked at", "big",
     lambda h, _: h.reply(200, h.server.registry.layers[1] + bytes(100)))


def shifted(handler):
    data = handler.server.registry.layers[1]
    at = len(data) // 2
    handler.reply(206, data[:len(data) - at], Content_Range=f"bytes {at}-{len(data) - 1}/{len(data)}")


# --- digests
def wrong(handler, _):
    data = handler.server.registry.layers[1]
    handler.reply(200, data[:-1] + bytes([data[-1] ^ 1]))


LIE = ("integrity", None)
rule("wrong-once", "a layer with wrong bytes once, then right", 0, "one retry is allowed: the wrong bytes were the way's fault", "big",
     first(1, wrong))
rule("wrong-twice", "a layer with wrong bytes every time", 1, "digests that lie", "big", wrong, finding=LIE)
rule("wrong-config", "a config with wrong bytes every time", (1, 4), "digests that lie, or no image", BLOB_PATH + ".*",
     lambda h, _: h.reply(200, b"{}".ljust(len(h.server.registry.config))) if sha(h.server.registry.config) in h.path else False)


@case("manifest-digest-wrong", "an image asked for by digest, and another manifest sent", (1, 4), "digests that lie, or no image")
def manifest_digest(registry, other, home):
    registry.manifests[NOWHERE], registry.media[NOWHERE] = registry.manifests["1"], MANIFEST
    return f"registry:{registry.host}/app@{NOWHERE}"


@case("index-digest-wrong", "an index whose entry brings another manifest", 1, "digests that lie", finding=LIE)
def index_digest(registry, other, home):
    registry.manifests[NOWHERE], registry.media[NOWHERE] = registry.manifests["1"], MANIFEST
    registry.set_manifest({"schemaVersion": 2, "mediaType": INDEX, "manifests": [
        {"mediaType": MANIFEST, "digest": NOWHERE, "size": 5, "platform": {"os": "linux", "architecture": "amd64"}}]}, media=INDEX)
    return registry.image


@case("header-digest-wrong", "a manifest whose Docker-Content-Digest header is another's", (0, 1), "the header is not what is trusted")
def header_digest(registry, other, home):
    registry.on(MANIFEST_PATH, lambda h, _: h.reply(200, registry.manifests["1"], Content_Type=MANIFEST, Docker_Content_Digest=NOWHERE))
    return registry.image


@case("manifest-cycle", "an index that lists itself", (1, 4), "a lie, and no image is to be had; it ends", check=asked(MANIFEST_PATH, RETRIES))
def manifest_cycle(registry, other, home):
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [
        {"mediaType": INDEX, "digest": NOWHERE, "size": 5, "platform": {"os": "linux", "architecture": "amd64"}}]}
    registry.set_manifest(index, media=INDEX)
    registry.set_manifest(index, NOWHERE, INDEX)
    return registry.image


@case("manifest-deep", "indexes that each list the next, 500 deep, every digest right", (0, 4), "followed to a limit", requests=600)
def manifest_deep(registry, other, home):
    at = registry.set_manifest(registry.default_manifest(), "x")
    for _ in range(500):
        at = registry.set_manifest({"schemaVersion": 2, "mediaType": INDEX, "manifests": [at]}, "1", INDEX)
    return registry.image


# --- redirects
def loop(handler, _):
    handler.redirect(handler.path)


rule("redirect-loop", "a manifest that redirects to itself", 4, "redirects are bounded: " + NO_IMAGE, MANIFEST_PATH, loop, check=asked(MANIFEST_PATH, 100))
rule("redirect-loop-blob", "a layer that redirects to itself", 3, "redirects are bounded: " + NO_LAYER, "big", loop)
rule("redirect-growing", "a manifest that redirects to an ever longer address", 4, "redirects are bounded: " + NO_IMAGE, MANIFEST_PATH,
     lambda h, n: h.redirect(h.path + "x" * 4096))
rule("redirect-file", "a layer that redirects to file:///etc/passwd", 3, "no such scheme: " + NO_LAYER, "big", lambda h, _: h.redirect("file:///etc/passwd"))
rule("redirect-file-manifest", "a manifest that redirects to file:///etc/passwd", 4, "no such scheme: " + NO_IMAGE, MANIFEST_PATH,
     lambda h, _: h.redirect("file:///etc/passwd"))
rule("redirect-gopher", "a layer that redirects to gopher:", 3, "no such scheme: " + NO_LAYER, "big", lambda h, _: h.redirect("gopher://127.0.0.1:9/_x"))
rule("redirect-plain", "a layer that redirects to plain HTTP on a host that is not loopback", 3, "plain HTTP is for loopback: " + NO_LAYER, "big",
     lambda h, _: h.redirect("http://192.0.2.1/blob"), args=QUICK)
rule("redirect-nowhere", "a redirect without Location, and one of noise", 4, NO_IMAGE, MANIFEST_PATH,
     lambda h, n: h.reply(307) if n == 1 else h.redirect("::\x7f//["))


def no_credentials(registry, other):
    sent = [h for _, _, h in other.log if any(k.lower() in ("authorization", "cookie") for k in h)]
    return ["credentials were sent to another host"] if sent else [] if other.log else ["the redirect was not followed"]


USER_AUTH = base64.b64encode(b"user:s3cret").decode()


def docker_config(home, registry, secret="s3cret"):
    os.makedirs(f"{home}/.docker")
    with open(f"{home}/.docker/config.json", "w") as f:
        json.dump({"auths": {registry.host: {"auth": base64.b64encode(f"user:{secret}".encode()).decode()}}}, f)


@case("redirect-credentials", "a registry with basic authentication whose layers redirect to another host", 0,
      "followed, and no credentials go there", check=no_credentials)
def redirect_credentials(registry, other, home):
    docker_config(home, registry)
    registry.require_basic("user", "s3cret")
    registry.on(BLOB_PATH, lambda h, _: h.redirect(other.url + h.path))
    return registry.image


@case("redirect-token", "a registry with bearer tokens whose layers redirect to another host", 0,
      "followed, and the token does not go there", check=no_credentials)
def redirect_token(registry, other, home):
    registry.require_token(registry.url + "/token")
    registry.on("^/token", lambda h, _: h.reply(200, b'{"token":"t0ken"}'))
    registry.on(BLOB_PATH, lambda h, _: h.redirect(other.url + h.path))
    return registry.image


@case("redirect-userinfo", "layers redirect to another host with a user name and password in the address", (0, 3),
      "those may go where the address says, the user's own never do; or refused", coverage="content",
      check=lambda r, o: ["the user's credentials were sent to another host"] if USER_AUTH in str(o.log) else [])
def redirect_userinfo(registry, other, home):
    docker_config(home, registry)
    registry.require_basic("user", "s3cret")
    registry.on(BLOB_PATH, lambda h, _: h.redirect(other.url.replace("://", "://a:b@") + h.path))
    return registry.image


@case("foreign-urls", "a foreign layer whose urls name another host", 3, "urls are not followed: " + NO_LAYER, coverage="content",
      check=lambda r, o: ["the url was followed"] if o.log else [])
def foreign_urls(registry, other, home):
    manifest = registry.default_manifest()
    manifest["layers"][1].update(mediaType="application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", urls=[other.url + "/x"])
    registry.set_manifest(manifest)
    registry.on(registry.big, status(404))
    return registry.image


# --- tokens
@case("token-other-host", "a token service on another host, as Docker Hub has it", 0, "legal: asked there, used here",
      check=lambda r, o: [] if o.count("^/token") else ["no token was asked for"])
def token_other(registry, other, home):
    registry.require_token(other.url + "/token")
    other.on("^/token", lambda h, _: h.reply(200, b'{"access_token":"t0ken"}'))
    return registry.image


@case("token-other-host-credentials", "a token service on another host, and credentials for the registry", (0, 4),
      "by the protocol they may go to the token service, once, and the token to the registry alone",
      check=lambda r, o: ["the token went to the token service"] if any("t0ken" in str(h) for _, _, h in o.log) else [])
def token_credentials(registry, other, home):
    docker_config(home, registry)
    registry.require_token(other.url + "/token")
    other.on("^/token", lambda h, _: h.reply(200, b'{"token":"t0ken"}'))
    return registry.image


@case("token-realm-file", "a token realm of file:///etc/passwd", 4, "no such scheme: " + NO_IMAGE)
def token_file(registry, other, home):
    registry.require_token("file:///etc/passwd")
    return registry.image


@case("token-realm-plain", "a token realm of plain HTTP on a host that is not loopback", 4, "plain HTTP is for loopback: " + NO_IMAGE,
      args=QUICK)
def token_plain(registry, other, home):
    registry.require_token("http://192.0.2.1/token")
    return registry.image


def token_case(name, attack, answer, exits=4, why=NO_IMAGE, **more):
    @case("token-" + name, attack, exits, why, **more)
    def build(registry, other, home):
        registry.require_token(registry.url + "/token")
        registry.on("^/token", answer)
        return registry.image


token_case("refused", "tokens that the registry never takes", lambda h, _: h.reply(200, b'{"token":"wrong"}'), why="asked for a bounded number of times",
           check=asked("^/token", RETRIES))
token_case("endless", "a token that never ends", endless)
token_case("huge", "a token of 20 MiB", lambda h, _: h.reply(200, b'{"token":"' + b"x" * (20 << 20) + b'"}'))
token_case("deep-json", "a token document of 100,000 nested arrays", lambda h, _: h.reply(200, b"[" * 100000 + b"]" * 100000))
token_case("wrong-type", "a token that is a number", lambda h, _: h.reply(200, b'{"token":5}'))
token_case("header-injection", "a token with line ends and a header of its own",
           lambda h, _: h.reply(200, json.dumps({"token": "a\r\nX-Evil: 1\r\n"}).encode()), why="no header is made from it: " + NO_IMAGE,
           check=lambda r, o: ["a header was injected"] if any("X-Evil" in h for _, _, h in r.log) else [])
token_case("redirect-loop", "a token service that redirects to itself", loop, why="redirects are bounded: " + NO_IMAGE)


@case("challenge-odd", "challenges without realm, with open quotes, and of 60 KiB", 4, NO_IMAGE)
def challenge_odd(registry, other, home):
    odd = ['Bearer service="x"', 'Bearer realm="http://127.0.0.1', "Bearer " + "a=b," * 15000, "Negotiate", ",,,=,"]
    registry.on(".", lambda h, n: h.reply(401, WWW_Authenticate=odd[n % len(odd)]))
    return registry.image


@case("closed-port", "nothing listens there", 4, NO_IMAGE)
def closed_port(registry, other, home):
    host = registry.host
    registry.stop()
    return f"registry:{host}/app:1"


@case("layers-many", "an image of 300 layers that are all missing", 3, "each is asked for a bounded number of times", coverage="content",
      requests=1500)
def layers_many(registry, other, home):
    manifest = registry.default_manifest()
    manifest["layers"] += [{"mediaType": GZIP, "digest": sha(b"%d" % i), "size": 100} for i in range(300)]
    config = json.loads(registry.config)
    config["rootfs"]["diff_ids"] += [sha(b"x%d" % i) for i in range(300)]
    data = json.dumps(config).encode()
    registry.blobs[sha(data)] = data
    manifest["config"].update(digest=sha(data), size=len(data))
    registry.set_manifest(manifest)
    return registry.image
