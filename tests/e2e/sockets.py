#!/usr/bin/python3
"""A fake docker or podman daemon on a unix socket: the few API calls that a scanner needs.

It answers with or without a version prefix (`/v1.41`, podman's `/v4.0.0/libpod`) and
serves each image as the docker archive that it was given.
"""

import contextlib
import http.server
import json
import os
import re
import socketserver
import threading
import urllib.parse


class FakeDaemon:
    """`images` maps a reference to (image id, archive path). `kind` is docker or podman."""

    def __init__(self, path, images, kind="docker"):
        self.path, self.images, self.kind = str(path), images, kind
        self.calls = []
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def address_string(self):
                return "unix"

            def do_GET(self):
                with contextlib.suppress(ConnectionError):
                    owner._answer(self)

            do_HEAD = do_GET

        class Unix(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        self.server = Unix(self.path, Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"unix://{self.path}"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def _find(self, name):
        """Familiar and full names, as both daemons resolve them."""
        name = name.removeprefix("docker.io/").removeprefix("library/")
        for known, image in self.images.items():
            short = known.removeprefix("docker.io/").removeprefix("library/")
            if name in (short, image[0], image[0].removeprefix("sha256:")) or (
                    ":" not in name.rpartition("/")[2] and short == name + ":latest"):
                return known, image
        return None, None

    def _answer(self, request):
        url = urllib.parse.urlsplit(request.path)
        path = urllib.parse.unquote(url.path)
        self.calls.append(path)
        path = re.sub(r"^/v[0-9.]+", "", path)
        libpod = path.startswith("/libpod/")
        path = path.removeprefix("/libpod")
        if path == "/_ping":
            self._send(request, 200, b"OK", "text/plain",
                       [("Api-Version", "1.41"), ("Ostype", "linux")]
                       + ([("Libpod-Api-Version", "4.3.1")] if self.kind == "podman" else []))
            return
        if path in ("/version", "/info"):
            engine = "Podman Engine" if self.kind == "podman" else "Engine"
            self._json(request, 200, {"ApiVersion": "1.41", "MinAPIVersion": "1.24", "Os": "linux",
                                      "Version": "4.3.1", "Components": [{"Name": engine}]})
            return
        if libpod and self.kind != "podman":
            self._json(request, 404, {"message": "page not found"})
            return
        if path == "/images/get":
            names = urllib.parse.parse_qs(url.query).get("names", [""])
            self._export(request, names[0])
            return
        m = re.match(r"^/images/(.+)/(json|get|exists)$", path)
        if not m:
            self._json(request, 404, {"message": "page not found"})
            return
        if m[2] == "get":
            self._export(request, m[1])
            return
        known, image = self._find(m[1])
        if image is None:
            self._json(request, 404, {"message": f"No such image: {m[1]}"})
        elif m[2] == "exists":
            self._send(request, 204, b"", "text/plain")
        else:
            self._json(request, 200, {"Id": image[0], "RepoTags": [known], "RepoDigests": [],
                                      "Architecture": "amd64", "Os": "linux",
                                      "Size": os.path.getsize(image[1])})

    def _export(self, request, name):
        _, image = self._find(name)
        if image is None:
            self._json(request, 404, {"message": f"No such image: {name}"})
            return
        request.send_response(200)
        request.send_header("Content-Type", "application/x-tar")
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        with open(image[1], "rb") as archive:
            while block := archive.read(32768):
                request.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))
        request.wfile.write(b"0\r\n\r\n")

    def _json(self, request, status, doc):
        self._send(request, status, json.dumps(doc).encode(), "application/json")

    def _send(self, request, status, body, kind, headers=()):
        request.send_response(status)
        request.send_header("Content-Type", kind)
        for name, value in headers:
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(body)
