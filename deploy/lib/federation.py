# SPDX-License-Identifier: AGPL-3.0-or-later
"""federation: several cities on one machine; deploy/federation says how.

What is there is kept: a second `up` starts what does not run, adds what is
new, and signs the roster's next version when it changed.
"""

import argparse
import concurrent.futures
import csv
import difflib
import itertools
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time

import configuration
from running import HERE, PORT, Failure, Pair, RunningNode

CITIES = os.path.join(os.path.dirname(HERE), "data", "cities.csv")
BINARIES = os.path.join(os.path.dirname(os.path.dirname(HERE)),
                        "build/release/bin")
MARKER = "made-by-federation"
MARKET = "gateway/market"
DEGREES = "{:.6f}"
RELOAD_DEADLINE_S = 30
USAGE = 2
# As clearctl takes them; the unit has two decimals.
AMOUNT = re.compile(r"[0-9]{1,13}(\.[0-9]{1,2})?")
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
NAME_SIZE_MAX = 32


class Misuse(Failure):
    """What was asked for cannot be; nothing has been done."""


def step(text):
    print(f"== {text}", flush=True)


def known_cities():
    """{city: row of cities.csv}"""
    with open(CITIES, encoding="utf-8", newline="") as opened:
        return {row["city"]: row for row in csv.DictReader(opened)}


class City(RunningNode):
    """One city's node in DIR/CITY."""

    def __init__(self, name, given):
        self.name, self.given = name, given
        self.pair = None
        super().__init__(os.path.join(given.dir, name),
                         os.path.join(given.dir, "log", name), given.bin)

    def command(self, *words):
        user = ["--user", self.given.user] if self.given.user else []
        return super().command(*user, *words)

    def path(self, name):
        return os.path.join(self.node_folder, name)

    def is_made(self):
        return os.path.exists(self.path("clearing.conf"))

    def listens(self):
        """(rpc, ops) as clearing.conf has them."""
        values = configuration.read(self.path("clearing.conf"))
        return [values[("listen", name)] for name in ("rpc", "ops")]

    def make(self):
        people = [word for person in (MARKET, *self.given.person)
                  for word in ("--person", person)]
        self.prepare(self.pair, "--federation", self.given.name, "--city",
                     self.name, "--roster", roster_path(self.given), *people)

    def start(self):
        self.endpoint = self.listens()[0]
        if self.pair:
            self.pair.release()
        self.launch()

    def reload(self):
        """Have it read the roster again, if it runs."""
        with open(self.path("run/clearingd.pid"), encoding="ascii") as opened:
            pid = int(opened.read())
        # Root must not be led to somebody else's process.
        if os.stat(f"/proc/{pid}").st_uid != os.stat(self.node_folder).st_uid:
            raise Failure(f"process {pid} is not the owner's of "
                          f"{self.node_folder}")
        os.kill(pid, signal.SIGHUP)

    def said(self, text):
        with open(self.log, encoding="utf-8", errors="replace") as opened:
            return text in opened.read()


# ---- the roster

def roster_path(given):
    return os.path.join(given.dir, "roster")


def draft_path(given):
    """Where the roster is changed, until it is signed."""
    return roster_path(given) + ".draft"


