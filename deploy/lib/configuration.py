# SPDX-License-Identifier: AGPL-3.0-or-later
"""configuration: clearing.conf, as far as the wrapper must know it.

The node itself is the judge of the file; this reads what is needed to make a
cluster and certificates for it, and writes the first one.
"""

import os

# What clearing.conf says at first.
FIRST = {
    "federation": "commons",
    "city": "home",
    "unit": "credit",
    "decimals": "2",
    "rpc": "127.0.0.1:7440",
    "ops": "127.0.0.1:7441",
}

TEMPLATE = """\
# SPDX-License-Identifier: AGPL-3.0-or-later
# The node of {city}. `clearingd --check-config` reads it and says what is
# wrong. A key here gives way to CLEARING_SECTION_KEY of the environment.
# SIGHUP reads [tls], [limits] and the roster again.

[node]
# The first four stand in the journal's first block, for ever.
federation = {federation}
city = {city}
unit = {unit}
decimals = {decimals}
data_dir = {folder}

[listen]
# host:port; port 0 takes a free one (see run/endpoints.json).
rpc = {rpc}
ops = {ops}

[tls]
# Made by deploy/make-certificates, which can make more of them.
certificate = {folder}/tls/server.crt
key = {folder}/tls/server.key
ca = {folder}/tls/ca.crt
crl = {folder}/tls/ca.crl

{federated}
# Without this section deploy/clearing-node runs a PostgreSQL of the node's own
# in {folder}/pg. With it, it runs the node alone.
# [database]
# hosts = db1.example.org:5432,db2.example.org:5432
# dbname = clearing
# user = clearing_app_login
# password_file = /etc/clearing/database-password
# sslmode = verify-full
# sslrootcert = /etc/clearing/database-ca.crt

# [limits]
# Minor units up to which an operator may set limits; none by default.
# operator_limit_max_minor = 100000

# [log]
# level = info
# format = text
"""

# Of a city alone, and of one in a federation.
ALONE = """\
# The federation's roster (clearctl federation) and this city's node key;
# without them the city is alone.
# [federation]
# roster = {folder}/roster
# node_key = {folder}/tls/node.key
"""
FEDERATED = """\
[federation]
# clearctl federation makes and signs it; a newer one is taken on SIGHUP.
roster = {roster}
node_key = {folder}/tls/node.key
"""

# What a node takes for keys that are not given.
FALLBACKS = {"unit": "credit", "decimals": "2"}


class ConfigurationError(Exception):
    pass


def read(path):
    """{(section, key): value}; environment over file."""
    values, section = {}, ""
    try:
        with open(path, encoding="utf-8") as opened:
            lines = opened.read().splitlines()
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error
    for number, line in enumerate(lines, 1):
        line = line.strip()
        if not line or line[0] in "#;":
            continue
        if line[0] == "[" and line[-1] == "]":
            section = line[1:-1].strip()
            continue
        key, equals, value = line.partition("=")
        if not equals or not section:
            raise ConfigurationError(
                f"{path}:{number}: neither [section] nor key = value")
        values[(section, key.strip())] = value.strip()
    return values


def value(values, section, key):
    """What holds for a key, or its default, or None."""
    return os.environ.get(f"CLEARING_{section}_{key}".upper()) \
        or values.get((section, key)) or FALLBACKS.get(key)


def node_value(values, key):
    """A key of [node] that the node cannot be without."""
    found = value(values, "node", key)
    if not found:
        raise ConfigurationError(f"[node] {key} is missing")
    return found


def has_database(values):
    return value(values, "database", "hosts") is not None


def write(path, folder, chosen):
    """The first clearing.conf; what is there is kept. True: written.

    chosen: keys of FIRST, and "roster" for a city in a federation.
    """
    if os.path.exists(path):
        return False
    federated = (FEDERATED if chosen.get("roster") else ALONE).format(
        folder=folder, **chosen)
    text = TEMPLATE.format(folder=folder, federated=federated,
                           **{**FIRST, **chosen})
    beside = path + ".new"
    with open(beside, "w", encoding="utf-8") as opened:
        opened.write(text)
    os.rename(beside, path)
    return True
