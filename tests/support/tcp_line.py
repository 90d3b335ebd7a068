"""A line between a client and a server on loopback that may be slow or cut: with Line(port) as line: ... line.port ... line.cut(1.0)."""

import contextlib
import socket
import threading
import time


class Line:
    def __init__(self, to_port, latency=0.0, bytes_per_second=0):
        """`latency` and `bytes_per_second` are each connection's own; 0 is as fast as it goes."""
        self.to_port, self.latency, self.rate = to_port, latency, bytes_per_second
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.lock, self.open, self.down = threading.Lock(), set(), False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            try:
                if self.down:
                    raise OSError("the line is cut")
                far = socket.create_connection(("127.0.0.1", self.to_port), timeout=10)
                far.settimeout(None)
            except OSError:
                near.close()
                continue
            with self.lock:
                self.open |= {near, far}
            for a, b, slow in ((near, far, False), (far, near, True)):
                threading.Thread(target=self._pump, args=(a, b, slow), daemon=True).start()

    def _pump(self, a, b, slow):
        with contextlib.suppress(OSError):
            while data := a.recv(1 << 16):
                if not slow and self.latency:
                    time.sleep(self.latency)  # of a request: once
                if slow and self.rate:
                    time.sleep(len(data) / self.rate)
                b.sendall(data)
        self._close(a, b)

    def _close(self, *sockets):
        for s in sockets:
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)
            s.close()
            with self.lock:
                self.open.discard(s)

    def cut(self, seconds):
        """Every connection ends, and none begins before `seconds` have passed."""
        self.down = True
        with self.lock:
            all_open = list(self.open)
        self._close(*all_open)
        time.sleep(seconds)
        self.down = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        with self.lock:
            all_open = list(self.open)
        self._close(*all_open)
