# SPDX-License-Identifier: AGPL-3.0-or-later
"""quickstart: a city, its members and their trades, by clearctl.

deploy/quickstart installs and builds, then calls this. DIR/node is the node's
data folder, DIR/work holds the inputs, their state files and the log.
"""

import argparse
import collections
import csv
import glob
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
NODE = os.path.join(os.path.dirname(HERE), "clearing-node")
TRADES = os.path.join(os.path.dirname(HERE), "data", "otc-trades.csv")
MARKER = "made-by-quickstart"
FEDERATION, CITY = "commons", "barcelona"
GATEWAY = "gateway/market"
LIMIT, CEILING = "100.00", "400.00"
PORT, PORT_STEP, PORT_TRIES = 7440, 10, 50
START_DEADLINE_S = 120
# What comes of the trades in file order over one connection, and must.
EXPECTED = {
    "posted": 31868,
    "OVER_LIMIT": 145,
    "OVER_CEILING": 16,
    "sum of balances": 0,
    "credit issued": 1041500,
}


class Failure(Exception):
    pass


def step(text):
    print(f"== {text}", flush=True)


class City:
    """The node in DIR, and clearctl towards it."""

    def __init__(self, data, binaries):
        self.data = data
        self.node_folder = os.path.join(data, "node")
        self.work = os.path.join(data, "work")
        self.log = os.path.join(self.work, "node.log")
        self.tls = os.path.join(self.node_folder, "tls")
        self.binaries = binaries
        self.endpoint = None
        self.process = None

    # ---- the node

    def is_running(self):
        return subprocess.run(
            [NODE, "--data", self.node_folder, "--status"], check=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ).returncode == 0

    def start(self):
        """Start it, or find it running; its endpoint is known then."""
        if os.path.isdir(self.node_folder) and self.is_running():
            self.endpoint = self.known_endpoint()
            print(f"running already at {self.endpoint}")
        else:
            self.launch()
        self.wait()

    def known_endpoint(self):
        path = os.path.join(self.node_folder, "run", "endpoints.json")
        with open(path, encoding="utf-8") as opened:
            return json.load(opened)["rpc"]

    def launch(self):
        rpc, operations = free_pair()
        self.endpoint = f"127.0.0.1:{rpc}"
        if rpc != PORT:
            print(f"ports {PORT} and {PORT + 1} are taken: using {rpc} "
                  f"and {operations}")
        listen = {"CLEARING_LISTEN_RPC": self.endpoint,
                  "CLEARING_LISTEN_OPS": f"127.0.0.1:{operations}"}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [NODE, "--data", self.node_folder, "--bin", self.binaries,
                 "--federation", FEDERATION, "--city", CITY,
                 "--rpc", listen["CLEARING_LISTEN_RPC"],
                 "--ops", listen["CLEARING_LISTEN_OPS"],
                 "--person", GATEWAY],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                env={**os.environ, **listen}, start_new_session=True)

    def wait(self):
        deadline = time.monotonic() + START_DEADLINE_S
        while True:
            if self.process and self.process.poll() is not None:
                raise Failure("the node ended with status "
                              f"{self.process.returncode}:\n{self.tail()}")
            if os.path.exists(os.path.join(self.tls, "gateway-market.crt")) \
                    and self.control("operator-admin", "health",
                                     check=False).returncode == 0:
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

    def accounts(self):
        return self.document("auditor-admin", "account", "list")["accounts"]


def free_pair():
    """The first pair of ports, from 7440 and 7441 on, that nobody has."""
    for number in range(PORT_TRIES):
        pair = (PORT + number * PORT_STEP, PORT + number * PORT_STEP + 1)
        try:
            for port in pair:
                with socket.socket() as tried:
                    tried.setsockopt(socket.SOL_SOCKET,
                                     socket.SO_REUSEADDR, 1)
                    tried.bind(("127.0.0.1", port))
            return pair
        except OSError:
            continue
    raise Failure(f"no free pair of ports from {PORT} on")


