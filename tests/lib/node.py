# SPDX-License-Identifier: AGPL-3.0-or-later
"""node: one city's whole node in a temporary folder, and what tests do to it.

    with City() as city:
        city.client("operator", "anna").open("m1@barcelona", 10000, 40000)
        city.clearctl("balance", "m1@barcelona", as_=("coop", "m1"))
        city.kill(); city.start()

PostgreSQL, certificates, genesis and clearingd are real processes; port 0,
loopback only. Waiting is for conditions, with deadlines.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import rpc
from certificates import Authority
from postgres import PrivatePostgres, clean_environment

SOURCE = rpc.SOURCE
BUILD = os.environ.get("CLEARING_BUILD") or f"{SOURCE}/build/release"
FEDERATION, CITY = "fabcity", "barcelona"
LONG = os.environ.get("CLEARING_LONG") == "1"


def program(name):
    return f"{BUILD}/bin/{name}"


def wait_until(condition, what, seconds=20):
    """The first true value of condition()."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{seconds} s, and still not: {what}")
        time.sleep(0.02)


class Result:
    """Of a program: status, out, err, and with --json the document."""

    def __init__(self, completed):
        self.status = completed.returncode
        self.out, self.err = completed.stdout, completed.stderr

    @property
    def document(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"status {self.status}\nout: {self.out}\nerr: {self.err}"


def run(*command, env=None, timeout=60, stdin=""):
    return Result(subprocess.run(
        command, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, timeout=timeout, env=env or clean_environment(), cwd="/"))


class City:
    """A node with a database and a CA of its own.

    database: a PrivatePostgres to share, which the caller then removes; name:
    of the city; listen: where; prefix: words before the program's, as of
    netns.Namespace; settings: {"limits": {"accounts_max": 4}, ...}.
    """

    def __init__(self, database=None, authority=None, name=CITY,
                 listen="127.0.0.1:0", prefix=(), **settings):
        self.name, self.listen, self.prefix = name, listen, list(prefix)
        self.folder = tempfile.mkdtemp(prefix="clearing-node-", dir="/tmp")
        self.own_database = database is None
        self.database = database
        self.authority = authority
        self.settings = settings
        self.certificates, self.clients = {}, {}
        self.process, self.endpoint, self.auditor = None, None, None
        self.log = f"{self.folder}/log"
        self.config = f"{self.folder}/clearing.conf"

    def __enter__(self):
        try:
            self.create()
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *unused):
        self.remove()

    # ---- making it

    def create(self):
        os.chmod(self.folder, 0o755)
        if self.database is None:
            self.database = PrivatePostgres()
            self.database.create()
        if self.authority is None:
            self.authority = Authority(f"{self.folder}/ca", FEDERATION,
                                       self.name)
        self.tls = f"{self.folder}/tls"
        os.makedirs(self.tls, exist_ok=True)
        os.makedirs(f"{self.folder}/data", exist_ok=True)
        at_loopback = self.listen.startswith("127.0.0.1:")
        self.install_certificate(self.authority.server if at_loopback
                                 else self.node_certificate())
        self.write_config()
        made = run(program("clearctl"), "init", "--database",
                   self.database.connection_string(), "--federation",
                   FEDERATION, "--city", self.name, "--unit", "credit",
                   "--decimals", "2", "--node-key",
                   f"{self.authority.folder}/node.pub",
                   env=self.environment())
        if made.status:
            raise RuntimeError(f"clearctl init: {made}")

    def node_certificate(self, **dates):
        return self.authority.issue(
            f"URI:{self.uri('city')}", "DNS:localhost",
            "IP:" + self.listen.rpartition(":")[0], **dates)

    def install_certificate(self, certificate):
        """Put the node's own files in place; a reload reads them."""
        for source, name in ((certificate.certificate, "node.crt"),
                             (certificate.key, "node.key"),
                             (self.authority.certificate, "ca.crt"),
                             (self.authority.crl, "ca.crl")):
            shutil.copy(source, f"{self.tls}/{name}")

    def write_config(self):
        sections = {
            "node": {"federation": FEDERATION, "city": self.name,
                     "unit": "credit", "decimals": 2,
                     "data_dir": f"{self.folder}/data"},
            "listen": {"rpc": self.listen},
            "tls": {"certificate": f"{self.tls}/node.crt",
                    "key": f"{self.tls}/node.key",
                    "ca": f"{self.tls}/ca.crt",
                    "crl": f"{self.tls}/ca.crl"},
            "database": {"hosts": self.database.socket_folder,
                         "dbname": self.database.dbname,
                         "user": "clearing_app_login"},
            "limits": {"accounts_max": 10_000, "ids_max": 1_000_000},
            "log": {"level": "info", "format": "text"},
            "federation": {},
        }
        for section, values in self.settings.items():
            sections[section].update(values)
        with open(self.config, "w", encoding="utf-8") as opened:
            for section, values in sections.items():
                if values:
                    opened.write(f"[{section}]\n")
                for key, value in values.items():
                    opened.write(f"{key} = {value}\n")

    def configure(self, **settings):
        for section, values in settings.items():
            self.settings.setdefault(section, {}).update(values)
        self.write_config()

    def environment(self, **more):
        kept = {name: value for name, value in clean_environment().items()
                if not name.startswith(("CLEARING_", "CLEARCTL_"))}
        return {**kept, "HOME": self.folder, **more}

    # ---- the process

    def launch(self, *arguments, **environment):
        """Start clearingd and do not wait."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.endpoints_file)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, program("clearingd"), "--config", self.config,
                 *arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                env=self.environment(**environment))

    def start(self, *arguments, seconds=30, **environment):
        """Start clearingd and wait until it serves."""
        self.launch(*arguments, **environment)
        self.wait_serving(seconds)

    @property
    def endpoints_file(self):
        return f"{self.folder}/data/run/endpoints.json"

    def _listening(self):
        if self.process.poll() is not None:
            raise AssertionError(
                f"clearingd ended with {self.process.returncode}:\n"
                + self.log_text()[-3000:])
        try:
            with open(self.endpoints_file, encoding="utf-8") as opened:
                return json.load(opened)["rpc"]
        except (FileNotFoundError, ValueError):
            return None

    def wait_serving(self, seconds=30):
        self.endpoint = wait_until(self._listening, "endpoints.json", seconds)
        for client in self.clients.values():
            client.close()
        self.clients.clear()

        def serving():
            self._listening()
            try:
                return self.client("auditor", "health").health(
                    timeout=5) == "SERVING"
            except rpc.Refused:
                return False
        wait_until(serving, "SERVING", seconds)

    def wait(self, seconds=30):
        """Wait for its end; the exit status."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"clearingd still runs after {seconds} s:\n"
                                 + self.log_text()[-3000:]) from None

    def stop(self, seconds=30):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.wait(seconds)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def reload(self):
        """SIGHUP, and wait until the log tells that it was heeded."""
        before = self.log_text().count("reload")
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.log_text().count("reload") > before,
                   "a line of the log that tells of the reload", 10)

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as opened:
            return opened.read()

    def remove(self):
        for client in self.clients.values():
            client.close()
        if self.auditor:
            self.auditor.close()
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.own_database and self.database:
            self.database.remove()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- asking it

    def uri(self, role, name=None, person=None):
        uri = f"spiffe://{FEDERATION}/city/{self.name}"
        if role != "city":
            uri += f"/{role}/{name}"
        return uri + (f"/person/{person}" if person else "")

    def certificate(self, role, name=None, person=None):
        uri = self.uri(role, name, person)
        if uri not in self.certificates:
            self.certificates[uri] = self.authority.issue("URI:" + uri)
        return self.certificates[uri]

    def client(self, role, name=None, person=None):
        """A client of that identity; kept until the node starts anew."""
        key = (role, name, person)
        if key not in self.clients:
            self.clients[key] = self.connect(self.certificate(*key))
        return self.clients[key]

    def connect(self, certificate, options=()):
        """A client of its own; the caller closes it."""
        return rpc.Client(self.endpoint, self.authority.certificate,
                          certificate, options)

    @property
    def address(self):
        host, _, port = self.endpoint.rpartition(":")
        return host, int(port)

    def clearctl(self, *arguments, as_=("operator", "anna"), timeout=60,
                 stdin=""):
        certificate = self.certificate(*as_)
        return run(program("clearctl"), *arguments, timeout=timeout,
                   stdin=stdin, env=self.environment(
                       CLEARCTL_ENDPOINT=self.endpoint,
                       CLEARCTL_CERTIFICATE=certificate.certificate,
                       CLEARCTL_KEY=certificate.key,
                       CLEARCTL_CA=self.authority.certificate))

    def verify(self, *arguments, timeout=120):
        """clearing-verify with the auditor's role."""
        return run(program("clearing-verify"), "--database",
                   self.database.connection_string("clearing_auditor_login"),
                   *arguments, timeout=timeout, env=self.environment())

    def query(self, text, *values):
        """Rows, read as the auditor."""
        if self.auditor is None or self.auditor.closed:
            self.auditor = self.database.connect("clearing_auditor_login")
            self.auditor.autocommit = True
        try:
            with self.auditor.cursor() as cursor:
                cursor.execute(text, values or None)
                return cursor.fetchall()
        except Exception:
            self.auditor.close()
            raise

    def head(self):
        return self.query("select max(seq) from clearing.journal")[0][0]

    def catch_up(self, seconds=30):
        """Wait until the tables have reached the journal."""
        wait_until(lambda: self.query("select seq from clearing.projection")
                   [0][0] == self.head(), "tables at the journal's head",
                   seconds)

    # Made from the journal alone; `projection` and `writer` tell of starts.
    TABLES = ("genesis", "actor", "account", "account_change",
              "account_month", "month_start", "transfer", "hold", "command")

    def table_contents(self):
        """Every row of every table that is made from the journal."""
        def plain(row):
            return str([bytes(value) if isinstance(value, memoryview)
                        else value for value in row])
        return {name: sorted(map(plain, self.query(
            f"select * from clearing.{name}"))) for name in self.TABLES}

    def empty_tables(self):
        """As if nothing had been projected yet; the node must be stopped."""
        names = ", ".join(f"clearing.{name}" for name in self.TABLES)
        self.database.psql(
            f"truncate {names}; update clearing.projection set seq = -1,"
            " next_number = 1, time_us = 0,"
            " hash = decode(repeat('00', 32), 'hex')")

    def blocks(self, after=-1):
        """[(seq, rpc.journal.Block)], decoded by Google's protobuf."""
        return [(seq, rpc.journal.Block.FromString(bytes(payload)))
                for seq, payload in self.query(
                    "select seq, payload from clearing.journal"
                    " where seq > %s order by seq", after)]

    @staticmethod
    def soon_us(seconds):
        return int((time.time() + seconds) * 1_000_000)


