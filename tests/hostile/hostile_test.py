#!/usr/bin/python3
# Runs the hostile set: one test per module of cases, one subtest per case. `hostile_test.py HostileTest.test_cut` runs one
# module; HOSTILE_ONLY=word,word runs the cases whose names hold one of the words.
import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import case  # noqa: E402
import list_cases  # noqa: E402
import runner  # noqa: E402

ONLY = [w for w in os.environ.get("HOSTILE_ONLY", "").split(",") if w]


class HostileTest(unittest.TestCase):
    def run_module(self, module):
        if not runner.careen():
            self.skipTest("CAREEN does not name the careen binary")
        for one in case.cases_of(module):
            if ONLY and not any(w in one.name for w in ONLY):
                continue
            with self.subTest(one.name):
                wrong, got = runner.run_case(one)
                if os.environ.get("HOSTILE_VERBOSE"):
                    print(f"{one.name}: exit {got.exit}, {got.seconds:.2f} s, {got.largest_kib >> 10} MiB "
                          f"(together {got.together_kib >> 10}){'  WRONG' if wrong else ''}", flush=True)
                if wrong:
                    self.fail(f"{one.attack}\n  expected: {one.outcome()}: {one.why}\n  " + "\n  ".join(wrong))


def add_tests(cls, modules):
    for module in modules:
        setattr(cls, "test_" + module.removeprefix("cases_"), lambda self, m=module: self.run_module(m))


add_tests(HostileTest, case.MODULES)


class SetTest(unittest.TestCase):
    def test_expected_md_is_current(self):
        with open(list_cases.FILE, encoding="utf-8") as f:
            self.assertEqual(f.read(), list_cases.text(), "run tests/hostile/list_cases.py --write")


if __name__ == "__main__":
    unittest.main(verbosity=2)
