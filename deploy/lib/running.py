# SPDX-License-Identifier: AGPL-3.0-or-later
"""running: a node that deploy/clearing-node keeps running beside this script,
and clearctl towards it."""

import json
import os
import socket
import subprocess
import time

HERE = os.path.dirname(os.path.realpath(__file__))
NODE = os.path.join(os.path.dirname(HERE), "clearing-node")
PORT, PORT_STEP, PORT_TRIES = 7440, 10, 200
START_DEADLINE_S = 120


class Failure(Exception):
    """What went wrong, for people."""


class Pair:
    """The first pair of ports, from `first` and the one after it on, that
    nobody has and that is not among those `taken`. It is kept from others
    until release(), which is for the moment before the node takes it."""

    def __init__(self, taken=(), first=PORT):
        for number in range(PORT_TRIES):
            at = first + number * PORT_STEP
            if at in taken or at + 1 in taken or not self._hold(at):
                continue
            self.rpc, self.ops = at, at + 1
            return
        raise Failure(f"no free pair of ports from {first} on")

    def _hold(self, at):
        self.sockets = []
        try:
            for port in (at, at + 1):
                # Without SO_REUSEADDR: nobody else binds it meanwhile.
                held = socket.socket()
                self.sockets.append(held)
                held.bind(("127.0.0.1", port))
        except OSError:
            self.release()
            return False
        return True

    def release(self):
        for held in self.sockets:
            held.close()


class RunningNode:
    """The node in a data folder; its wrapper writes to `log`."""

    def __init__(self, node_folder, log, binaries):
        self.node_folder, self.log = node_folder, log
        self.tls = os.path.join(node_folder, "tls")
        self.binaries = binaries
        self.endpoint = None
        self.process = None

    # ---- the node

    def command(self, *words):
        return [NODE, "--data", self.node_folder, "--bin", self.binaries,
                *words]

    def is_running(self):
        return os.path.isdir(self.node_folder) and subprocess.run(
            [NODE, "--data", self.node_folder, "--status"], check=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ).returncode == 0

    def known_endpoint(self):
        path = os.path.join(self.node_folder, "run", "endpoints.json")
        with open(path, encoding="utf-8") as opened:
            return json.load(opened)["rpc"]

    def launch(self, *words, environment=None):
        """Start it, without waiting; .endpoint must be known."""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command(*words), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, cwd="/", env={**os.environ,
                                          **(environment or {})},
                start_new_session=True)

    def prepare(self, pair, *words, environment=None):
        """Folder, keys, certificates, database, first block; not the node.
        `pair`: of its ports, for a new one."""
        listen = ["--rpc", f"127.0.0.1:{pair.rpc}", "--ops",
                  f"127.0.0.1:{pair.ops}"] if pair else []
        with open(self.log, "ab") as log:
            made = subprocess.run(
                self.command(*listen, *words, "--prepare"),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                env={**os.environ, **(environment or {})}, check=False)
        if made.returncode != 0:
            raise Failure(f"it could not be made (status {made.returncode}):\n"
                          f"{self.tail()}")

    def is_healthy(self):
        return self.control("operator-admin", "health", "--timeout", "5",
                            check=False).returncode == 0

    def wait(self, person="operator-admin"):
        """Until it serves, and the certificate of `person` is there."""
        deadline = time.monotonic() + START_DEADLINE_S
        while True:
            if self.process and self.process.poll() is not None:
                raise Failure("the node ended with status "
                              f"{self.process.returncode}:\n{self.tail()}")
            if os.path.exists(os.path.join(self.tls, f"{person}.crt")) \
                    and self.is_healthy():
                return
            if time.monotonic() > deadline:
                raise Failure(f"the node does not serve:\n{self.tail()}")
            time.sleep(0.1)

    def stop(self):
        if subprocess.run([NODE, "--data", self.node_folder, "--stop"],
                          check=False).returncode != 0:
            raise Failure("the node does not stop")
        if self.process:
            self.process.wait(30)

    def tail(self):
        with open(self.log, encoding="utf-8", errors="replace") as opened:
            return "".join(opened.readlines()[-25:])

    # ---- clearctl

    def environment(self, who):
        stem = os.path.join(self.tls, who)
        return {"CLEARCTL_ENDPOINT": self.endpoint,
                "CLEARCTL_CERTIFICATE": stem + ".crt",
                "CLEARCTL_KEY": stem + ".key",
                "CLEARCTL_CA": os.path.join(self.tls, "ca.crt")}

    def control(self, who, *words, check=True, show=False):
        """clearctl WORDS as `who`; progress goes to the terminal if shown."""
        result = subprocess.run(
            [os.path.join(self.binaries, "clearctl"), *words], check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=None if show else subprocess.PIPE, text=True,
            env={**os.environ, **self.environment(who)})
        if check and result.returncode not in (0, 1):
            raise Failure(f"clearctl {' '.join(words)}: status "
                          f"{result.returncode}\n{result.stdout}"
                          f"{result.stderr or ''}")
        return result

    def document(self, who, *words, show=False):
        result = self.control(who, *words, "--json", show=show)
        try:
            return json.loads(result.stdout)
        except ValueError:
            raise Failure(f"clearctl {' '.join(words)}: no document\n"
                          f"{result.stdout}{result.stderr or ''}") from None
