#!/usr/bin/python3
"""The layer cache in daily life: a second scan reads no blob, and a cache that is killed,
shared, read-only or full never changes an answer."""

import contextlib
import os
import pathlib
import random
import shutil
import signal
import subprocess
import time

import samples
from cache_case import CacheCase, sqlite_files
from images import Layer, f
from support import CLEAN, FLAGGED, USAGE, careen_path, find_tool, is_root, main


def setUpModule():
    careen_path()


class SecondScan(CacheCase):
    def blobs(self, image_report):
        return [self.layout.blob_path(l["digest"]) for l in image_report["image"]["layers"]]

    def test_layers_are_not_read(self):
        report = self.warm().json()
        for blob in self.blobs(report):
            blob.unlink()
        self.assert_true()

    def test_corrupted_after_the_first_scan(self):
        """Verified when it was read; what lies there now is not looked at."""
        for blob in self.blobs(self.warm().json()):
            blob.write_bytes(b"\0" * blob.stat().st_size)
        self.assert_true()

    def test_no_cache_does_read_them(self):
        for blob in self.blobs(self.warm().json()):
            blob.unlink()
        run = self.scan(self.bad, "--no-cache")
        self.assertNotEqual(run.code, CLEAN, str(run))
        self.assertNotEqual(run.out, self.truth)

    def test_no_cache_writes_nothing(self):
        self.assert_code(self.scan(self.bad, "--no-cache"), FLAGGED)
        self.assertEqual(sqlite_files(self.careen.cache), [])

    def test_only_the_manifest(self):
        """Not even the configuration blob."""
        self.warm()
        keep = {m["digest"][7:] for m in self.layout.manifests}
        for blob in self.layout.blobs.iterdir():
            if blob.name not in keep:
                blob.unlink()
        self.assert_true()

    def test_cache_dir_option(self):
        where = self.tmp / "elsewhere"
        first = self.scan(self.bad, "--cache-dir", where)
        self.assertTrue(sqlite_files(where))
        self.assertEqual(sqlite_files(self.careen.cache), [])
        for blob in self.blobs(first.json()):
            blob.unlink()
        self.assertEqual(self.scan(self.bad, "--cache-dir", where).out, first.out)

    def test_other_knowledge_same_facts(self):
        """A record that names another digest finds nothing; the marker's record does, from
        facts that were collected before it was known."""
        blind = self.careen.scan(self.bad)
        self.assert_code(blind, CLEAN)
        for blob in self.blobs(blind.json()):
            blob.unlink()
        self.assert_true(same=False)

    def test_layers_of_one_image_serve_another(self):
        report = self.warm().json()
        self.layout.add("mixed", [samples.base(), samples.marked()])
        for blob in self.blobs(report):
            blob.unlink()
        self.assert_true(self.scan(f"oci-dir:{self.layout.path}:mixed"), same=False)


