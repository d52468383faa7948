# SPDX-License-Identifier: AGPL-3.0-or-later
"""Goal: clearbench measures a link between two real cities as a person starts
it: figures that can be true, and nothing left behind. How fast it is, is not
asked here."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from node import BUILD, SOURCE, program, run  # noqa: E402
from postgres import clean_environment, unprivileged_user  # noqa: E402

DEADLINE_S = 150
USAGE, FAILED = 2, 3
# Of one payment: Prepare, Settle and perhaps an acknowledgement alone.
MOST = {"link_messages": 2, "link_signatures": 2, "link_commits": 6}
RATES = ("single_256", "link", "link_half")
SPANS = ("link_p50", "link_p99", "link_half_p50", "link_half_p99")


class Bench(unittest.TestCase):
    def bench(self, folder, *words):
        user = unprivileged_user()
        return subprocess.run(
            [os.path.join(SOURCE, "deploy/bench-link"), "--bin",
             os.path.join(BUILD, "bin"),
             *(["--user", user.pw_name] if user else []), *words],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, timeout=DEADLINE_S,
            check=False, env={**clean_environment(), "TMPDIR": folder})

    def test_bench_link(self):
        folder = tempfile.mkdtemp(prefix="clearing-bench-test-", dir="/tmp")
        self.addCleanup(shutil.rmtree, folder, True)
        os.chmod(folder, 0o1777)
        done = self.bench(folder, "--seconds", "0.5", "--accounts", "20",
                          "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("refused", done.stderr)
        figures = {figure["name"]: figure
                   for figure in json.loads(done.stdout)}
        self.assertEqual(set(figures),
                         {*RATES, *SPANS, *MOST, "single_256_p50",
                          "single_256_p99"})
        for figure in figures.values():
            self.assertGreater(figure["value"], 0, figure)
        for name, most in MOST.items():
            self.assertLessEqual(figures[name]["value"], most, figures[name])
        for name in ("link", "link_half"):
            self.assertLessEqual(figures[f"{name}_p50"]["value"],
                                 figures[f"{name}_p99"]["value"])
        link = figures["link"]
        self.assertEqual((link["unit"], link["target"]),
                         ("payments/s", ">= 0.2"))
        self.assertEqual(link["met"], link["ratio"] >= 0.2)
        self.assertAlmostEqual(
            link["ratio"], link["value"] / figures["single_256"]["value"], 3)
        self.assertEqual(os.listdir(folder), [])

    def test_bench_usage(self):
        """One end of a link is not enough, and a node that is not there is
        said so."""
        nothing = ["--endpoint", "127.0.0.1:1", "--ca", "/nowhere",
                   "--operator-certificate", "/nowhere", "--operator-key",
                   "/nowhere", "--gateway-certificate", "/nowhere",
                   "--gateway-key", "/nowhere"]
        other = ["--to-endpoint", "127.0.0.1:1", "--to-ca", "/nowhere",
                 "--to-operator-certificate", "/nowhere",
                 "--to-operator-key", "/nowhere"]
        self.assertEqual(run(program("clearbench"), "link", *nothing).status,
                         USAGE)
        self.assertEqual(
            run(program("clearbench"), "link", *nothing, *other).status,
            FAILED)


if __name__ == "__main__":
    unittest.main(verbosity=2)
