# SPDX-License-Identifier: AGPL-3.0-or-later
"""postgres: a private PostgreSQL for one test, with our schema in it.

    with PrivatePostgres() as database:
        database.psql("select 1")
        database.connection_string("clearing_app_login")

It lives in a temporary folder, listens on a Unix socket there and nowhere
else, and runs as an unprivileged user when the test runs as root. `postgres`
is started as our own child, so that kill9() and restart() mean exactly it.
"""

import fcntl
import glob
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time

SOURCE = os.environ.get("CLEARING_SOURCE") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEADLINE_S = 60
# Members of the group roles; trust within the 0700 socket folder.
LOGINS = {
    "clearing_owner_login": "clearing_owner",
    "clearing_app_login": "clearing_app",
    "clearing_auditor_login": "clearing_auditor",
    "clearing_backup_login": "clearing_backup",
}


def binary_folder():
    """Where initdb and postgres are: the newest of Debian's, or the PATH's."""
    found = glob.glob("/usr/lib/postgresql/*/bin/initdb")
    if found:
        found.sort(key=lambda path: int(path.split("/")[4]))
        return os.path.dirname(found[-1])
    initdb = shutil.which("initdb")
    if initdb is None:
        raise RuntimeError("no initdb: install postgresql-15")
    return os.path.dirname(initdb)


def clean_environment():
    """Nothing of the caller's that psql, sqitch or the clock would heed."""
    kept = {name: value for name, value in os.environ.items()
            if not re.match(r"PG|SQITCH_|TZ$|LC_|LANG", name)}
    kept.update(LC_ALL="C.UTF-8", SQITCH_FULLNAME="test",
                SQITCH_EMAIL="test@localhost")
    return kept


