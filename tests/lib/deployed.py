# SPDX-License-Identifier: AGPL-3.0-or-later
"""deployed: tests on cities that deploy/federation made and runs, as people
start them: no network namespaces, one folder a city."""

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import rpc
from certificates import Certificate
from node import BUILD, SOURCE, program, run
from postgres import clean_environment, unprivileged_user

# By the nodes' user: a cluster as clearing-node makes it, without a city.
MAKE_TEMPLATE = """
import os, sys
sys.path.insert(0, sys.argv[1] + "/deploy/lib")
import cluster
made = cluster.Cluster(sys.argv[2], print)
os.mkdir(made.run_folder, 0o700)
made.create()
try:
    made.start_and_wait()
    made.prepare(sys.argv[1] + "/sql")
finally:
    made.stop()
"""


def as_user(user, *command):
    if user is None:
        return command
    return ("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}",
            "--clear-groups", "--", *command)


def make_template(path):
    """False where the nodes' user cannot read the checkout."""
    user = unprivileged_user()
    if subprocess.run(as_user(user, "test", "-r", f"{SOURCE}/deploy/lib"),
                      check=False).returncode:
        return False
    folder = tempfile.mkdtemp(prefix="clearing-template-", dir="/tmp")
    try:
        if user:
            os.chown(folder, user.pw_uid, user.pw_gid)
        subprocess.run(
            as_user(user, "/usr/bin/python3", "-B", "-c", MAKE_TEMPLATE,
                    SOURCE, folder), check=True, cwd="/", timeout=150,
            stdin=subprocess.DEVNULL, stdout=sys.stderr,
            env=clean_environment())
        # Half a copy is none.
        beside = path + ".new"
        shutil.rmtree(beside, ignore_errors=True)
        subprocess.run(["cp", "-a", f"{folder}/pg", beside], check=True)
        os.rename(beside, path)
    finally:
        shutil.rmtree(folder)
    return True


def cluster_template():
    """What makes deploy/ copy a cluster instead of making one, for the
    environment. Most of the time of a first start goes into that: tests/run
    names a place, where the first that comes leaves one for the others. By
    hand each test makes its own, as people do."""
    place = os.environ.get("CLEARING_TEMPLATE")
    if not place:
        return {}
    path = place + ".deploy"
    with open(path + ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(path) and not make_template(path):
            return {}
    return {"CLEARING_CLUSTER": path}


class Deployed(unittest.TestCase):
    def setUp(self):
        parent = tempfile.mkdtemp(prefix="clearing-deploy-", dir="/tmp")
        os.chmod(parent, 0o755)
        self.addCleanup(shutil.rmtree, parent, ignore_errors=True)
        self.folder = os.path.join(parent, "federation")
        self.port = 10_000 + os.getpid() % 1_000 * 20
        self.launched = []
        self.cluster = cluster_template()
        self.addCleanup(self._end)

    def _end(self):
        self.ask("down", check=False)
        for process in self.launched:
            process.wait(60)

    def _whose(self):
        user = unprivileged_user()
        return ["--bin", f"{BUILD}/bin",
                *(["--user", user.pw_name] if user else [])]

    def ask(self, verb, *words, status=0, check=True):
        # A city that is down leaves its ports to whoever looks for some.
        result = run(f"{SOURCE}/deploy/federation", verb, self.folder, *words,
                     "--port", str(self.port), *self._whose(), timeout=150,
                     env={**clean_environment(), **self.cluster})
        if check:
            self.assertEqual(result.status, status, result)
        return result

    def launch(self, city):
        """Starts that city alone, and waits for nothing; `down` ends it."""
        with open(f"{self.folder}/log/{city}", "ab") as log:
            self.launched.append(subprocess.Popen(
                [f"{SOURCE}/deploy/clearing-node", "--data",
                 os.path.join(self.folder, city), *self._whose()],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True))

    def states(self, status=0):
        lines = self.ask("status", status=status).out.splitlines()
        return {line.split()[0]: line[17:29].strip() for line in lines}

    def path(self, city, name):
        return os.path.join(self.folder, city, name)

    def log(self, city):
        with open(f"{self.folder}/log/{city}", encoding="utf-8") as opened:
            return opened.read()

    def _identity(self, city, role):
        certificate = self.path(city, f"tls/{role}")
        return f"{certificate}.crt", f"{certificate}.key"

    def _endpoint(self, city):
        with open(self.path(city, "clearing.conf"),
                  encoding="utf-8") as opened:
            return next(line.split(" = ")[1].strip() for line in opened
                        if line.startswith("rpc = "))

    def clearctl(self, city, *words, role="operator-admin", status=0):
        """The document that clearctl said to that role of the city."""
        certificate, key = self._identity(city, role)
        result = run(program("clearctl"), *words, "--json",
                     env={**os.environ,
                          "CLEARCTL_ENDPOINT": self._endpoint(city),
                          "CLEARCTL_CERTIFICATE": certificate,
                          "CLEARCTL_KEY": key,
                          "CLEARCTL_CA": self.path(city, "tls/ca.crt")})
        self.assertEqual(result.status, status,
                         f"clearctl {' '.join(words)}: {result}")
        return result.document

    @contextlib.contextmanager
    def client(self, city, role="gateway-market"):
        """A client of that role, for one use: a connection that a restart
        breaks, or that was refused, may hang in its next attempt."""
        client = rpc.Client(self._endpoint(city),
                            self.path(city, "tls/ca.crt"),
                            Certificate(*self._identity(city, role)))
        try:
            yield client
        finally:
            client.close()

    def verify(self, city):
        """What clearing-verify says of the city's journal and tables."""
        status = run(f"{SOURCE}/deploy/clearing-node", "--data",
                     os.path.join(self.folder, city), "--status")
        database = next(line.split(": ", 1)[1]
                        for line in status.out.splitlines()
                        if line.startswith("database: "))
        return run(program("clearing-verify"), "--database", database,
                   "--roster", f"{self.folder}/roster", timeout=120)