class HardTimes(CacheCase):
    def big(self):
        """An image whose scan takes long enough to be killed in the middle."""
        rng = random.Random(3)
        layers = [samples.base(), samples.marked()]
        for i in range(6):
            layers.append(Layer([f(f"data/{i}/{j}", rng.randbytes(60000)) for j in range(60)]))
        return self.layout.add("big", layers, compression="none")

    def session_members(self, leader):
        """Processes of a session that are still alive."""
        alive = []
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = stat.read_text().rpartition(")")[2].split()
                if int(fields[3]) == leader and fields[0] not in "ZX":
                    alive.append(int(stat.parent.name))
        return alive

    def test_kill_at_any_moment(self):
        image = self.big()
        start = time.monotonic()
        want = self.scan(image, "--no-cache")
        length = time.monotonic() - start
        self.assert_code(want, FLAGGED)
        rng = random.Random(11)
        killed = 0
        for i in range(30):
            if i % 3 == 0:
                shutil.rmtree(self.careen.cache)  # so that there is something to write
            process = self.careen.start("scan", image, "--threats", self.threats, "--format", "json",
                                        start_new_session=True, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
            time.sleep(rng.random() * length * 1.1)
            killed += process.poll() is None
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
            process.wait()
            end = time.monotonic() + 20
            while (left := self.session_members(process.pid)) and time.monotonic() < end:
                time.sleep(0.05)
            self.assertEqual(left, [], "workers end with the process that started them")
            if i % 6 == 5:
                run = self.scan(image)  # over what the killed ones left
                self.assertEqual((run.code, run.out), (want.code, want.out), run.stderr)
        print(f"killed {killed} of 30 while they ran", flush=True)
        self.assertEqual(self.scan(image).out, want.out)

    def test_interrupted_by_the_user(self):
        image = self.big()
        process = self.careen.start("scan", image, start_new_session=True)
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertNotEqual(process.returncode, -signal.SIGSEGV)
        self.assert_code(self.scan(image), FLAGGED)

    def test_eight_at_once(self):
        image = self.big()
        want = self.scan(image, "--no-cache")
        runs = [self.careen.start("scan", image, "--threats", self.threats, "--format", "json")
                for _ in range(8)]
        for process in runs:
            out, err = process.communicate(timeout=300)
            self.assertEqual(process.returncode, FLAGGED, err.decode())
            self.assertEqual(out, want.out)
            self.assertNotIn("lock", err.decode().lower())
            self.assertNotIn("corrupt", err.decode().lower())

    def mounted(self, options, *args, existing=False):
        """careen with a mount of its own on the cache directory (needs root)."""
        if not is_root() or not find_tool("unshare"):
            self.skipTest("a mount of its own needs root and unshare")
        mount = ('mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"' if existing
                 else f'mount -t tmpfs -o {options} none "$0"')
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-c",
                   f'{mount} || exit 99; exec "$@"', str(self.careen.cache), self.careen.binary, *args]
        done = subprocess.run(command, env=self.careen.environment(), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300)
        if done.returncode == 99:
            self.skipTest(f"cannot mount here: {done.stderr.decode()}")
        return done

    def scan_args(self):
        return "scan", self.bad, "--threats", str(self.threats), "--format", "json"

    def test_read_only_cache(self):
        want = self.scan(self.bad, "--no-cache")
        if is_root():
            done = self.mounted("ro", *self.scan_args())
            self.assertEqual((done.returncode, done.stdout), (want.code, want.out), done.stderr.decode())
        else:
            self.careen.cache.chmod(0o555)
            self.assertEqual(self.scan().out, want.out)
            self.careen.cache.chmod(0o755)

    def test_read_only_warm_cache(self):
        self.warm()
        done = self.mounted("", *self.scan_args(), existing=True)
        self.assertEqual((done.returncode, done.stdout), (FLAGGED, self.truth), done.stderr.decode())

    def test_full_disk(self):
        want = self.scan(self.bad, "--no-cache")
        for size in ("4k", "40k", "200k"):
            with self.subTest(size):
                done = self.mounted(f"size={size}", *self.scan_args())
                self.assertEqual((done.returncode, done.stdout), (want.code, want.out), done.stderr.decode())

    def test_cache_directory_is_a_file(self):
        want = self.scan(self.bad, "--no-cache")
        (self.tmp / "file").write_text("x")
        self.assertEqual(self.scan(self.bad, "--cache-dir", self.tmp / "file").out, want.out)

    def test_no_home_at_all(self):
        want = self.scan(self.bad, "--no-cache")
        run = self.scan(self.bad, env={"HOME": None, "XDG_CACHE_HOME": None, "XDG_STATE_HOME": None})
        self.assertEqual((run.code, run.out), (want.code, want.out), run.stderr)


class Commands(CacheCase):
    def test_status_and_prune(self):
        empty = self.careen.run("cache", "status")
        self.assertEqual(empty.code, CLEAN, str(empty))
        self.warm()
        status = self.careen.run("cache", "status")
        self.assertEqual(status.code, CLEAN, str(status))
        self.assertIn(str(self.careen.cache), status.stdout)
        self.assertRegex(status.stdout, r"\b3\b.*layer|layer\D*\b3\b")
        prune = self.careen.run("cache", "prune")
        self.assertEqual(prune.code, CLEAN, str(prune))
        self.assert_true()

    def test_unknown_command(self):
        self.assert_fails(self.careen.run("cache", "polish"), USAGE, "status", "prune")
        self.assertEqual(self.careen.run("cache").code, USAGE)


if __name__ == "__main__":
    main()
