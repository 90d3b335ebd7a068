#!/usr/bin/python3
"""A real docker-registry on loopback for tests: open, with htpasswd, with bearer tokens,
over TLS with a private CA; and the small servers around it (token server, forward proxy,
a front that misbehaves). Everything is started by the test and stopped with it.
"""

import base64
import contextlib
import http.client
import http.server
import json
import os
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse

from support import find_tool, free_port, need, tool, wait_for_port

USER, PASSWORD = "sailor", "s3cret-tar-and-oakum"


# --- certificates ---

class Authority:
    """A private certificate authority and one server certificate for loopback."""

    def __init__(self, directory, days="30"):
        need("openssl")
        self.dir = pathlib.Path(directory)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.ca, self.ca_key = self.dir / "ca.crt", self.dir / "ca.key"
        self.cert, self.key = self.dir / "server.pem", self.dir / "server.key"
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        tool("openssl", "req", "-x509", *curve, "-keyout", self.ca_key, "-out", self.ca,
             "-subj", "/CN=careen test CA", "-days", days,
             "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        tool("openssl", "req", *curve, "-keyout", self.key, "-out", self.dir / "server.csr",
             "-subj", "/CN=localhost")
        (self.dir / "ext").write_text("subjectAltName=DNS:localhost,DNS:registry.test,IP:127.0.0.1\n"
                                      "extendedKeyUsage=serverAuth\n")
        tool("openssl", "x509", "-req", "-in", self.dir / "server.csr", "-CA", self.ca,
             "-CAkey", self.ca_key, "-CAcreateserial", "-days", days,
             "-extfile", self.dir / "ext", "-out", self.cert)
        self.trust = self.dir / "trust"  # only the CA: skopeo takes a .key here for a client's
        self.trust.mkdir(exist_ok=True)
        shutil.copyfile(self.ca, self.trust / "ca.crt")


# --- servers in threads ---

