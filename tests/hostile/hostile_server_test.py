#!/usr/bin/python3
# Runs the cases of a malicious registry: two servers on loopback for each case, started and stopped here.
import concurrent.futures
import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import runner  # noqa: E402
import server_cases  # noqa: E402
from registry import Registry  # noqa: E402

AT_ONCE = 4  # cases that run together: most of their time is spent waiting for time-outs and retries
ONLY = [w for w in os.environ.get("HOSTILE_ONLY", "").split(",") if w]


def run_case(case):
    """Starts the servers, scans, returns (what is wrong, the outcome)."""
    registry, other = Registry(), Registry("127.0.0.2")
    other.blobs = registry.blobs
    try:
        with runner.Place() as place:
            image = case.build(registry, other, f"{place.root}/home")
            before = place.listing()
            got = place.run("scan", image, "--format", "json", *case.args)
            requests = len(registry.log) + len(other.log)
            wrong = runner.check_run(got, case.exits, case.memory, not runner.sanitized(runner.careen()))
            if not got.hung:
                wrong += runner.check_document(case, got)
                wrong += case.check(registry, other)
                wrong += runner.check_terminal(case, place, image, [*case.args])
            if requests > case.requests:
                wrong.append(f"{requests} requests, at most {case.requests} are expected")
            if before ^ place.listing():
                wrong.append(f"written outside of the cache: {sorted(before ^ place.listing())[:6]}")
            if place.cache_size() > runner.CACHE_LIMIT:
                wrong.append(f"{place.cache_size() >> 20} MiB are left in the cache")
            if b"s3cret" in got.out + got.err:
                wrong.append("a password was shown")
            if wrong:
                wrong.append(f"requests: {[(m, p[-60:]) for m, p, _ in registry.log[:8]]}")
                wrong.append("standard error: " + got.tail())
            return wrong, got
    finally:
        registry.stop()
        other.stop()


class HostileServerTest(unittest.TestCase):
    def run_slice(self, part, parts):
        if not runner.careen():
            self.skipTest("CAREEN does not name the careen binary")
        chosen = [c for c in server_cases.CASES[part::parts] if not ONLY or any(w in c.name for w in ONLY)]
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            outcomes = list(pool.map(run_case, chosen))
        for case, (wrong, got) in zip(chosen, outcomes):
            with self.subTest(case.name):
                if os.environ.get("HOSTILE_VERBOSE"):
                    print(f"{case.name}: exit {got.exit}, {got.seconds:.2f} s, {got.largest_kib >> 10} MiB{'  WRONG' if wrong else ''}",
                          flush=True)
                if wrong:
                    self.fail(f"{case.attack}\n  expected: {case.outcome()}: {case.why}\n  " + "\n  ".join(wrong))

    # Two halves, so that they can run beside each other.
    def test_first_half(self):
        self.run_slice(0, 2)

    def test_second_half(self):
        self.run_slice(1, 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
