# A registry on loopback that does whatever a case tells it to: rules are tried first, then it answers as a registry should.
import base64
import gzip
import http.server
import json
import re
import socket
import struct
import threading

from layout import CONFIG, GZIP, MANIFEST, image_config, sha
from tarmaker import archive, file, usual


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        registry = self.server.registry
        with registry.lock:
            registry.log.append((self.command, self.path, dict(self.headers.items())))
        try:
            for pattern, rule, hits in registry.rules:
                if re.search(pattern, self.path):
                    with registry.lock:
                        hits.append(1)
                        count = len(hits)
                    if rule(self, count) is not False:
                        return
            registry.serve(self)
        except (BrokenPipeError, ConnectionResetError, ConnectionAbortedError):
            self.close_connection = True

    do_HEAD = do_GET

    def log_message(self, *_):
        pass

    def reply(self, status=200, body=b"", length=None, **headers):
        """A whole answer; `length` may lie. Underscores in the names of headers become dashes."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        if length is not None:
            self.hang_up()

    def redirect(self, to, status=307):
        self.reply(status, Location=to)

    def hang_up(self, reset=False):
        """Closes the connection, with a reset if asked for."""
        self.wfile.flush()
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        else:
            self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def raw(self, data):
        self.wfile.write(data)
        self.wfile.flush()

    def wait(self):
        """Sleeps a second, or gives up when the registry is being stopped."""
        if self.server.registry.stopping.wait(1):
            raise ConnectionAbortedError


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request, client_address):
        pass


class Registry:
    """One image, app:1, of two gzip layers. `rules` is a list of (pattern of the path, function(handler, times))."""

    def __init__(self, host="127.0.0.1"):
        self.server = Server((host, 0), Handler)
        self.server.registry = self
        self.host = f"{host}:{self.server.server_address[1]}"
        self.url = f"http://{self.host}"
        self.rules, self.log, self.lock, self.stopping = [], [], threading.Lock(), threading.Event()
        self.media = {}
        noise = b"".join(sha(b"%d" % i).encode() for i in range(3000))
        tars = [archive(*usual()), archive(file("noise", noise))]
        self.layers = [gzip.compress(t, mtime=0) for t in tars]
        self.config = json.dumps(image_config([sha(t) for t in tars])).encode()
        self.blobs = {sha(x): x for x in (*self.layers, self.config)}
        self.manifests = {}
        self.set_manifest(self.default_manifest())
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def default_manifest(self):
        return {"schemaVersion": 2, "mediaType": MANIFEST,
                "config": {"mediaType": CONFIG, "digest": sha(self.config), "size": len(self.config)},
                "layers": [{"mediaType": GZIP, "digest": sha(x), "size": len(x)} for x in self.layers]}

    def set_manifest(self, manifest, reference="1", media=MANIFEST):
        """Stores a manifest under a reference and under its digest; returns its descriptor."""
        data = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
        for key in (reference, sha(data)):
            self.manifests[key], self.media[key] = data, media
        return {"mediaType": media, "digest": sha(data), "size": len(data)}

    @property
    def image(self):
        return f"registry:{self.host}/app:1"

    @property
    def big(self):
        """The path pattern of the big second layer's blob."""
        return "blobs/" + sha(self.layers[1])

    def on(self, pattern, rule):
        self.rules.append((pattern, rule, []))
        return self

    def count(self, pattern):
        return sum(bool(re.search(pattern, path)) for _, path, _ in self.log)

    def serve(self, handler):
        """What an honest registry answers."""
        found = re.fullmatch(r"/v2/app/(manifests|blobs)/([^?]+)", handler.path)
        if handler.path == "/v2/":
            handler.reply(200, b"{}")
        elif not found:
            handler.reply(404, b"{}")
        elif found[1] == "manifests" and found[2] in self.manifests:
            data = self.manifests[found[2]]
            handler.reply(200, data, Content_Type=self.media[found[2]], Docker_Content_Digest=sha(data))
        elif found[1] == "blobs" and found[2] in self.blobs:
            self.serve_blob(handler, self.blobs[found[2]])
        else:
            handler.reply(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')

    @staticmethod
    def serve_blob(handler, data):
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", handler.headers.get("Range", ""))
        if not wanted:
            handler.reply(200, data, Accept_Ranges="bytes")
            return
        first, last = int(wanted[1]), int(wanted[2] or len(data) - 1)
        if first >= len(data):
            handler.reply(416, Content_Range=f"bytes */{len(data)}")
            return
        part = data[first:last + 1]
        handler.reply(206, part, Content_Range=f"bytes {first}-{first + len(part) - 1}/{len(data)}")

    def require_basic(self, user, password):
        """401 for every request without these credentials."""
        right = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

        def check(handler, _):
            if handler.headers.get("Authorization") == right:
                return False
            handler.reply(401, WWW_Authenticate='Basic realm="here"')
            return None
        self.rules.insert(0, (".", check, []))

    def require_token(self, realm, token="t0ken"):
        """401 with a bearer challenge for every request without this token."""
        def check(handler, _):
            if handler.path.startswith("/token") or handler.headers.get("Authorization") == f"Bearer {token}":
                return False
            handler.reply(401, WWW_Authenticate=f'Bearer realm="{realm}",service="s",scope="repository:app:pull"')
            return None
        self.rules.insert(0, (".", check, []))

    def stop(self):
        self.stopping.set()
        self.server.shutdown()
        self.server.server_close()