class Server:
    """An HTTP server in a thread; `seen` holds (method, path, headers) of each request."""

    def __init__(self, handler):
        owner = self
        self.seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def handle_one_request(self):
                with contextlib.suppress(ConnectionError, ssl.SSLError, TimeoutError):
                    super().handle_one_request()

            def answer(self, status, body=b"", headers=(), length=None):
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body) if length is None else length))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def body(self):
                if (self.headers.get("Transfer-Encoding") or "").lower() != "chunked":
                    return self.rfile.read(int(self.headers.get("Content-Length") or 0))
                data = b""
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    data += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return data

            def dispatch(self):
                owner.seen.append((self.command, self.path, dict(self.headers)))
                handler(owner, self)

            do_GET = do_HEAD = do_POST = do_PUT = do_CONNECT = dispatch

        class Quiet(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.http = Quiet(("127.0.0.1", 0), Handler)
        self.port = self.http.server_address[1]
        self.thread = threading.Thread(target=self.http.serve_forever, daemon=True)
        self.thread.start()

    def stop(self):
        self.http.shutdown()
        self.http.server_close()
        self.thread.join(5)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


# --- token server ---

def _b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class TokenServer(Server):
    """Gives RS256 tokens for the registry's `token` authentication.

    Knows USER/PASSWORD by Basic authentication and the identity token REFRESH by the
    OAuth2 form; anyone else is refused.
    """

    REFRESH = "refresh-of-the-sailor"

    def __init__(self, directory, service="careen-test"):
        need("openssl")
        self.dir = pathlib.Path(directory)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.service, self.issuer = service, "careen-test-issuer"
        self.key, self.cert = self.dir / "token.key", self.dir / "token.crt"
        tool("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.key,
             "-out", self.cert, "-subj", "/CN=token", "-days", "30")
        pem = self.cert.read_text()
        self.der = "".join(re.search(r"-----BEGIN CERTIFICATE-----(.*?)-----END", pem, re.S)[1].split())
        self.given = 0
        super().__init__(TokenServer._serve)

    @property
    def realm(self):
        return f"http://127.0.0.1:{self.port}/token"

    def token(self, scopes, subject):
        now = int(time.time())
        access = []
        for scope in scopes:
            kind, name, actions = scope.rsplit(":", 2) if scope.count(":") > 2 else scope.split(":")
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        head = {"typ": "JWT", "alg": "RS256", "x5c": [self.der]}
        claims = {"iss": self.issuer, "sub": subject, "aud": self.service, "exp": now + 300,
                  "nbf": now - 60, "iat": now, "jti": f"t{self.given}", "access": access}
        signed = ".".join(_b64(json.dumps(part).encode()) for part in (head, claims))
        signature = tool("openssl", "dgst", "-sha256", "-sign", self.key, input=signed.encode())
        return f"{signed}.{_b64(signature)}"

    def _serve(self, request):
        url = urllib.parse.urlsplit(request.path)
        form = urllib.parse.parse_qs(url.query)
        known = False
        if request.command == "POST":
            form = urllib.parse.parse_qs(request.body().decode())
            known = form.get("refresh_token") == [self.REFRESH] or (
                form.get("username"), form.get("password")) == ([USER], [PASSWORD])
        elif (request.headers.get("Authorization") or "").startswith("Basic "):
            known = base64.b64decode(request.headers["Authorization"][6:]).decode() == f"{USER}:{PASSWORD}"
        if not known or form.get("service") != [self.service]:
            request.answer(401, b'{"details":"incorrect username or password"}',
                           [("Content-Type", "application/json")])
            return
        scopes = [s for value in form.get("scope", []) for s in value.split()]
        self.given += 1
        token = self.token(scopes, USER)
        request.answer(200, json.dumps({"token": token, "access_token": token,
                                        "expires_in": 300}).encode(),
                       [("Content-Type", "application/json")])


# --- the registry ---

class Registry:
    """docker-registry with its own storage and log."""

    def __init__(self, directory, auth=None, tls=None, tokens=None, notify=None):
        """notify: (address, token) that changes are told to."""
        need("docker-registry")
        self.dir = pathlib.Path(directory)
        (self.dir / "data").mkdir(parents=True, exist_ok=True)
        self.port, self.tls = free_port(), tls
        self.host = f"127.0.0.1:{self.port}"
        config = {
            "version": "0.1",
            "log": {"level": "info", "accesslog": {"disabled": False}},
            "storage": {"filesystem": {"rootdirectory": str(self.dir / "data")}},
            "http": {"addr": f"127.0.0.1:{self.port}", "secret": "only-for-tests"},
        }
        if notify:
            config["notifications"] = {"endpoints": [{
                "name": "careen", "url": notify[0], "headers": {"Authorization": [f"Bearer {notify[1]}"]},
                "timeout": "5s", "threshold": 3, "backoff": "1s"}]}
            config["storage"]["delete"] = {"enabled": True}
        if tls:
            config["http"]["tls"] = {"certificate": str(tls.cert), "key": str(tls.key)}
        if auth == "htpasswd":
            need("htpasswd")
            line = tool("htpasswd", "-nbBC", "4", USER, PASSWORD)
            (self.dir / "htpasswd").write_bytes(line)
            config["auth"] = {"htpasswd": {"realm": "careen test", "path": str(self.dir / "htpasswd")}}
        elif auth == "token":
            config["auth"] = {"token": {"realm": tokens.realm, "service": tokens.service,
                                        "issuer": tokens.issuer, "rootcertbundle": str(tokens.cert)}}
        (self.dir / "config.yml").write_text(json.dumps(config))
        self.log_path = self.dir / "registry.log"
        env = {"PATH": os.environ.get("PATH", ""), "HOME": str(self.dir),
               "OTEL_TRACES_EXPORTER": "none"}
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [find_tool("docker-registry"), "serve", str(self.dir / "config.yml")],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env)
        try:
            wait_for_port(self.port, self.process)
        except RuntimeError as error:
            self.stop()
            raise RuntimeError(f"{error}:\n{self.log()[-2000:]}") from None

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def log(self):
        return self.log_path.read_text(errors="replace")

    def requests(self, since=0):
        """(method, path) of the access log from a mark on."""
        return re.findall(r'"(GET|HEAD|POST|PUT|PATCH) (/v2/\S*) HTTP', self.log()[since:])

    def mark(self):
        return len(self.log())

    def blob_reads(self, since=0):
        return [path for method, path in self.requests(since)
                if method == "GET" and "/blobs/" in path]

    def skopeo_flags(self, creds=True):
        flags = [f"--dest-cert-dir={self.tls.trust}"] if self.tls else ["--dest-tls-verify=false"]
        return flags + ([f"--dest-creds={USER}:{PASSWORD}"] if creds else ["--dest-no-creds"])

    def push(self, source, name, *flags, creds=False):
        """skopeo copy SOURCE to this registry."""
        need("skopeo")
        tool("skopeo", "--insecure-policy", "copy", "--quiet", *self.skopeo_flags(creds), *flags,
             source, f"docker://{self.host}/{name}")
        return f"{self.host}/{name}"

    def push_blobs(self, layout, name, tag, descriptor):
        """Puts a manifest of a hand-made layout with all it refers to; no tool in between."""
        doc = json.loads(layout.read(descriptor["digest"]))
        for child in doc.get("manifests", []):
            self.push_blobs(layout, name, child["digest"], child)
        for blob in [doc["config"], *doc["layers"]] if "config" in doc else []:
            self._upload(name, blob["digest"], layout.read(blob["digest"]))
        status, text = self._http("PUT", f"/v2/{name}/manifests/{tag}",
                                  layout.read(descriptor["digest"]),
                                  {"Content-Type": descriptor["mediaType"]})
        if status != 201:
            raise RuntimeError(f"manifest refused: {status} {text}")
        return f"{self.host}/{name}:{tag}"

    def _upload(self, name, digest, data):
        status, text = self._http("POST", f"/v2/{name}/blobs/uploads/")
        if status != 202:
            raise RuntimeError(f"upload refused: {status} {text}")
        where = urllib.parse.urlsplit(self.location)
        self._http("PUT", f"{where.path}?{where.query}&digest={digest}", data,
                   {"Content-Type": "application/octet-stream"})

    def _http(self, method, path, body=None, headers=None):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as c:
            c.request(method, path, body, headers or {})
            answer = c.getresponse()
            self.location = answer.headers.get("Location", "")
            return answer.status, answer.read()[:300]