def entry_ids(created_us, block):
    """The ids of a block's entries, put together again (rule JOURNAL-15)."""
    ids = []
    for index in range(block.entry_count):
        milliseconds = created_us // 1000 + block.id_ms[index]
        ids.append(milliseconds.to_bytes(6, "big")
                   + block.id_tail[10 * index:10 * index + 10])
    return ids


class CityTest(unittest.TestCase):
    """Tests on one node, which each class starts once."""

    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.city = City(**cls.settings)
        cls.addClassCleanup(cls.city.remove)
        cls.city.create()
        cls.city.start()

    def tearDown(self):
        """Whatever a test did: the node is unharmed, or the test said so."""
        process = self.city.process
        if process.poll() is not None and process.returncode < 0:
            self.fail(f"clearingd died of signal {-process.returncode}:\n"
                      + self.city.log_text()[-3000:])

    @contextlib.contextmanager
    def another_city(self, **settings):
        with City(**settings) as city:
            yield city

    def refused(self, call, reason=None, code=None):
        """The Refused of `call`, with what it must say."""
        with self.assertRaises(rpc.Refused) as caught:
            call()
        if reason:
            self.assertEqual(caught.exception.reason, reason,
                             str(caught.exception))
        if code:
            self.assertEqual(caught.exception.code, code,
                             str(caught.exception))
        return caught.exception

    @contextlib.contextmanager
    def unharmed(self):
        """Nothing is journaled meanwhile; the same process serves after."""
        head, pid = self.city.head(), self.city.process.pid
        yield
        self.assertIsNone(self.city.process.poll(),
                          self.city.log_text()[-3000:])
        self.assertEqual(self.city.process.pid, pid)
        self.assertEqual(self.city.client("auditor", "health").health(),
                         "SERVING")
        self.assertEqual(self.city.head(), head, "something was journaled")
