# SPDX-License-Identifier: AGPL-3.0-or-later
"""cluster: the private PostgreSQL of one node, in its data folder.

It listens on a Unix socket alone, in a folder of mode 0700, and trusts who
gets in there: that is the node's own user, and root. (Peer authentication
would need a map of users to roles, and keep out nobody more.)
"""

import ctypes
import glob
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import time

SUPERUSER = "postgres"
DBNAME = "clearing"
LOGINS = ("app", "auditor", "backup")
SOCKET_PATH_MAX = 107
START_DEADLINE_S = 600
COMMAND_DEADLINE_S = 300
STOP_DEADLINE_S = 60

# postgresql.conf at first; what an operator changes there is kept.
SETTINGS = """
# Written once by clearing-node. fsync, full_page_writes and
# synchronous_commit stay as they are: the node refuses to serve without.
shared_buffers = 256MB
max_connections = 50
max_wal_size = 4GB
checkpoint_timeout = 15min
dynamic_shared_memory_type = mmap
timezone = 'UTC'
log_timezone = 'UTC'
logging_collector = on
log_directory = 'log'
log_filename = 'postgresql-%a.log'
log_rotation_age = 1d
log_truncate_on_rotation = on
log_line_prefix = '%m [%p] %a '
"""
HBA = """\
# Written by clearing-node: the socket folder is 0700, see lib/cluster.py.
local all all trust
"""


# In the environment: a stopped cluster, made by this, to copy for a new one.
# Copies have one system identifier, and nobody has them flushed to the disk:
# for trials and tests.
TEMPLATE = "CLEARING_CLUSTER"
# What sqitch has deployed; nothing where it never was.
DEPLOYED = r"""
select to_regclass('sqitch.changes') is not null as known \gset
\if :known
select change from sqitch.changes where project = 'clearing';
\endif
"""


class ClusterError(Exception):
    pass


def die_with_parent():
    """In a child before exec: if the wrapper is killed, it ends too."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def die_with_parent_fast():
    """For PostgreSQL, to which SIGTERM means: wait for all clients."""
    ctypes.CDLL(None).prctl(1, signal.SIGINT)


def clean_environment(**more):
    """None of the caller's PG*, SQITCH_*, TZ: they would be heeded."""
    kept = {name: os.environ[name] for name in ("HOME", "TERM", "TMPDIR")
            if name in os.environ}
    return {**kept, "LC_ALL": "C.UTF-8",
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", **more}


def run(command, what, **options):
    """A command to its end; its output only when it fails."""
    options.setdefault("env", clean_environment())
    options.setdefault("cwd", "/")
    if "input" not in options:
        options["stdin"] = subprocess.DEVNULL
    try:
        result = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=COMMAND_DEADLINE_S, check=False,
            start_new_session=True, **options)
    except OSError as error:
        raise ClusterError(f"{what}: {command[0]}: {error.strerror}; "
                           "deploy/install-packages run installs what is "
                           "missing") from error
    except subprocess.TimeoutExpired as error:
        raise ClusterError(f"{what}: no end after {COMMAND_DEADLINE_S} s"
                           ) from error
    if result.returncode != 0:
        raise ClusterError(f"{what} failed (status {result.returncode}):\n"
                           + result.stdout.strip()[-4000:])
    return result.stdout


def binary_folder(data):
    """PostgreSQL's programs: of the version that made `data`, or the newest
    from 15 on."""
    folders = {int(path.split("/")[4]): os.path.dirname(path) for path in
               glob.glob("/usr/lib/postgresql/*/bin/postgres")
               if path.split("/")[4].isdigit()}
    try:
        with open(os.path.join(data, "PG_VERSION"),
                  encoding="ascii") as opened:
            wanted = int(opened.read())
    except OSError:
        wanted = max((number for number in folders if number >= 15),
                     default=0)
    if wanted in folders:
        return folders[wanted]
    found = shutil.which("postgres")
    if found and not wanted:
        return os.path.dirname(os.path.realpath(found))
    raise ClusterError(f"no PostgreSQL {wanted or 15} here: "
                       "deploy/install-packages run installs it")