def control(path, given, *words):
    """clearctl federation WORDS on a roster; what it said."""
    done = subprocess.run(
        [os.path.join(given.bin, "clearctl"), "federation", words[0],
         path, *words[1:], "--json"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        check=False)
    try:
        said = json.loads(done.stdout)
    except ValueError:
        raise Failure(f"clearctl federation {words[0]}: status "
                      f"{done.returncode}") from None
    if done.returncode != 0:
        raise Failure(f"clearctl federation {words[0]}: "
                      f"{said['error']['message']}")
    return said


def change(given, *words):
    return control(draft_path(given), given, *words)


def add_city(given, city):
    row = known_cities()[city.name]
    change(given, "add-city", city.name,
            "--node-key", city.path("tls/node.pub"),
            "--ca", city.path("tls/ca.crt"), "--endpoint", city.listens()[0],
            "--place", f"{row['name']}, {row['country']}",
            "--latitude", DEGREES.format(float(row["latitude"])),
            "--longitude", DEGREES.format(float(row["longitude"])),
            "--bioregion", row["bioregion"])


def wanted_links(given, names):
    """Pairs that shall have a link."""
    if not given.ring:
        return list(itertools.combinations(names, 2))
    around = list(zip(names, [*names[1:], names[0]]))
    return around[:1] if len(names) == 2 else around


def sign(given, cities):
    founders = change(given, "show")["founders"]
    for city in cities:
        if city.name in founders:
            said = change(given, "sign", "--city", city.name, "--key",
                          city.path("tls/node.key"))
    if not said["valid"]:
        raise Failure("the roster lacks signatures: "
                      f"{said['founders_signed']} of the "
                      f"{said['founders_needed']} that are needed")


def shown_roster(given):
    """The roster that holds, or None before there is one."""
    if not os.path.exists(roster_path(given)):
        return None
    return control(roster_path(given), given, "show")


def listed_cities(given):
    shown = shown_roster(given)
    return [city["name"] for city in shown["cities"]] if shown else []


def begin_draft(given, cities):
    if os.path.exists(draft_path(given)):
        os.unlink(draft_path(given))
    if os.path.exists(roster_path(given)):
        shutil.copy(roster_path(given), draft_path(given))
    else:
        change(given, "init", "--federation", given.name, "--founders",
               ",".join(city.name for city in cities))


def write_roster(given, cities):
    """The roster with these cities in it, and links to those that are new."""
    listed = listed_cities(given)
    fresh = [city for city in cities if city.name not in listed]
    if not fresh:
        return
    begin_draft(given, cities)
    for city in fresh:
        add_city(given, city)
    for a, b in wanted_links(given, [city.name for city in cities]):
        if a not in listed or b not in listed:
            change(given, "add-link", a, b, "--line-a", given.line,
                   "--line-b", given.line)
    sign(given, cities)
    os.chmod(draft_path(given), 0o644)
    os.replace(draft_path(given), roster_path(given))


# ---- up

def check_names(given):
    known = known_cities()
    for name in given.city:
        if name not in known:
            near = difflib.get_close_matches(name, known, 3, 0.5)
            raise Misuse(f"{name} is not in deploy/data/cities.csv"
                         + (f"; is it {' or '.join(near)}?" if near else ""))
    for name in given.city:
        if given.city.count(name) > 1:
            raise Misuse(f"{name} is given twice")


def check_options(given):
    """What would be found wrong too late, or never."""
    if not AMOUNT.fullmatch(given.line):
        raise Misuse(f"--line {given.line}: not an amount, such as 1000 or "
                     "12.50")
    if not NAME.fullmatch(given.name) or len(given.name) > NAME_SIZE_MAX:
        raise Misuse(f"--name {given.name}: not a name: a-z, 0-9 and single "
                     f"hyphens, at most {NAME_SIZE_MAX}")
    if not 1 <= given.port <= 65534:
        raise Misuse(f"--port {given.port}: not 1 to 65534")
    for name in ("clearingd", "clearctl"):
        if not os.access(os.path.join(given.bin, name), os.X_OK):
            raise Misuse(f"no {name} in {given.bin}: build with `cmake "
                         "--workflow --preset release`, or give --bin")


def take_folder(given, marker):
    os.makedirs(given.dir, mode=0o755, exist_ok=True)
    if os.listdir(given.dir) and not os.path.exists(marker):
        raise Misuse(f"{given.dir} is not empty and not ours: give another "
                     "DIR")
    os.makedirs(os.path.join(given.dir, "log"), exist_ok=True)
    with open(marker, "a", encoding="ascii"):
        pass


def own_folder(given):
    marker = os.path.join(given.dir, MARKER)
    if not os.path.exists(marker) and not given.city:
        raise Misuse("name the cities to start")
    try:
        take_folder(given, marker)
    except OSError as error:
        raise Misuse(f"{error.filename}: {error.strerror}: give another "
                     "DIR") from error
    known = [city.name for city in cities_of(given)]
    with open(marker, "a", encoding="ascii") as opened:
        opened.writelines(f"{name}\n" for name in given.city
                          if name not in known)


def cities_of(given):
    """All of DIR, in the order in which they came."""
    with open(os.path.join(given.dir, MARKER), encoding="ascii") as opened:
        names = opened.read().split()
    # Whatever the list says, no node is overlooked.
    names += sorted(name for name in os.listdir(given.dir)
                    if name not in names and City(name, given).is_made())
    return [City(name, given) for name in names]


def prepare(given, cities):
    """All of them at once: most of it is waiting for PostgreSQL."""
    taken, jobs = set(), []
    for city in cities_of(given):
        if city.is_made():
            taken.update(int(listen.rpartition(":")[2])
                         for listen in city.listens())
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for city in cities:
            if not city.is_made():
                city.pair = Pair(taken, given.port)
                taken.update((city.pair.rpc, city.pair.ops))
            jobs.append(pool.submit(city.make))
        for job in jobs:
            job.result()


def until_taken(city, version):
    text = f"roster_taken version={version}"
    deadline = time.monotonic() + RELOAD_DEADLINE_S
    city.reload()
    while not city.said(text):
        if time.monotonic() > deadline:
            raise Failure(f"{city.name} does not take version {version} of "
                          f"the roster:\n{city.tail()}")
        time.sleep(0.1)


def up(given):
    check_options(given)
    check_names(given)
    own_folder(given)
    cities = cities_of(given)
    if not cities:
        raise Misuse("name the cities to start")
    running = [city for city in cities if city.is_running()]
    listed = listed_cities(given)
    fresh = [city for city in cities if city.name not in listed]
    if fresh:
        step("make " + ", ".join(city.name for city in fresh))
        prepare(given, fresh)
    write_roster(given, cities)
    version = shown_roster(given)["version"]
    step(f"roster: version {version}, {len(cities)} cities")
    for city in running:
        city.endpoint = city.known_endpoint()
        if fresh:
            until_taken(city, version)
    for city in cities:
        if city not in running:
            step(f"start {city.name}")
            city.start()
    for city in cities:
        city.wait(MARKET.replace("/", "-"))
    tell(given, cities)


def tell(given, cities):
    quote = shlex.quote
    for city in cities:
        print(f"  {city.name:16} {city.endpoint}")
    first = cities[0]
    print(f"""They are running. In this shell,
  export PATH={quote(given.bin)}:"$PATH"
  as() {{ # as CITY ROLE: clearctl then asks that city's node as that role
    export CLEARCTL_ENDPOINT=$(sed -n 's/^rpc = //p' \\
        {quote(given.dir)}/$1/clearing.conf)
    export CLEARCTL_CA={quote(given.dir)}/$1/tls/ca.crt
    export CLEARCTL_CERTIFICATE={quote(given.dir)}/$1/tls/$2.crt
    export CLEARCTL_KEY={quote(given.dir)}/$1/tls/$2.key; }}
look at the federation and open an account,
  clearctl federation show {quote(roster_path(given))}
  as {first.name} operator-admin
  clearctl account open bakery@{first.name} --limit 100.00 --ceiling 400.00
At the end:
  deploy/federation down {quote(given.dir)} --remove""")


# ---- status and down

def our_cities(given):
    if not os.path.exists(os.path.join(given.dir, MARKER)):
        raise Failure(f"{given.dir} was not made by deploy/federation")
    cities = [city for city in cities_of(given) if city.is_made()]
    for name in given.city:
        if name not in [city.name for city in cities]:
            raise Misuse(f"there is no {name} in {given.dir}")
    return [city for city in cities
            if not given.city or city.name in given.city]


def state_of(city):
    if not city.is_running():
        return "stopped"
    try:
        city.endpoint = city.known_endpoint()
    except (OSError, ValueError):
        return "starting"
    return "serving" if city.is_healthy() else "not serving"


def status(given):
    """True: all of them serve."""
    states = []
    for city in our_cities(given):
        states.append(state_of(city))
        print(f"{city.name:16} {states[-1]:12} {city.listens()[0]:22} "
              f"{city.node_folder}")
    return bool(states) and all(state == "serving" for state in states)


def down(given):
    if given.remove and given.city:
        raise Misuse("--remove is for all of them: name no CITY")
    cities = our_cities(given)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for city, stopped in [(city, pool.submit(city.stop))
                              for city in cities if city.is_running()]:
            stopped.result()
            print(f"stopped {city.name}")
    if given.remove:
        still = [city.name for city in cities if city.is_running()]
        if still:
            raise Failure(f"still running: {', '.join(still)}")
        shutil.rmtree(given.dir)
        print(f"removed {given.dir}")


def main():
    parser = argparse.ArgumentParser(prog="federation")
    parser.add_argument("verb", choices=("up", "down", "status"))
    parser.add_argument("dir")
    parser.add_argument("city", nargs="*")
    parser.add_argument("--line", default="1000")
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--ring", action="store_true")
    parser.add_argument("--name", default="commons")
    parser.add_argument("--person", action="append", default=[])
    parser.add_argument("--user")
    parser.add_argument("--bin", default=BINARIES)
    parser.add_argument("--remove", action="store_true")
    given = parser.parse_intermixed_args()
    given.dir, given.bin = os.path.abspath(given.dir), os.path.abspath(
        given.bin)
    if given.verb == "up":
        up(given)
    elif given.verb == "down":
        down(given)
    else:
        sys.exit(0 if status(given) else 1)


try:
    main()
except Misuse as misuse:
    print(f"federation: {misuse}", file=sys.stderr)
    sys.exit(USAGE)
except Failure as failure:
    sys.exit(f"federation: {failure}")
except OSError as error:
    sys.exit(f"federation: {error.filename}: {error.strerror}")
except KeyboardInterrupt:
    sys.exit("federation: interrupted; run it again to go on")
