# SPDX-License-Identifier: AGPL-3.0-or-later
"""quickstart: a city, its members and their trades, by clearctl.

deploy/quickstart installs and builds, then calls this. DIR/node is the node's
data folder, DIR/work holds the inputs, their state files and the log.
"""

import argparse
import collections
import csv
import glob
import os
import shlex
import shutil
import sys
import time

from running import PORT, Failure, Pair, RunningNode

HERE = os.path.dirname(os.path.realpath(__file__))
TRADES = os.path.join(os.path.dirname(HERE), "data", "otc-trades.csv")
MARKER = "made-by-quickstart"
FEDERATION, CITY = "commons", "barcelona"
GATEWAY = "gateway/market"
LIMIT, CEILING = "100.00", "400.00"
# What comes of the trades in file order over one connection, and must.
EXPECTED = {
    "posted": 31868,
    "OVER_LIMIT": 145,
    "OVER_CEILING": 16,
    "sum of balances": 0,
    "credit issued": 1041500,
}


def step(text):
    print(f"== {text}", flush=True)


class City(RunningNode):
    """The node in DIR/node."""

    def __init__(self, data, binaries):
        self.data = data
        self.work = os.path.join(data, "work")
        super().__init__(os.path.join(data, "node"),
                         os.path.join(self.work, "node.log"), binaries)

    def start(self):
        """Start it, or find it running; its endpoint is known then."""
        if self.is_running():
            self.endpoint = self.known_endpoint()
            print(f"running already at {self.endpoint}")
        else:
            self.start_anew()
        self.wait(GATEWAY.replace("/", "-"))

    def start_anew(self):
        pair = Pair()
        self.endpoint = f"127.0.0.1:{pair.rpc}"
        if pair.rpc != PORT:
            print(f"ports {PORT} and {PORT + 1} are taken: using {pair.rpc} "
                  f"and {pair.ops}")
        # clearing.conf may be there, with other ports.
        listen = {"CLEARING_LISTEN_RPC": self.endpoint,
                  "CLEARING_LISTEN_OPS": f"127.0.0.1:{pair.ops}"}
        self.prepare(pair, "--federation", FEDERATION, "--city", CITY,
                     "--person", GATEWAY, environment=listen)
        pair.release()
        self.launch(environment=listen)

    def accounts(self):
        return self.document("auditor-admin", "account", "list")["accounts"]


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
    was_running = city.is_running()
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