# --- around it ---

class ForwardProxy(Server):
    """A forward proxy that sends every host to one loopback port.

    `plain` counts requests in clear text, `tunnels` the CONNECTs: it shows whether
    careen spoke HTTP to a name that is not loopback.
    """

    def __init__(self, port):
        self.target, self.plain, self.tunnels = port, [], []
        super().__init__(ForwardProxy._serve)

    def _serve(self, request):
        if request.command == "CONNECT":
            self.tunnels.append(request.path)
            self._tunnel(request)
            return
        self.plain.append(request.path)
        url = urllib.parse.urlsplit(request.path)
        path = url.path + (f"?{url.query}" if url.query else "")
        relay(request, self.target, path)

    def _tunnel(self, request):
        with socket.create_connection(("127.0.0.1", self.target)) as upstream:
            request.send_response(200)
            request.end_headers()

            def pump(a, b):
                with contextlib.suppress(OSError):
                    while data := a.recv(65536):
                        b.sendall(data)
                with contextlib.suppress(OSError):
                    b.shutdown(socket.SHUT_WR)

            back = threading.Thread(target=pump, args=(upstream, request.connection), daemon=True)
            back.start()
            pump(request.connection, upstream)
            back.join(5)
        request.close_connection = True


def relay(request, port, path):
    """Passes a request on to a loopback HTTP server and its answer back."""
    hop = {"connection", "proxy-connection", "keep-alive", "transfer-encoding", "content-length"}
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as c:
        payload = request.body()
        c.putrequest(request.command, path, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers.items():  # one by one: a header may come twice
            if name.lower() not in hop:
                c.putheader(name, value)
        if payload:
            c.putheader("Content-Length", str(len(payload)))
        c.endheaders(payload or None)
        answer = c.getresponse()
        body = answer.read()
        request.answer(answer.status, body,
                       [(k, v) for k, v in answer.getheaders() if k.lower() not in hop],
                       length=int(answer.headers.get("Content-Length") or len(body)))


# --- credentials ---

def docker_config(auths=None, **other):
    """A Docker config.json: {host: (user, password)} and other keys as they are."""
    doc = dict(other)
    if auths:
        doc["auths"] = {host: {"auth": base64.b64encode(f"{u}:{p}".encode()).decode()}
                        for host, (u, p) in auths.items()}
    return json.dumps(doc)


def credential_helper(directory, name, host, user, secret):
    """A `docker-credential-NAME` that knows one host and logs each call."""
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    script = directory / f"docker-credential-{name}"
    answer = json.dumps({"ServerURL": host, "Username": user, "Secret": secret})
    script.write_text(f"""#!/bin/sh
read -r server || true
echo "$1 $server" >> "{directory}/calls"
case "$1:$server" in
  get:*{host}*) printf '%s' '{answer}' ;;
  *) echo 'credentials not found in native keychain'; exit 1 ;;
esac
""")
    script.chmod(0o755)
    return script
