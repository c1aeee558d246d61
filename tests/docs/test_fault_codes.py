#!/usr/bin/env python3
"""Who tells of which faults, and what the default policy says of them: neither lags behind the other."""

import fnmatch
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CODE = r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+"
# Of power and coolant of a whole rack each building's management system has its own words.
BUILDING = {"cooling.flow", "cooling.leak.rack"}


def codes_in(paths, pattern):
    return {code for path in paths for code in re.findall(pattern, path.read_text())}


def rules():
    return codes_in([ROOT / "faults/default.yaml"], r'\{code: "?([a-z0-9_.*]+)"?,')


def told_by_the_agent():
    sources = [path for path in (ROOT / "src/agent").glob("*.cpp") if not path.stem.endswith("_test")]
    return codes_in(sources, rf'"({CODE})"')


def told_by_examples():
    return codes_in((ROOT / "examples/alertmanager").glob("*.yml"), rf"mw_code: ({CODE})")


class FaultCodes(unittest.TestCase):
    def test_what_the_agent_tells_has_a_rule_of_its_own(self):
        told = told_by_the_agent()
        self.assertGreater(len(told), 30)
        self.assertEqual(sorted(told - rules()), [])

    def test_what_the_agent_tells_is_documented(self):
        text = (ROOT / "docs/faults.md").read_text()
        # "`host.pcie.fatal`, `.nonfatal`": the short form has its last part.
        missing = [code for code in told_by_the_agent()
                   if f"`{code}`" not in text and f"`.{code.rsplit('.', 1)[1]}`" not in text]
        self.assertEqual(missing, [])

    def test_what_the_examples_tell_has_a_rule_of_its_own(self):
        told = told_by_examples()
        self.assertGreater(len(told), 15)
        self.assertEqual(sorted(told - rules()), [])

    def test_somebody_tells_of_power_cooling_and_networks(self):
        exact = {code for code in rules() if "*" not in code}
        wanted = {code for code in exact
                  if any(fnmatch.fnmatch(code, each) for each in
                         ("power.*", "cooling.*", "thermal.*", "net.*", "amd.*", "habana.*"))}
        told = told_by_the_agent() | told_by_examples() | BUILDING
        self.assertEqual(sorted(wanted - told), [])
        text = (ROOT / "docs/faults.md").read_text()
        for code in BUILDING:
            self.assertTrue(f"`{code}`" in text, f"docs/faults.md does not say who tells of {code}")


if __name__ == "__main__":
    unittest.main()
