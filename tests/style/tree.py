# SPDX-License-Identifier: AGPL-3.0-or-later
"""tree: what the style checks share: finding files, and saying what is wrong.

A check walks the tree itself (git lists nothing in somebody else's checkout)
and fails when it saw no file, so that a check can never pass by looking
elsewhere.
"""

import os
import re
import sys

sys.dont_write_bytecode = True

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
SKIPPED = {".git", "build", "__pycache__", "node_modules"}


def files(*tops, suffixes=None):
    """Paths below the folders or files `tops`, relative to the root, sorted."""
    found = []
    for top in tops:
        start = os.path.join(ROOT, top)
        if os.path.isfile(start):
            found.append(top)
        for folder, folders, names in os.walk(start):
            folders[:] = sorted(set(folders) - SKIPPED)
            for name in names:
                if suffixes is None or name.endswith(tuple(suffixes)):
                    found.append(os.path.relpath(
                        os.path.join(folder, name), ROOT))
    return sorted(set(found))


def sources():
    return files("clearing", "tests", suffixes=[".c", ".h"])


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8",
              errors="replace") as opened:
        return opened.read()


def is_script(path, *interpreters):
    with open(os.path.join(ROOT, path), "rb") as opened:
        first = opened.readline(200)
    return first.startswith(b"#!") and any(
        re.search(rb"\b" + name.encode() + rb"\b", first)
        for name in interpreters)


def without_comments(text):
    """C text with comments, and what stands in quotes, blanked in place."""
    def blank(match):
        found = match.group(0)
        if found[0] == "/":
            return re.sub(r"[^\n]", " ", found)
        return found[0] + " " * (len(found) - 2) + found[-1]
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"'
                  r"|'(?:\\.|[^'\\\n])*'", blank, text, flags=re.S)


class Check:
    """Counts what was seen and what is wrong; finish() ends the script."""

    def __init__(self, what):
        self.what = what
        self.seen = 0
        self.wrong = 0

    def saw(self, count=1):
        self.seen += count

    def fault(self, path, line, text):
        self.wrong += 1
        print(f"{path}:{line}: {text}")

    def finish(self, remark=""):
        if self.seen == 0:
            print(f"no {self.what} found below {ROOT}: the check looked "
                  "in the wrong place; mend its paths")
            sys.exit(1)
        print(f"{self.seen} {self.what}, {self.wrong} faults"
              + (f"; {remark}" if remark else ""))
        sys.exit(1 if self.wrong else 0)