def socket_folder(run_folder, owner):
    """run/ itself, or a short folder where its path would be too long."""
    if len(run_folder) + len("/.s.PGSQL.5432") <= SOCKET_PATH_MAX:
        return run_folder
    digest = hashlib.sha256(run_folder.encode()).hexdigest()[:16]
    return f"/tmp/clearing-{owner}-{digest}"


def make_socket_folder(folder):
    """Ours, and of nobody else's making."""
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        pass
    found = os.lstat(folder)
    if found.st_uid != os.getuid() or found.st_mode & 0o170077 != 0o040000:
        raise ClusterError(f"{folder} is not a folder of ours with mode "
                           "0700: remove it")


def connection_string(folder, owner, login):
    """For clearctl init and clearing-verify."""
    place = socket_folder(os.path.join(folder, "run"), owner)
    return f"hosts={place} dbname={DBNAME} user=clearing_{login}_login"


def planned_changes(sql_folder):
    """The changes that the schema consists of."""
    with open(os.path.join(sql_folder, "sqitch.plan"),
              encoding="utf-8") as opened:
        return [line.split()[0] for line in opened
                if line.strip() and line[0] not in "%#@"]


class Cluster:
    """folder: the node's data folder, an absolute path."""

    def __init__(self, folder, say):
        self.folder = folder
        self.data = os.path.join(folder, "pg")
        self.run_folder = os.path.join(folder, "run")
        self.pid_path = os.path.join(self.run_folder, "postgres.pid")
        self.say = say
        self.binaries = binary_folder(self.data)
        self.socket_folder = socket_folder(self.run_folder, os.getuid())
        self.process = None

    def program(self, name):
        return os.path.join(self.binaries, name)

    # ---- making it

    def create(self):
        """initdb, once; an interrupted one leaves nothing that counts."""
        if os.path.exists(os.path.join(self.data, "PG_VERSION")):
            return
        if os.path.isdir(self.data) and os.listdir(self.data):
            raise ClusterError(f"{self.data} is neither empty nor a cluster")
        self.say("making a PostgreSQL cluster")
        beside = self.data + ".new"
        shutil.rmtree(beside, ignore_errors=True)
        template = os.environ.get(TEMPLATE)
        if template:
            run(["cp", "-a", template, beside], "copying " + template)
        else:
            self._initialise(beside)
        if os.path.isdir(self.data):
            os.rmdir(self.data)
        os.rename(beside, self.data)

    def _initialise(self, beside):
        run([self.program("initdb"), "-D", beside, "-U", SUPERUSER,
             "--auth=trust", "--locale=C.UTF-8", "--encoding=UTF8",
             "--data-checksums"], "initdb")
        with open(os.path.join(beside, "postgresql.conf"), "a",
                  encoding="utf-8") as opened:
            opened.write(SETTINGS)
        with open(os.path.join(beside, "pg_hba.conf"), "w",
                  encoding="utf-8") as opened:
            opened.write(HBA)

    # ---- running it

    def left_behind(self):
        """Process id of a server on our data that is not our child, or 0."""
        try:
            with open(os.path.join(self.data, "postmaster.pid"),
                      encoding="ascii") as opened:
                pid = int(opened.readline())
            with open(f"/proc/{pid}/cmdline", "rb") as opened:
                words = opened.read().split(b"\0")
        except (OSError, ValueError):
            return 0
        return pid if self.data.encode() in words else 0

    def stop_left_behind(self):
        pid = self.left_behind()
        if pid:
            self.say(f"stopping a PostgreSQL that was left behind ({pid})")
            run([self.program("pg_ctl"), "-D", self.data, "-m", "fast",
                 "-w", "-t", str(STOP_DEADLINE_S), "stop"], "pg_ctl stop")

    def start(self):
        """Start it as our child; wait_ready() comes next."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": self.socket_folder,
            "unix_socket_permissions": "0700",
        }
        command = [self.program("postgres"), "-D", self.data]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, env=clean_environment(),
            cwd="/", start_new_session=True, preexec_fn=die_with_parent_fast)
        with open(self.pid_path, "w", encoding="ascii") as opened:
            opened.write(f"{self.process.pid}\n")

    def ready(self):
        return subprocess.run(
            [self.program("pg_isready"), "-q", "-h", self.socket_folder],
            env=clean_environment(), cwd="/", stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            timeout=30, check=False).returncode == 0

    def start_and_wait(self):
        """Until it answers. For some seconds after a crash the lock file is
        thought alive still: try again until a deadline."""
        make_socket_folder(self.socket_folder)
        self.stop_left_behind()
        deadline = time.monotonic() + START_DEADLINE_S
        starts_end = time.monotonic() + 15
        self.start()
        while not self.ready():
            now = time.monotonic()
            if self.process.poll() is not None:
                if now > starts_end:
                    raise ClusterError("PostgreSQL does not start; see "
                                       f"{self.data}/log")
                time.sleep(0.5)
                self.start()
            if now > deadline:
                raise ClusterError("PostgreSQL does not answer after "
                                   f"{START_DEADLINE_S} s")
            time.sleep(0.05)

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            for how, patience_s in ((signal.SIGINT, STOP_DEADLINE_S),
                                    (signal.SIGQUIT, 10),
                                    (signal.SIGKILL, 10)):
                self.process.send_signal(how)
                try:
                    self.process.wait(patience_s)
                    break
                except subprocess.TimeoutExpired:
                    self.say("PostgreSQL does not stop; asking harder")
        self.process = None
        if os.path.exists(self.pid_path):
            os.unlink(self.pid_path)
        if self.socket_folder != self.run_folder:
            try:
                os.rmdir(self.socket_folder)
            except OSError:
                pass

    # ---- what is in it

    def psql(self, text, dbname):
        return run([self.program("psql"), "-X", "-q", "-A", "-t", "-v",
                    "ON_ERROR_STOP=1", "-h", self.socket_folder, "-U",
                    SUPERUSER, "-d", dbname, "-f", "-"], "psql",
                   input=text).strip()

    def prepare(self, sql_folder):
        """Roles, database and schema; safe to repeat."""
        with open(os.path.join(sql_folder, "roles.sql"),
                  encoding="utf-8") as opened:
            text = opened.read()
        for name in LOGINS:
            text += (f"select 'create role clearing_{name}_login login in "
                     f"role clearing_{name}' where not exists (select from "
                     "pg_roles where rolname = "
                     f"'clearing_{name}_login') \\gexec\n")
        text += (f"select 'create database {DBNAME} template template0 "
                 "encoding ''UTF8'' locale ''C.UTF-8''' where not exists "
                 f"(select from pg_database where datname = '{DBNAME}') "
                 "\\gexec\n")
        self.psql(text, "postgres")
        # sqitch takes a second to find that there is nothing to do.
        deployed = self.psql(DEPLOYED, DBNAME).split()
        if sorted(deployed) != sorted(planned_changes(sql_folder)):
            self._sqitch_deploy(sql_folder)

    def _sqitch_deploy(self, sql_folder):
        with tempfile.TemporaryDirectory(
                prefix="sqitch-", dir=self.run_folder) as home:
            run(["sqitch", "deploy", f"db:pg:{DBNAME}"], "sqitch deploy",
                cwd=sql_folder, env=clean_environment(
                    HOME=home, PGHOST=self.socket_folder, PGUSER=SUPERUSER,
                    SQITCH_FULLNAME="clearing-node",
                    SQITCH_EMAIL="clearing@localhost"))

    def is_empty(self):
        return self.psql("select not exists (select from clearing.journal)",
                         DBNAME) == "t"