def unprivileged_user():
    """Who runs the server: None (as we are), or a user when we are root."""
    if os.getuid() != 0:
        return None
    for name in ("clearing", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("root, and no user to run PostgreSQL as")


class PrivatePostgres:
    """One server and, unless schema=False, one database with our schema.

    settings: more lines for postgresql.conf, as a dict.
    """

    def __init__(self, schema=True, dbname="clearing", settings=None):
        self.dbname = dbname
        self.binaries = binary_folder()
        self.user = unprivileged_user()
        self.superuser = self.user.pw_name if self.user \
            else pwd.getpwuid(os.getuid()).pw_name
        # Short: a socket path holds 107 bytes at most.
        self.folder = tempfile.mkdtemp(prefix="clearing-pg-", dir="/tmp")
        self.data = os.path.join(self.folder, "data")
        self.socket_folder = os.path.join(self.folder, "s")
        self.log = os.path.join(self.folder, "log")
        self.settings = settings or {}
        self.process = None
        self._with_schema = schema

    def __enter__(self):
        try:
            self.create()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *unused):
        self.remove()

    # ---- processes

    def _as_user(self, *command):
        """The command, run by the server's user. setpriv and not Popen's
        user=: that one forks, and a fork beside grpcio's threads may hang in
        the child; without it Python uses vfork."""
        if not self.user:
            return command
        return ("setpriv", f"--reuid={self.user.pw_uid}",
                f"--regid={self.user.pw_gid}", "--clear-groups", "--",
                *command)

    @staticmethod
    def _options():
        return {"env": clean_environment(), "cwd": "/"}

    def run(self, *command, stdin=None, check=True, env=None, cwd="/"):
        """A command as the server's user; gives its CompletedProcess."""
        options = self._options()
        options["cwd"] = cwd
        options["env"] = dict(options["env"], **(env or {}))
        options.update({"input": stdin} if stdin is not None
                       else {"stdin": subprocess.DEVNULL})
        result = subprocess.run(
            self._as_user(*command), stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, timeout=DEADLINE_S,
            check=False, **options)
        if check and result.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: status "
                               f"{result.returncode}\n{result.stdout}"
                               f"{result.stderr}")
        return result

    def create(self):
        """The cluster, the server and the schema."""
        os.mkdir(self.socket_folder, 0o700)
        if self.user:
            for path in (self.folder, self.socket_folder):
                os.chown(path, self.user.pw_uid, self.user.pw_gid)
        template = os.environ.get("CLEARING_TEMPLATE")
        if template and self._with_schema and self.dbname == "clearing":
            self._copy_template(template)
            self.configure(self.settings)
            self.start()
        else:
            self._make()

    def _copy_template(self, template):
        """Half of the seconds of a run would go into making the same cluster
        again: tests/run names a folder, where the first that comes leaves a
        stopped one for the others."""
        with open(template + ".lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.exists(template):
                self._make()
                self.stop()
                os.rename(self.data, template)
        subprocess.run(["cp", "-a", template, self.data], check=True,
                       stdin=subprocess.DEVNULL)

    def _make(self):
        self.run(os.path.join(self.binaries, "initdb"), "-D", self.data,
                 "-U", self.superuser, "--auth=trust", "--locale=C.UTF-8",
                 "--encoding=UTF8", "--data-checksums", "--no-sync")
        self.configure(self.settings)
        self.start()
        if self._with_schema:
            self.apply_roles()
            self.create_database(self.dbname)
            self.sqitch("deploy")

    def configure(self, settings):
        """Write postgresql.conf anew; start() or restart() reads it."""
        lines = {
            "listen_addresses": "",
            "unix_socket_directories": self.socket_folder,
            "dynamic_shared_memory_type": "mmap",
            "shared_buffers": "64MB",
            "max_connections": "60",
            "log_line_prefix": "%m [%p] %a ",
            # A test's own; durability stays on, as the node insists on it.
            "fsync": "on",
        }
        lines.update(settings)
        path = os.path.join(self.data, "postgresql.auto.conf")
        with open(path, "w", encoding="utf-8") as opened:
            for name, value in lines.items():
                opened.write(f"{name} = '{value}'\n")
        if self.user:
            os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def start(self):
        """Start and wait until it answers; retried until a deadline, since
        for a moment after kill9() the lock file is still thought alive."""
        deadline = time.monotonic() + DEADLINE_S
        while True:
            with open(self.log, "ab") as log:
                self.process = subprocess.Popen(
                    self._as_user(os.path.join(self.binaries, "postgres"),
                                  "-D", self.data),
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    start_new_session=True, **self._options())
            if self._answers(deadline):
                return
            if time.monotonic() > deadline:
                raise RuntimeError("PostgreSQL does not start:\n"
                                   + self.log_text()[-4000:])

    def _answers(self, deadline):
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                time.sleep(0.1)
                return False
            if self.run(os.path.join(self.binaries, "pg_isready"), "-q",
                        "-h", self.socket_folder, check=False
                        ).returncode == 0:
                return True
            time.sleep(0.05)
        return False

    def stop(self, how=signal.SIGINT):
        """Fast shutdown; SIGTERM waits for clients, SIGQUIT does not tidy."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(DEADLINE_S)
            except subprocess.TimeoutExpired:
                self.kill9()
        self.process = None

    def kill9(self):
        """All of its processes at once, as a power cut would."""
        if self.process is None:
            return
        for pid in [*self._children(self.process.pid), self.process.pid]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait(DEADLINE_S)
        self.process = None

    @staticmethod
    def _children(pid):
        try:
            with open(f"/proc/{pid}/task/{pid}/children",
                      encoding="ascii") as opened:
                return [int(child) for child in opened.read().split()]
        except OSError:
            return []

    def restart(self):
        self.stop()
        self.start()

    def remove(self):
        """Stop and leave nothing behind."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as opened:
            return opened.read()

    # ---- the schema

    def apply_roles(self):
        """roles.sql, and a login for each group role."""
        self.psql_file(os.path.join(SOURCE, "sql/roles.sql"),
                       dbname="postgres")
        present = self.psql("select rolname from pg_roles",
                            dbname="postgres").split()
        for login, group in LOGINS.items():
            if login not in present:
                self.psql(f"create role {login} login in role {group}",
                          dbname="postgres")

    def create_database(self, dbname):
        self.psql(f"create database {dbname} template template0 "
                  "encoding 'UTF8' locale 'C.UTF-8'", dbname="postgres")

    def drop_database(self, dbname):
        self.psql(f"drop database if exists {dbname} with (force)",
                  dbname="postgres")

    def sqitch(self, *arguments, dbname=None, check=True):
        """sqitch ARGUMENTS on a copy of sql/, which the server's user can
        read wherever the checkout stands."""
        copied = os.path.join(self.folder, "sql")
        shutil.rmtree(copied, ignore_errors=True)
        shutil.copytree(os.path.join(SOURCE, "sql"), copied)
        for folder, _, names in os.walk(copied):
            os.chmod(folder, 0o755)
            for name in names:
                os.chmod(os.path.join(folder, name), 0o644)
        target = f"db:pg:{dbname or self.dbname}"
        return self.run("sqitch", *arguments, target, cwd=copied,
                        check=check, env={
                            "PGHOST": self.socket_folder,
                            "PGUSER": self.superuser,
                            "HOME": self.folder})

    def invariants(self, dbname=None, user="clearing_auditor_login"):
        """Every query of sql/invariants: {name: rows} of those that gave
        rows. All in one snapshot."""
        paths = sorted(glob.glob(os.path.join(SOURCE,
                                              "sql/invariants/*.sql")))
        if not paths:
            raise RuntimeError("no sql/invariants: looked in the wrong place")
        parts = ["begin isolation level repeatable read, read only;"]
        for path in paths:
            parts.append(f"\\echo @@{os.path.basename(path)[:-4]}")
            with open(path, encoding="utf-8") as opened:
                parts.append(opened.read())
        parts.append("commit;")
        text = self.psql("\n".join(parts), dbname=dbname, user=user)
        broken, name = {}, None
        for line in text.splitlines():
            if line.startswith("@@"):
                name = line[2:]
            elif line and name:
                broken.setdefault(name, []).append(line)
        return broken

    # ---- asking

    def psql(self, text, dbname=None, user=None, check=True):
        """Run `text`; its rows, unaligned, tab between columns. With
        check=False: the CompletedProcess."""
        result = self.run(
            "psql", "-X", "-q", "-A", "-t", "-F", "\t", "-v",
            "ON_ERROR_STOP=1", "-h", self.socket_folder, "-U",
            user or self.superuser, "-d", dbname or self.dbname, "-f", "-",
            stdin=text, check=check)
        return result.stdout.rstrip("\n") if check else result

    def psql_file(self, path, dbname=None, user=None):
        with open(path, encoding="utf-8") as opened:
            return self.psql(opened.read(), dbname=dbname, user=user)

    def connect(self, user="clearing_app_login", dbname=None):
        """A psycopg2 connection."""
        import psycopg2  # only where it is wanted
        return psycopg2.connect(host=self.socket_folder, user=user,
                                dbname=dbname or self.dbname)

    def connection_string(self, user="clearing_app_login", dbname=None):
        """As `clearctl init --database` and the C tests take it."""
        return (f"hosts={self.socket_folder} dbname={dbname or self.dbname}"
                f" user={user}")

    def configuration(self, user="clearing_app_login", dbname=None):
        """The [database] section of a clearing.conf."""
        return (f"[database]\nhosts = {self.socket_folder}\n"
                f"dbname = {dbname or self.dbname}\nuser = {user}\n")