def trades():
    with open(TRADES, encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def write_csv(path, head, rows):
    """Written once: its state file counts lines of this very file."""
    if os.path.exists(path):
        return
    with open(path + ".new", "w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(head)
        writer.writerows(rows)
    os.rename(path + ".new", path)


def open_accounts(city, rows):
    """One for each member of the file that has none yet."""
    members = sorted({int(row[side]) for row in rows
                      for side in ("from", "to")})
    present = {account["address"] for account in city.accounts()}
    wanted = [f"m{member}@{CITY}" for member in members]
    missing = [address for address in wanted if address not in present]
    print(f"{len(wanted)} members, {len(missing)} without an account")
    if not missing:
        return
    path = os.path.join(city.work, "accounts.csv")
    for stale in (path, path + ".ids"):
        if os.path.exists(stale):
            os.unlink(stale)
    write_csv(path, ("address", "display_name", "credit_limit",
                     "balance_ceiling"),
              ((address, f"member {address[1:].split('@')[0]}", LIMIT,
                CEILING) for address in missing))
    result = city.control("operator-admin", "account", "import", path,
                          show=True)
    if result.returncode != 0:
        raise Failure(f"not every account was opened:\n{result.stdout}")


def send_trades(city, rows):
    """All of them as one import; one that was cut off goes on where it was,
    and a second run posts nothing twice."""
    path = os.path.join(city.work, "trades.csv")
    write_csv(path, ("from", "to", "amount"),
              ((f"m{row['from']}@{CITY}", f"m{row['to']}@{CITY}",
                f"{row['amount']}.00") for row in rows))
    # Each run tells what was refused by itself: a file a run.
    number = len(refused_files(city)) + 1
    result = city.control(
        "gateway-market", "transfer", "import", path, "--refused",
        os.path.join(city.work, f"refused-{number}.csv"), show=True)
    if result.returncode != 0:
        raise Failure("the import stopped (status "
                      f"{result.returncode}); run this again to go on")


def refused_files(city):
    return glob.glob(os.path.join(city.work, "refused-*.csv"))


def fates(city):
    """What the import's state file says of each line, over all runs: how
    many were refused, and why (from the runs' own files), and the rows that
    were posted."""
    with open(os.path.join(city.work, "trades.csv.ids"),
              encoding="ascii") as opened:
        next(opened)
        lines = [line.rstrip()[-1:] for line in opened]
    posted = [row for row, fate in zip(trades(), lines) if fate == "+"]
    refused = lines.count("!")
    reasons = collections.Counter()
    for path in refused_files(city):
        with open(path, encoding="utf-8", newline="") as opened:
            reasons.update(row["refusal"] for row in csv.DictReader(opened))
    if sum(reasons.values()) != refused:
        print("  (a run was cut off before it could tell its reasons: "
              "only their sum is known)")
        reasons = {"refused": refused}
    return posted, reasons


def found(city):
    posted, reasons = fates(city)
    accounts = city.accounts()
    issued = sum(max(0, -account["balance_minor"]) for account in accounts
                 if not account["address"].startswith("city/"))
    figures = {"posted": len(posted), **reasons,
               "sum of balances": sum(account["balance_minor"]
                                      for account in accounts)}
    paid = sum(account["debits_posted_minor"] for account in accounts)
    if paid == 100 * sum(int(row["amount"]) for row in posted):
        figures["credit issued"] = issued
    else:
        print(f"  credit issued is {issued / 100:,.2f}; not checked, since "
              "there was other trade, too")
    return figures


def check(figures):
    right = True
    wanted = dict(EXPECTED)
    if "credit issued" not in figures:
        del wanted["credit issued"]
    if "refused" in figures:
        wanted["refused"] = wanted.pop("OVER_LIMIT") \
            + wanted.pop("OVER_CEILING")
    for name in dict.fromkeys([*wanted, *figures]):
        value, expected = figures.get(name, 0), wanted.get(name, 0)
        good = value == expected
        right = right and good
        shown = f"{value / 100:,.2f}" if "of" in name or "issued" in name \
            else f"{value:,}"
        print(f"  {name:16} {shown:>12}  "
              + ("as expected" if good else f"expected {expected}"))
    if not right:
        raise Failure("this is not what comes of these trades")


def next_commands(city, keep):
    if not keep:
        print(f"The node is stopped; its data are in {city.data}.\n"
              "  deploy/quickstart --keep    start it again and leave it\n"
              "  deploy/quickstart --down    remove its data")
        return
    quote = shlex.quote
    here = city.environment("")
    print(f"""The node is running. In this shell,
  export PATH={quote(city.binaries)}:"$PATH"
  export CLEARCTL_ENDPOINT={here["CLEARCTL_ENDPOINT"]}
  export CLEARCTL_CA={quote(here["CLEARCTL_CA"])}
  as() {{ export CLEARCTL_CERTIFICATE={quote(city.tls)}/$1.crt
         export CLEARCTL_KEY={quote(city.tls)}/$1.key; }}
look around as the auditor,
  as auditor-admin
  clearctl balance m35@{CITY}
  clearctl statement m35@{CITY}
  clearctl export --format hledger
open an account as the operator, and pay as the market:
  as operator-admin
  clearctl account open bakery@{CITY} --limit {LIMIT} --ceiling {CEILING}
  as gateway-market
  clearctl transfer post bakery@{CITY} m35@{CITY} 12.34
At the end:
  deploy/quickstart --down    stop it and remove its data""")


def run(city, keep):
    os.makedirs(city.data, mode=0o755, exist_ok=True)
    if os.listdir(city.data) and not os.path.exists(
            os.path.join(city.data, MARKER)):
        raise Failure(f"{city.data} is not empty and not ours: give another "
                      "--data")
    with open(os.path.join(city.data, MARKER), "w", encoding="utf-8"):
        pass
    os.makedirs(city.work, mode=0o700, exist_ok=True)
    rows = trades()
    started = time.monotonic()
    step(f"a node for the city {CITY} in {city.data}")
    was_running = os.path.isdir(city.node_folder) and city.is_running()
    keep = keep or was_running
    try:
        city.start()
        step("accounts")
        open_accounts(city, rows)
        step(f"{len(rows):,} trades")
        send_trades(city, rows)
        step("what came of them")
        check(found(city))
    except BaseException:
        if not keep and os.path.isdir(city.node_folder):
            city.stop()
        raise
    print(f"  done in {time.monotonic() - started:.1f} s")
    if not keep:
        step("stop")
        city.stop()
    next_commands(city, keep)


def down(city):
    if not os.path.exists(os.path.join(city.data, MARKER)):
        raise Failure(f"{city.data} was not made by quickstart: not touched")
    if os.path.isdir(city.node_folder):
        city.stop()
    shutil.rmtree(city.data)
    print(f"removed {city.data}; kept: packages, build/"
          + (" and the system user clearing" if os.getuid() == 0 else ""))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--bin")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--down", action="store_true")
    given = parser.parse_args()
    city = City(os.path.abspath(given.data), given.bin)
    if given.down:
        down(city)
    else:
        run(city, given.keep)


try:
    main()
except Failure as failure:
    sys.exit(f"quickstart: {failure}")
except KeyboardInterrupt:
    sys.exit("quickstart: interrupted; run it again to go on")
