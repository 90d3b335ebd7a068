#!/usr/bin/python3
# The cases of gigabytes and millions of entries, apart from hostile_test.py because they take seconds each.
import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import case  # noqa: E402
import hostile_test  # noqa: E402


class HostileSlowTest(unittest.TestCase):
    run_module = hostile_test.HostileTest.run_module


hostile_test.add_tests(HostileSlowTest, case.SLOW_MODULES)

if __name__ == "__main__":
    unittest.main(verbosity=2)
