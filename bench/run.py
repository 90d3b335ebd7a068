#!/usr/bin/python3
"""The benchmark: careen beside the limit program, on images made on this machine. Run by `./dev bench`.

  CAREEN=… LIMIT=… bench/run.py [--rounds N] [--quick] [--peers] [--json FILE] [--write]

CAREEN and LIMIT name the two binaries; CAREEN_BENCH_DIR the folder of the images (default ~/.cache/careen-bench), which
are made if they are not there. LIMIT_FLAGS may hold flags for the limit program, CAREEN_FLAGS flags for every scan.
--quick leaves out the 10 GB layer and the 3 million files; --peers adds other tools (peers.sh); --write writes
docs/benchmarks.md.
"""
import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # nothing of a run is left in the source tree
import measure  # noqa: E402
import page  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
# What the project promises; a row without a target is for information.
TARGETS = {"ratio": 1.25, "limit_reaches": 0.8, "second_ms": 50, "start_ms": 10, "peak_mib": 128, "peak_many_mib": 400, "elf_share": 0.02}
VERDICTS = (0, 1, 3)  # a scan that ran to its end, whatever it found


class Bench:
    def __init__(self, args):
        self.args = args
        self.careen = os.path.abspath(os.environ["CAREEN"])
        self.limit = os.path.abspath(os.environ["LIMIT"])
        self.limit_flags = os.environ.get("LIMIT_FLAGS", "").split()
        self.careen_flags = os.environ.get("CAREEN_FLAGS", "").split()
        self.images = os.environ.get("CAREEN_BENCH_DIR") or os.path.expanduser("~/.cache/careen-bench")
        self.scratch = tempfile.mkdtemp(prefix="careen-bench-")
        # careen keeps its last report in the state directory: the user's own is left alone.
        self.env = dict(os.environ, HOME=self.scratch, XDG_STATE_HOME=self.scratch + "/state", XDG_CACHE_HOME=self.scratch + "/cache")
        self.turn = 0

    def image(self, name):
        return os.path.join(self.images, name)

    def scan(self, source, cache=None, extra=()):
        """The command line of a scan; without `cache` it starts from an empty one."""
        self.turn += 1
        if cache is None:
            cache = "%s/cache-%d" % (self.scratch, self.turn)
        return [self.careen, "scan", source, "--cache-dir", cache, "--no-progress", "-o", "json=%s/report.json" % self.scratch,
                *self.careen_flags, *extra]

    def timed_scan(self, source, cache=None, extra=()):
        result = measure.timed(self.scan(source, cache, extra), VERDICTS, self.env)
        if cache is None:
            shutil.rmtree("%s/cache-%d" % (self.scratch, self.turn), ignore_errors=True)
        return result

    def cold(self, form):
        """careen and the limit by turns on one image; then the limit against the single-stage loops."""
        directory = self.image("big-oci-" + form)
        measure.warm(directory)
        limit = [self.limit, directory, *self.limit_flags]
        runs = measure.interleaved(self.args.rounds, {
            "careen": lambda: self.timed_scan("oci-dir:" + directory),
            "limit": lambda: measure.timed(limit),
        })
        facts = [json.loads(subprocess.run(limit + ["--stages"], check=True, capture_output=True, text=True).stdout) for _ in range(3)]
        facts.sort(key=lambda one: one["stages"]["needed_sum"])
        middle = facts[1]
        times = {name: {key: measure.median(ones, key) for key in ("wall", "cpu")} for name, ones in runs.items()}
        # The limit is judged by the same runs that careen is judged by.
        middle["stages"]["reached_wall"] = middle["stages"]["predicted_wall"] / times["limit"]["wall"]
        middle["stages"]["reached_cpu"] = middle["stages"]["needed_sum"] / times["limit"]["cpu"]
        return {
            "form": form, "rounds": self.args.rounds, "times": times,
            "cores_used": {name: one["cpu"] / one["wall"] for name, one in times.items()},
            "spread": {name: measure.spread(ones, "wall") for name, ones in runs.items()},
            "ratio": times["careen"]["wall"] / times["limit"]["wall"],
            "ratio_cpu": times["careen"]["cpu"] / times["limit"]["cpu"],
            "bytes": {key: middle[key] for key in ("compressed_bytes", "uncompressed_bytes", "file_bytes", "files", "layers")},
            "limit": {key: middle.get(key) for key in ("workers", "threads_per_layer", "buffer", "buffers", "digests", "diff_id_beside")},
            "stages": middle["stages"],
            "verdicts": sorted({one["exit"] for one in runs["careen"]}),
        }

    def memory(self, name):
        directory = self.image(name)
        measure.warm(directory)
        careen = measure.peak_memory(self.scan("oci-dir:" + directory), VERDICTS, self.env)
        shutil.rmtree("%s/cache-%d" % (self.scratch, self.turn), ignore_errors=True)
        limit = measure.peak_memory([self.limit, directory, *self.limit_flags])
        return {"image": name, "careen": careen, "limit": limit}

    def second(self, source, rounds=20):
        """Scans after a first one with the same cache."""
        cache = self.scratch + "/second"
        shutil.rmtree(cache, ignore_errors=True)
        self.timed_scan(source, cache)
        runs = [self.timed_scan(source, cache) for _ in range(rounds)]
        return {"source": os.path.basename(source) if "/" in source else source, "kind": source.split(":")[0], "rounds": rounds,
                "wall_ms": 1000 * measure.median(runs, "wall"), "cpu_ms": 1000 * measure.median(runs, "cpu"),
                "worst_ms": 1000 * max(one["wall"] for one in runs)}

    def start_up(self, rounds=50):
        runs = [measure.timed([self.careen, "--version"], env=self.env) for _ in range(rounds)]
        return {"rounds": rounds, "wall_ms": 1000 * measure.median(runs, "wall"), "cpu_ms": 1000 * measure.median(runs, "cpu")}

    def stages(self):
        """What careen itself says it spent, from `timing: STAGE SECONDS` lines on standard error."""
        result = self.timed_scan("oci-dir:" + self.image("big-oci-gz"), extra=["--verbose"])
        stages = {}
        for line in result["stderr"].splitlines():
            words = line.split()
            if len(words) >= 3 and words[0] == "timing:":
                stages[" ".join(words[1:-1])] = float(words[-1])
        elf = [seconds for name, seconds in stages.items() if "elf" in name.lower()]
        return {"stages": stages, "cpu": result["cpu"], "wall": result["wall"], "elf_share": sum(elf) / result["cpu"] if elf else None}


