"""A nats-server with JetStream of a test's own: n = Nats(folder, port); n.start(); n.url(); n.restart(); n.stop()."""

import pathlib
import shutil
import signal
import socket
import subprocess
import time


def binary():
    return shutil.which("nats-server") or shutil.which("nats-server", path="/usr/sbin:/usr/local/sbin")


class Nats:
    def __init__(self, folder, port):
        self.folder, self.port, self.process = pathlib.Path(folder), port, None

    def url(self):
        return f"nats://127.0.0.1:{self.port}"

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen([binary(), "-a", "127.0.0.1", "-p", str(self.port), "-js", "-sd", str(self.folder / "data")], stdout=log, stderr=log)
        log.close()
        for _ in range(600):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.05)
        raise RuntimeError("nats-server does not listen")

    def stop(self, how=signal.SIGTERM):
        if self.process:
            self.process.send_signal(how)
            self.process.wait()
            self.process = None

    def restart(self, how=signal.SIGKILL, forget=False):
        self.stop(how)
        if forget:
            shutil.rmtree(self.folder / "data", ignore_errors=True)
        self.start()
