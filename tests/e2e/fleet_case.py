#!/usr/bin/python3
"""What the tests of a fleet share: a registry filled by the build plan, an inventory, and a copy of one whose registry is gone."""

import functools
import shutil
import time

from fleet_plan import the_plan
from support import Careen, Case, sha256_of

EMPTY = sha256_of(b"")


@functools.lru_cache(maxsize=None)
def indexed():
    """A store with the whole plan, made before the test's own records were known; the registry is gone."""
    plan, directory = the_plan(), the_plan().dir / "indexed"
    careen = Careen(directory / "home")
    with plan.filled(directory / "registry") as registry:
        run = careen.run("index", registry.host + "/", "--store", directory / "store.sqlite")
        assert run.code == 0, str(run)
        return directory / "store.sqlite", registry.host


def next_second():
    """The inventory's times are whole seconds: what happens now is later than what happened before."""
    time.sleep(1.05 - time.time() % 1)


class FleetCase(Case):
    def setUp(self):
        super().setUp()
        self.plan = the_plan()
        self.store = self.tmp / "store.sqlite"

    def serve(self):
        registry = self.plan.filled(self.tmp / "registry")
        self.addCleanup(registry.stop)
        return registry

    def index(self, *sources, code=0, **kw):
        run = self.careen.run("index", *sources, "--store", self.store, "--format", "json", **kw)
        self.assert_code(run, code)
        return run.json()

    def ask(self, *words, code=None, fmt="json", **kw):
        run = self.careen.run(*words, "--store", self.store, *(["--format", fmt] if fmt else []), **kw)
        self.assert_code(run, code)
        return run.json() if fmt == "json" else run


class IndexedCase(FleetCase):
    """Over a store whose registry is gone: any request would fail."""

    def setUp(self):
        super().setUp()
        source, self.host = indexed()
        shutil.copyfile(source, self.store)  # a question may keep what it judged anew