def judge(results):
    """[(what, value as text, target as text, met or None)]"""
    rows = []

    def row(what, value, text, key, at_least=False):
        target = TARGETS[key]
        met = None if value is None else (value >= target if at_least else value <= target)
        rows.append((what, text if value is not None else "not measured", ("at least %g" if at_least else "at most %g") % target, met))

    for one in results["cold"]:
        row("cold scan of big, %s, careen / limit" % one["form"], one["ratio"], "%.2f" % one["ratio"], "ratio")
        reached = one["stages"]["reached_wall"]
        row("limit / single-stage loops, %s" % one["form"], reached, "%.2f" % reached, "limit_reaches", at_least=True)
    for one in results["memory"]:
        peak = one["careen"]["pss_mib"]
        row("peak memory in MiB (PSS), %s" % one["image"], peak, "%.0f" % peak, "peak_many_mib" if one["image"].startswith("many") else "peak_mib")
    row("second scan in ms, OCI layout directory", results["second"][0]["wall_ms"], "%.1f" % results["second"][0]["wall_ms"], "second_ms")
    row("start-up (--version) in ms", results["start_up"]["wall_ms"], "%.1f" % results["start_up"]["wall_ms"], "start_ms")
    share = results["stages"]["elf_share"]
    row("ELF structure analysis, share of the scan's CPU time", share, "%.4f" % (share or 0), "elf_share")
    return rows


def make_images(bench):
    subprocess.run([os.path.join(HERE, "make_images.sh"), bench.images], check=True, stdout=subprocess.DEVNULL)
    if not bench.args.quick:
        subprocess.run([os.path.join(HERE, "make_synthetic.py"), bench.images], check=True, stdout=subprocess.DEVNULL)


def run(bench):
    say = lambda text: print("bench: " + text, file=sys.stderr, flush=True)
    if os.getloadavg()[0] > 0.5:
        say("other work runs on this machine (load %.1f): wall times will be too high" % os.getloadavg()[0])
    results = {"machine": page.machine(), "load_before": os.getloadavg()[0]}
    say("start-up")
    results["start_up"] = bench.start_up()
    say("cold scans, %d rounds" % bench.args.rounds)
    results["cold"] = [bench.cold("gz"), bench.cold("zst")]
    say("second scans")
    sources = ["oci-dir:" + bench.image("big-oci-gz"), "oci-archive:" + bench.image("big-oci-gz.tar"), "docker-archive:" + bench.image("big-docker.tar")]
    results["second"] = [bench.second(source, 20 if source.startswith("oci-dir") else 5) for source in sources]
    say("stages")
    results["stages"] = bench.stages()
    say("peak memory")
    names = ["big-oci-gz", "big-oci-zst"] + ([] if bench.args.quick else ["ten-gb-oci-gz", "many-oci-gz", "many-distinct-oci-gz"])
    results["memory"] = [bench.memory(name) for name in names]
    if bench.args.peers:
        import peers  # only here: the peers are never needed for the rest
        say("peers")
        results["peers"] = peers.compare(bench)
    results["load_after"] = os.getloadavg()[0]
    results["targets"] = judge(results)
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="without the 10 GB layer and the 3 million files")
    parser.add_argument("--peers", action="store_true", help="beside other tools, as far as peers.sh installed them")
    parser.add_argument("--json", metavar="FILE", help="write all figures")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    args = parser.parse_args()
    for name in ("CAREEN", "LIMIT"):
        if not os.path.isfile(os.environ.get(name, "")):
            sys.exit("bench: %s must name the built program" % name)
    bench = Bench(args)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench: stopped"))  # so that the scratch folder goes
    try:
        make_images(bench)
        results = run(bench)
    except measure.Failed as error:
        sys.exit("bench: %s" % error)
    finally:
        shutil.rmtree(bench.scratch, ignore_errors=True)
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)
    text = page.write(results)
    if args.write:
        with open(os.path.join(HERE, "..", "docs", "benchmarks.md"), "w", encoding="utf-8") as file:
            file.write(text)
    print(text)
    missed = [what for what, _, _, met in results["targets"] if met is False]
    print("bench: %d of %d targets met%s" % (len(results["targets"]) - len(missed), len(results["targets"]),
                                             "; missed: " + "; ".join(missed) if missed else ""))


if __name__ == "__main__":
    main()
