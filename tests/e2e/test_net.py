# SPDX-License-Identifier: AGPL-3.0-or-later
"""Goal: anybody solves a file of obligations and proves the result, without a
node; what is not proven is refused, what cannot be read is told by its line."""

import csv
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from node import program, run  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "../data/netting")
TRADES = os.path.join(HERE, "../../deploy/data/otc-trades.csv")
DONE, REFUSED, USAGE, _, _, _, _, FILE = range(8)


class Net(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="clearing-net-")
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="ascii") as out:
            out.write(text)
        return self.path(name)

    def net(self, status, *words):
        result = run(program("clearctl"), "net", *words)
        self.assertEqual(result.status, status, f"{words}: {result}")
        return result

    def json(self, status, *words):
        return self.net(status, *words, "--json").document

    def reason(self, status, *words):
        return self.json(status, *words)["error"]["reason"]

    def test_net_optima(self):
        """Goal: each graph to its optimum, proven from the files alone."""
        with open(os.path.join(DATA, "optima.tsv"), encoding="ascii") as lines:
            rows = list(csv.DictReader(lines, delimiter="\t"))
        self.assertEqual(len(rows), 15)
        for row in rows:
            file = os.path.join(DATA, row["file"])
            out = self.path("certificate")
            solved = self.json(DONE, "solve", file, "--certificate", out)
            self.assertEqual(solved["cleared"], int(row["optimum"]), row)
            self.assertEqual(solved["total"], int(row["total"]), row)
            self.assertEqual(solved["nodes"], int(row["nodes"]), row)
            self.assertEqual(solved["certificate"], out)
            proven = self.json(DONE, "verify", file, out)
            self.assertTrue(proven["proven"])
            self.assertEqual(proven["cleared"], solved["cleared"])

    def test_net_for_people(self):
        """Goal: one line says what was cleared, of what, and how fast."""
        file = os.path.join(DATA, "tiny-triangle.txt")
        out = self.path("certificate")
        said = self.net(DONE, "solve", file, "--certificate", out)
        self.assertRegex(said.out, r"\Acleared 6000 of 14000 in \d+\.\d+ s\n\Z")
        said = self.net(DONE, "verify", file, out)
        self.assertRegex(said.out, r"\Acleared 6000 of 14000 in .* s\nproven: ")
        with open(out, encoding="ascii") as text:
            self.assertRegex(text.read(), r"\Aclearing 6000\n2000\n2000\n2000\n"
                             r"(-?\d+\n){3}\Z")
        self.assertIn("obligations", self.net(DONE, "solve", "--help").out)

    def test_net_marketplace(self):
        """Goal: the marketplace's trades clear exactly what they can."""
        members, lines = {}, []
        with open(TRADES, encoding="ascii") as text:
            for row in csv.DictReader(text):
                debtor, creditor = (members.setdefault(row[name], len(members))
                                    for name in ("from", "to"))
                lines.append(f"{debtor} {creditor} {row['amount']}00\n")
        head = f"p obligations {len(members)} {len(lines)}\n"
        file = self.write("trades", head + "".join(lines))
        out = self.path("certificate")
        solved = self.json(DONE, "solve", file, "--certificate", out)
        self.assertEqual((solved["cleared"], solved["total"]),
                         (4921600, 6294700))
        self.json(DONE, "verify", file, out)

    def test_net_refuses_certificates(self):
        """Goal: tampered, less than the most, and wrong potentials."""
        file = self.write("input", "p obligations 3 4\n0 1 7000\n1 2 5000\n"
                          "2 0 2000\n0 2 5\n")

        def verdict(text):
            return self.reason(REFUSED, "verify", file,
                               self.write("certificate", text))

        self.net(DONE, "verify", file, self.write(
            "certificate", "clearing 6000\n2000\n2000\n2000\n0\n2\n1\n0\n"))
        self.assertEqual(verdict(
            "clearing 6000\n2000\n2000\n2001\n0\n2\n1\n0\n"), "OUT_OF_BOUNDS")
        self.assertEqual(verdict(
            "clearing 6000\n2000\n2000\n1999\n0\n2\n1\n0\n"), "UNBALANCED")
        self.assertEqual(verdict(
            "clearing 6001\n2000\n2000\n2000\n0\n2\n1\n0\n"), "SUM_WRONG")
        self.assertEqual(verdict(
            "clearing 5997\n1999\n1999\n1999\n0\n2\n1\n0\n"),
            "NOT_PROVEN_GREATEST")
        self.assertEqual(verdict(
            "clearing 6000\n2000\n2000\n2000\n0\n0\n0\n0\n"),
            "NOT_PROVEN_GREATEST")
        self.assertEqual(verdict(
            "clearing 6000\n2000\n2000\n2000\n0\n2\n1\n9999999999\n"),
            "POTENTIAL_TOO_FAR")

    def test_net_files(self):
        """Goal: what cannot be read is told with file and line, status 7."""
        for text, line in (("", 1), ("p obligations 2 1\n0 1  5\n", 2),
                           ("p obligations 2 1\n0 1 -5\n", 2),
                           ("p obligations 2 2\n0 1 5\n0 2 5\n", 3),
                           ("p obligations 2 1\n0 1 5\n\n", 3)):
            file = self.write("input", text)
            said = self.json(FILE, "solve", file)["error"]["message"]
            self.assertTrue(re.search(rf"input:{line}: ", said), said)
        self.assertEqual(self.reason(FILE, "solve", self.path("nowhere")),
                         "LOCAL_FILE")
        file = os.path.join(DATA, "tiny-triangle.txt")
        self.assertEqual(self.reason(FILE, "solve", file, "--certificate",
                                     self.path("nowhere/certificate")),
                         "LOCAL_FILE")
        self.assertEqual(self.reason(FILE, "verify", file, file), "LOCAL_FILE")
        self.assertEqual(self.reason(USAGE, "verify", file), "USAGE")

    def test_net_pipe(self):
        """Goal: a pipe is read like a file."""
        text = "p obligations 2 2\n0 1 5\n1 0 4\n"
        with subprocess.Popen(
                [program("clearctl"), "net", "solve", "/dev/stdin"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE) as solver:
            said, _ = solver.communicate(text.encode(), timeout=30)
        self.assertRegex(said.decode(), r"\Acleared 8 of 9 in ")

    def test_net_bench(self):
        """Goal: each family is solved, proven, and told; where LEMON is, its
        solvers come to the same."""
        result = run(program("clearbench"), "net", "--obligations", "2000",
                     "--file", os.path.join(DATA, "sf-1k-1.txt"), "--json")
        self.assertEqual(result.status, DONE, result)
        figures = {one["name"]: one for one in result.document}
        for name in ("scale_free", "cities", "ring", "equal", "supply",
                     "file"):
            self.assertGreater(figures[f"net_{name}_time"]["value"], 0)
            self.assertGreater(figures[f"net_{name}_memory"]["value"], 0)
            if os.path.exists(program("clearbench-lemon")):
                self.assertIn(f"net_{name}_cost_scaling", figures)
                self.assertIn(f"net_{name}_network_simplex", figures)
        for wrong in (("--obligations", "1"), ("--family", "none"),
                      ("--obligations", "2000x")):
            self.assertEqual(run(program("clearbench"), "net", *wrong).status,
                             USAGE)


if __name__ == "__main__":
    unittest.main()
