#!/usr/bin/python3
"""Whole index runs of careen, measured as ratios. Usage: CAREEN=PROGRAM fleet_runs.py [derived] [workers]

derived   200 images that share their bases, against the distinct layers alone: the same layers in as many images as hold each once.
workers   two workers of one job each against one, on a registry that answers after 50 ms and sends 8 MB/s a connection; and on one that does neither.
"""

import json
import os
import pathlib
import random
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests/e2e"), str(ROOT / "tests/support")]
import nats  # noqa: E402
from images import Layer, OciLayout, d, f  # noqa: E402
from postgres import Postgres  # noqa: E402
from registry import Server  # noqa: E402
from support import Careen, free_port  # noqa: E402

DERIVED, BASES, OWN_FILES, BASE_FILES = 200, 4, 40, 3000
DELAY, RATE, CHUNK = 0.050, 8e6, 64 << 10
ROUNDS = 3


def content(rng, size):
    """Half random, half text: it compresses to some 60 %."""
    return rng.randbytes(size // 2) + (b"the quick brown fox %d\n" % rng.randrange(1000)) * (size // 46)


def layer(seed, files, size, folder):
    rng = random.Random(seed)
    rows = [d(folder)] + [f(f"{folder}/file-{i}", content(rng, rng.randrange(size // 2, size * 3 // 2))) for i in range(files)]
    return Layer(rows, created_by=f"RUN make {folder} {seed}")


def layouts(folder):
    """The derived images, and every layer of theirs once."""
    bases = [[layer(f"{b}/{n}", BASE_FILES, 16_000, f"usr/part-{n}") for n in range(2)] for b in range(BASES)]
    own = [layer(f"own {i}", OWN_FILES, 12_000, "app") for i in range(DERIVED)]
    derived, alone = OciLayout(folder / "derived"), OciLayout(folder / "alone")
    for i, o in enumerate(own):
        derived.add(f"v{i}", bases[i % BASES] + [o])
    for b, layers in enumerate(bases):
        alone.add(f"base{b}", layers + [own[b]])
    for i, o in enumerate(own[BASES:]):
        alone.add(f"own{i}", [o])
    return folder / "derived", folder / "alone"


def seconds(run):
    began = time.monotonic()
    run()
    return time.monotonic() - began


def index(careen, source, store, *more):
    done = careen.run("index", source, "--store", store, "--no-progress", *more, timeout=1200)
    if done.code != 0:
        sys.exit(str(done))


def measure_derived(tmp):
    derived, alone = layouts(tmp)
    times = {derived: [], alone: []}
    for n in range(ROUNDS):
        for source in times:
            careen = Careen(tmp / f"home-{source.name}-{n}")
            times[source].append(seconds(lambda: index(careen, source, tmp / f"{source.name}-{n}.sqlite")))
    a, b = (statistics.median(times[s]) for s in (derived, alone))
    again = seconds(lambda: index(Careen(tmp / "again"), derived, tmp / "derived-0.sqlite"))
    print(f"derived_seconds {a:.2f}\nalone_seconds {b:.2f}\nderived_ratio {a / b:.3f}\nagain_seconds {again:.2f}")


class SlowRegistry:
    """What a layout holds, by the distribution interface; each answer after `delay`, each connection at `rate` bytes a second."""

    def __init__(self, layout, names, delay, rate):
        def handle(_, request):
            time.sleep(delay)
            path = request.path.split("?")[0]
            if path == "/v2/":
                return request.answer(200)
            kind, name = path.split("/")[-2:]
            if kind == "tags":
                return request.answer(200, json.dumps({"name": "team/app", "tags": list(names)}).encode())
            digest = names.get(name, name)
            file = layout.blob_path(digest)
            data = file.read_bytes()
            types = [("Docker-Content-Digest", digest), ("Content-Type", "application/vnd.oci.image.manifest.v1+json")]
            if request.command == "HEAD" or not rate or kind == "manifests":
                return request.answer(200, data, types)
            request.send_response(200)
            request.send_header("Content-Length", str(len(data)))
            request.end_headers()
            for at in range(0, len(data), CHUNK):
                request.wfile.write(data[at:at + CHUNK])
                time.sleep(len(data[at:at + CHUNK]) / rate)
        self.server = Server(handle)

    def source(self):
        return f"127.0.0.1:{self.server.port}/team/app"


def with_workers(tmp, server, queue, source, count, name):
    store = server.database(name)
    careen = Careen(tmp / "home")
    careen.run("index", "--store", store, tmp / "nothing", timeout=60)  # makes the tables
    workers = [Careen(tmp / f"worker-{name}-{n}").start("worker", "--nats", queue.url(), "--store", store, "--jobs", "1") for n in range(count)]
    time.sleep(1)
    try:
        return seconds(lambda: index(careen, source, store, "--nats", queue.url()))
    finally:
        for w in workers:
            w.terminate()
            w.communicate()


def measure_workers(tmp):
    layout = OciLayout(tmp / "registry")
    names = {}
    for i in range(24):
        layers = [layer(f"w{i}/{n}", 20, 60_000, f"srv/part-{n}") for n in range(3)]
        layout.add(f"v{i}", layers)
    for entry in json.loads((tmp / "registry/index.json").read_text())["manifests"]:
        names[entry["annotations"]["org.opencontainers.image.ref.name"]] = entry["digest"]
    server, queue = Postgres(port=free_port()), nats.Nats(tmp / "nats", free_port())
    server.start(), queue.start()
    try:
        for kind, delay, rate in (("latency", DELAY, RATE), ("local", 0, 0)):
            registry = SlowRegistry(layout, names, delay, rate)
            times = {1: [], 2: []}
            for n in range(ROUNDS):
                for count in times:
                    times[count].append(with_workers(tmp, server, queue, registry.source(), count, f"{kind}_{count}_{n}"))
            one, two = (statistics.median(times[c]) for c in (1, 2))
            print(f"{kind}_one_worker_seconds {one:.2f}\n{kind}_two_workers_seconds {two:.2f}\n{kind}_speed_up {one / two:.2f}")
            registry.server.stop()
    finally:
        queue.stop()
        server.remove()


def main():
    wanted = sys.argv[1:] or ["derived", "workers"]
    place = pathlib.Path(os.environ.get("CAREEN_BENCH_DIR") or pathlib.Path.home() / ".cache/careen-bench")
    place.mkdir(parents=True, exist_ok=True)
    for what in wanted:
        with tempfile.TemporaryDirectory(dir=place) as tmp:
            {"derived": measure_derived, "workers": measure_workers}[what](pathlib.Path(tmp))


if __name__ == "__main__":
    main()
