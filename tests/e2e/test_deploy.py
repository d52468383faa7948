# SPDX-License-Identifier: AGPL-3.0-or-later
"""deploy: the wrapper, the certificates and the quickstart, as people start
them."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from deployed import cluster_template  # noqa: E402
from postgres import SOURCE, clean_environment, unprivileged_user  # noqa: E402

BUILD = os.environ.get("CLEARING_BUILD") \
    or os.path.join(SOURCE, "build/release")
BINARIES = os.path.join(BUILD, "bin")
DEPLOY = os.path.join(SOURCE, "deploy")
DEADLINE_S = 60
EXIT_NO_DATABASE = 3


def environment():
    kept = {name: value for name, value in clean_environment().items()
            if not name.startswith(("CLEARING_", "CLEARCTL_"))}
    # What a caller may have set must not matter.
    return {**kept, "PGHOST": "/nowhere", "PGUSER": "nobody-at-all",
            "TZ": "Asia/Tokyo"}


def until(condition, what):
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not in {DEADLINE_S} s: {what}")
        time.sleep(0.05)


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as opened:
            return opened.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Wrapper:
    """deploy/clearing-node on one folder."""

    def __init__(self, folder, script=None, binaries=BINARIES, cluster=None):
        self.folder = folder
        self.cluster = cluster or {}
        self.script = script or os.path.join(DEPLOY, "clearing-node")
        self.binaries = binaries
        self.process = None
        self.log = folder + ".log"

    def command(self, *words):
        user = unprivileged_user()
        # A file of the test's own; root's part of the wrapper drops to it.
        return [self.script, "--data", self.folder,
                *(["--user", user.pw_name] if user else []), *words]

    def ask(self, *words):
        return subprocess.run(
            self.command(*words), stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=DEADLINE_S, check=False, env=environment(), cwd="/")

    def start(self, *words):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command(*(["--bin", self.binaries]
                               if self.binaries else []),
                             "--city", "lisbon", "--rpc", "127.0.0.1:0",
                             "--ops", "127.0.0.1:0", *words),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**environment(), **self.cluster}, cwd="/",
                start_new_session=True)

    def serve(self, *words):
        self.start(*words)
        until(lambda: self.process.poll() is not None or self.is_serving(),
              "the node serves\n" + self.said())
        if self.process.poll() is not None:
            raise AssertionError("it ended:\n" + self.said())

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as opened:
            return opened.read()

    def pid(self, name):
        with open(os.path.join(self.folder, "run", name + ".pid"),
                  encoding="ascii") as opened:
            return int(opened.read())

    def control(self, who, *words):
        with open(os.path.join(self.folder, "run/endpoints.json"),
                  encoding="utf-8") as opened:
            endpoint = json.load(opened)["rpc"]
        tls = os.path.join(self.folder, "tls")
        return subprocess.run(
            [os.path.join(BINARIES, "clearctl"), "--endpoint", endpoint,
             "--certificate", f"{tls}/{who}.crt", "--key", f"{tls}/{who}.key",
             "--ca", f"{tls}/ca.crt", "--timeout", "5", *words],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=DEADLINE_S,
            check=False, env=environment())

    def is_serving(self):
        try:
            return self.control("auditor-admin", "health").returncode == 0
        except (OSError, ValueError):
            return False

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(DEADLINE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Deploy(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="clearing-deploy-", dir="/tmp")
        os.chmod(self.folder, 0o755)
        self.addCleanup(shutil.rmtree, self.folder, True)

    def wrapper(self, name="node", **options):
        wrapper = Wrapper(os.path.join(self.folder, name), **options)
        self.addCleanup(wrapper.kill)
        return wrapper

    def quick_wrapper(self, name="node"):
        """Where it is not about the making of a cluster."""
        return self.wrapper(name, cluster=cluster_template())

    def test_deploy_node_from_nothing_to_stopped(self):
        """Goal: one command makes everything and serves; --status, a second
        start, --stop; what is there is kept by the next start."""
        node = self.wrapper()
        self.assertEqual(node.ask("--status").returncode, 3)
        node.serve()
        told = node.ask("--status")
        self.assertEqual(told.returncode, 0)
        self.assertIn("rpc: 127.0.0.1:", told.stdout)
        self.assertIn("user=clearing_auditor_login", told.stdout)
        self.assertEqual(node.control(
            "operator-admin", "account", "open", "bakery@lisbon").returncode,
            0)
        again = node.ask("--bin", BINARIES)
        self.assertEqual(again.returncode, 5)
        self.assertIn("running", again.stdout)
        self.check_modes(node.folder)
        pids = [node.pid("postgres"), node.pid("clearingd")]
        self.assertEqual(node.ask("--stop").returncode, 0)
        self.assertEqual(node.process.wait(DEADLINE_S), 0)
        for pid in pids:
            self.assertFalse(is_alive(pid))
        self.assertEqual(node.ask("--stop").returncode, 0)
        with open(os.path.join(node.folder, "tls/node.pub"),
                  "rb") as opened:
            key = opened.read()
        node.serve()
        self.assertIn("bakery@lisbon", node.control(
            "auditor-admin", "account", "list").stdout)
        with open(os.path.join(node.folder, "tls/node.pub"),
                  "rb") as opened:
            self.assertEqual(opened.read(), key)

    def check_modes(self, folder):
        for name in ("pg", "tls", "state", "run"):
            mode = stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode)
            self.assertEqual(mode, 0o700, name)
        for name in os.listdir(os.path.join(folder, "tls")):
            path = os.path.join(folder, "tls", name)
            if os.path.isfile(path):
                self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600,
                                 name)
        user = unprivileged_user()
        if user:
            self.assertEqual(os.stat(os.path.join(folder, "pg")).st_uid,
                             user.pw_uid)

    def test_deploy_node_survives_its_database(self):
        """Goal: PostgreSQL killed is started again, and the node goes on."""
        node = self.quick_wrapper()
        node.serve()
        first = node.pid("postgres")
        os.kill(first, signal.SIGKILL)
        until(lambda: node.pid("postgres") != first, "another PostgreSQL")
        until(lambda: node.control("operator-admin", "account", "open",
                                   "bakery@lisbon").returncode in (0, 6),
              "it takes commands again\n" + node.said())
        self.assertIsNone(node.process.poll())

    def test_deploy_node_gives_its_status_on(self):
        """Goal: the wrapper ends with what the node ended with, and
        PostgreSQL is gone then."""
        node = self.quick_wrapper()
        node.serve()
        database = node.pid("postgres")
        os.kill(node.pid("clearingd"), signal.SIGKILL)
        self.assertEqual(node.process.wait(DEADLINE_S),
                         128 + signal.SIGKILL)
        self.assertFalse(is_alive(database))

    def test_deploy_wrapper_killed_leaves_nobody(self):
        """Goal: after kill -9 of the wrapper its children end, and its stale
        pid files do not stop the next start."""
        node = self.quick_wrapper()
        node.serve()
        pids = [node.pid("postgres"), node.pid("clearingd")]
        os.kill(node.pid("clearing-node"), signal.SIGKILL)
        node.process.wait(DEADLINE_S)
        until(lambda: not any(is_alive(pid) for pid in pids),
              "its children have ended")
        self.assertEqual(node.ask("--status").returncode, 3)
        node.serve()

    def test_deploy_node_interrupted_while_it_is_made(self):
        """Goal: a stop in the middle of the first start leaves nothing that
        the next one stumbles over."""
        node = self.wrapper()
        for marker in ("made the CA", "making a PostgreSQL cluster"):
            seen = node.said().count(marker) if os.path.exists(node.log) \
                else 0
            node.start()
            until(lambda: node.said().count(marker) > seen
                  or node.process.poll() is not None, marker)
            node.kill()
            self.assertEqual(node.process.returncode, 0, node.said())
        node.serve()

    @unittest.skipUnless(os.getuid() == 0, "only root can drop rights")
    def test_deploy_checkout_that_nobody_else_reads(self):
        """Goal: a checkout in a folder of mode 0700: the node's user gets
        copies of what it needs. A later version of the schema is deployed
        by the next start."""
        checkout = os.path.join(self.folder, "checkout")
        os.makedirs(os.path.join(checkout, "build/release"))
        for name in ("deploy", "sql"):
            shutil.copytree(os.path.join(SOURCE, name),
                            os.path.join(checkout, name))
        shutil.copytree(BINARIES,
                        os.path.join(checkout, "build/release/bin"))
        os.chmod(checkout, 0o700)
        node = self.wrapper(script=os.path.join(checkout,
                                                "deploy/clearing-node"),
                            binaries=None)
        plan = os.path.join(checkout, "sql/sqitch.plan")
        with open(plan, encoding="utf-8") as opened:
            lines = opened.readlines()
        with open(plan, "w", encoding="utf-8") as opened:
            opened.writelines(lines[:-1])
        node.start()
        self.assertEqual(node.process.wait(DEADLINE_S),
                         EXIT_NO_DATABASE, node.said())
        self.assertIn("update the schema", node.said())
        with open(plan, "w", encoding="utf-8") as opened:
            opened.writelines(lines)
        node.serve()
        self.assertTrue(os.path.exists(os.path.join(node.folder,
                                                    "bin/clearingd")))

    def test_deploy_long_path(self):
        """Goal: a socket path of over 107 bytes is avoided."""
        node = self.quick_wrapper("x" * 100)
        node.serve()
        self.assertIn("hosts=/tmp/clearing-", node.ask("--status").stdout)

    def test_deploy_wrong_folder(self):
        """Goal: a folder of something else is not touched."""
        other = os.path.join(self.folder, "other")
        os.mkdir(other)
        with open(os.path.join(other, "letter"), "w",
                  encoding="ascii") as opened:
            opened.write("dear")
        if os.getuid() == 0:
            refused = Wrapper(other).ask("--bin", BINARIES)
            self.assertEqual(refused.returncode, 2)
            self.assertIn("not empty", refused.stdout)
        self.assertEqual(os.listdir(other), ["letter"])

    def test_deploy_quickstart(self):
        """Goal: the members' trades come out as they must; a second run
        posts nothing twice; --down leaves nothing."""
        city = os.path.join(self.folder, "city")
        main = ["/usr/bin/python3", "-B",
                os.path.join(DEPLOY, "lib/quickstart.py"), "--data", city]
        pids = []

        def run(*words):
            result = subprocess.run(
                [*main, *words], stdin=subprocess.DEVNULL, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                timeout=180, check=False, env=environment(), cwd="/")
            self.assertEqual(result.returncode, 0, result.stdout)
            return result.stdout
        self.addCleanup(subprocess.run, [*main, "--down"], check=False,
                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for words in (("--keep",), ()):
            said = run("--bin", BINARIES, *words)
            for line in ("31,868  as expected", "145  as expected",
                         "16  as expected", "10,415.00  as expected"):
                self.assertIn(line, said)
            with open(os.path.join(city, "node/run/clearingd.pid"),
                      encoding="ascii") as opened:
                pids.append(int(opened.read()))
        self.assertEqual(len(set(pids)), 1, "it was left running")
        run("--down")
        self.assertFalse(os.path.exists(city))
        self.assertFalse(is_alive(pids[0]))


if __name__ == "__main__":
    unittest.main()
