#!/usr/bin/python3
"""A headless Chromium for tests, spoken to over the DevTools protocol: its process, a WebSocket and pages. It resolves no name and
reaches no address but 127.0.0.1, where a test can listen for what must not come. With the process its profile folder goes too."""

import base64
import collections
import contextlib
import ctypes
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import time
import unittest

from support import find_tool, is_root, need, scratch

SECONDS = 60  # for a start, an answer or a page: slow machines end in time, a hang does not
FLAGS = ("--headless", "--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions", "--disable-sync", "--disable-component-update",
         "--disable-background-networking", "--disable-breakpad", "--no-first-run", "--no-default-browser-check", "--no-proxy-server",
         "--password-store=basic", "--hide-scrollbars")
OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND"
KEYS = {"Tab": (9, None), "Enter": (13, "\r"), " ": (32, " ")}


def command(profile, *flags):
    """The command line; only root, who has no sandbox, goes without one."""
    need("chromium")
    return [find_tool("chromium"), *FLAGS, *(("--no-sandbox",) if is_root() else ()), f"--user-data-dir={profile}", *flags]


def home(folder):
    """What Chromium takes for the user's folders."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8", "TMPDIR": str(folder), "HOME": str(folder), "DBUS_SESSION_BUS_ADDRESS": "disabled:",
            **{f"XDG_{kind}_HOME": f"{folder}/{kind.lower()}" for kind in ("CONFIG", "CACHE", "DATA", "STATE")}}


@contextlib.contextmanager
def process(*flags):
    """Chromium in a process group of its own, which ends with the block, or with us; gives it and its folder."""
    with scratch() as folder, open(folder / "stderr", "wb") as said:
        libc = ctypes.CDLL(None)
        chromium = subprocess.Popen(command(folder / "profile", *flags), env=home(folder), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said,
                                    start_new_session=True, preexec_fn=lambda: libc.prctl(1, signal.SIGKILL))  # PR_SET_PDEATHSIG
        try:
            yield chromium, folder
        finally:
            libc.prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: its orphans become ours, to wait for; none writes into the folder when it is removed
            with contextlib.suppress(ProcessLookupError):
                os.killpg(chromium.pid, signal.SIGKILL)
            chromium.wait(SECONDS)
            end = time.monotonic() + SECONDS
            with contextlib.suppress(ChildProcessError):
                while time.monotonic() < end:
                    if os.waitpid(-chromium.pid, os.WNOHANG) == (0, 0):
                        time.sleep(0.01)
            libc.prctl(36, 0)
            chromium.stdout.close()


def dump_dom(path):
    """What `--dump-dom` writes of a file, without any network."""
    with process(OFFLINE, "--dump-dom", pathlib.Path(path).absolute().as_uri()) as (chromium, folder):
        out, _ = chromium.communicate(timeout=SECONDS)
        if chromium.returncode != 0:
            refuse(folder)
        return out.decode()


def refuse(folder):
    """A kernel that gives users no namespaces leaves Chromium no sandbox: a skip; all else is a failure."""
    said = (folder / "stderr").read_text(errors="replace")
    if "No usable sandbox" in said:
        raise unittest.SkipTest("chromium has no sandbox here (no user namespaces)")
    raise RuntimeError(f"chromium did not start:\n{said[-2000:]}")


class WebSocket:
    """The client's side of RFC 6455, as far as DevTools speaks it."""

    def __init__(self, port, path):
        self.socket = socket.create_connection(("127.0.0.1", port), SECONDS)
        self.stream = self.socket.makefile("rb")
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        if b" 101 " not in self.stream.readline():
            raise RuntimeError("DevTools refuses the WebSocket")
        while self.stream.readline() not in (b"\r\n", b""):
            pass

    def send(self, data, opcode=1):
        size = len(data)
        head = bytes([0x80 | size]) if size < 126 else struct.pack(">BH", 0xFE, size) if size < 65536 else struct.pack(">BQ", 0xFF, size)
        mask = os.urandom(4)
        whole = int.from_bytes(data, "big") ^ int.from_bytes((mask * (size // 4 + 1))[:size], "big")
        self.socket.sendall(bytes([0x80 | opcode]) + head + mask + whole.to_bytes(size, "big"))

    def receive(self):
        """One message, of however many frames."""
        message = b""
        while True:
            first, size = self.read(2)
            if size > 125:
                size = int.from_bytes(self.read(2 if size == 126 else 8), "big")
            data, opcode = self.read(size), first & 15
            if opcode == 8:
                raise RuntimeError("DevTools closed the WebSocket")
            if opcode == 9:
                self.send(data, 10)
            if opcode < 3:
                message += data
                if first & 0x80:
                    return message

    def read(self, n):
        data = self.stream.read(n)
        if len(data) != n:
            raise RuntimeError("DevTools closed the connection")
        return data

    def close(self):
        self.stream.close()
        self.socket.close()


class Browser:
    """One Chromium. A page's events are kept for it; a page gone wrong cannot make a test wait longer than SECONDS."""

    def __init__(self):
        self.hold = contextlib.ExitStack()
        try:
            self.process, folder = self.hold.enter_context(process(OFFLINE + ",EXCLUDE 127.0.0.1", "--remote-debugging-port=0", "about:blank"))
            told, end = folder / "profile" / "DevToolsActivePort", time.monotonic() + SECONDS
            while not (told.exists() and told.read_text().count("\n") == 1):
                if self.process.poll() is not None or time.monotonic() > end:
                    refuse(folder)
                time.sleep(0.05)
            port, path = told.read_text().split()
            self.socket = self.hold.enter_context(contextlib.closing(WebSocket(int(port), path)))
            self.number, self.events = 0, collections.defaultdict(list)
        except BaseException:
            self.close()
            raise

    def close(self):
        self.hold.close()

    def call(self, method, session=None, **params):
        self.number += 1
        number = self.number
        self.socket.send(json.dumps({"id": number, "method": method, "params": params, **({"sessionId": session} if session else {})}).encode())
        answer = self.take(lambda message: message.get("id") == number)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def take(self, wanted):
        """Messages until the wanted one; events are kept on the way."""
        end = time.monotonic() + SECONDS
        while True:
            self.socket.socket.settimeout(max(0.01, end - time.monotonic()))
            try:
                message = json.loads(self.socket.receive())
            except OSError as error:
                raise RuntimeError(f"DevTools does not answer: {error}") from None
            if "method" in message:
                self.events[message.get("sessionId")].append((message["method"], message["params"]))
            if wanted(message):
                return message


class Page:
    """A tab with a storage of its own: light or dark, of a size, on the screen or on paper."""

    def __init__(self, browser, width=1280, height=900, mobile=False, **look):
        self.browser = browser
        self.context = browser.call("Target.createBrowserContext")["browserContextId"]
        target = browser.call("Target.createTarget", url="about:blank", browserContextId=self.context)["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)
        self.look(**look)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(RuntimeError):  # a browser that is gone has failed its test already
            self.browser.call("Target.disposeBrowserContext", browserContextId=self.context)

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def look(self, scheme="light", media=""):
        self.call("Emulation.setEmulatedMedia", media=media, features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, path):
        """Shows a file and waits until all of it is loaded and drawn."""
        seen = len(self.events("Page.loadEventFired"))
        self.call("Page.navigate", url=pathlib.Path(path).absolute().as_uri())
        if len(self.events("Page.loadEventFired")) == seen:
            self.browser.take(lambda m: m.get("method") == "Page.loadEventFired" and m.get("sessionId") == self.session)
        self.call("Page.captureScreenshot")  # a frame is drawn, whether scripts may run or not
        return self

    def js(self, text):
        """The value of an expression, of a promise its result."""
        answer = self.call("Runtime.evaluate", expression=text, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(f"{text[:200]}: {answer['exceptionDetails'].get('exception', {}).get('description')}")
        return answer["result"].get("value")

    def events(self, method):
        return [params for name, params in self.browser.events[self.session] if name == method]

    def requests(self):
        return [e["request"]["url"] for e in self.events("Network.requestWillBeSent")]

    def complaints(self):
        """Errors and warnings of the console, exceptions, and what the policy of the page refused."""
        return ([e["entry"]["text"] for e in self.events("Log.entryAdded") if e["entry"]["level"] in ("error", "warning")] +
                [str(e["args"]) for e in self.events("Runtime.consoleAPICalled")] +
                [e["exceptionDetails"]["text"] for e in self.events("Runtime.exceptionThrown")])

    def press(self, key, modifiers=0):
        code, text = KEYS[key]
        common = {"key": key, "code": {" ": "Space"}.get(key, key), "windowsVirtualKeyCode": code, "modifiers": modifiers}
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **common, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def click(self, element):
        """A press of the mouse in the middle of what a JavaScript expression names."""
        x, y = self.js(f"(e => {{ e.scrollIntoView({{block: 'center'}}); const r = e.getClientRects()[0]; return [r.x + r.width / 2, r.y + r.height / 2] }})({element})")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def picture(self, path):
        """A PNG of the whole page, for people."""
        data = self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        pathlib.Path(path).write_bytes(base64.b64decode(data))

    def pdf(self):
        return base64.b64decode(self.call("Page.printToPDF")["data"])
