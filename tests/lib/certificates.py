# SPDX-License-Identifier: AGPL-3.0-or-later
"""certificates: a CA of a city, and certificates right and wrong, by openssl.

deploy/make-certificates makes the right ones; this makes those that it never
would: expired, of another city, with two names, revoked.
"""

import os
import subprocess
import threading

CONFIG = """\
[ca]
default_ca = city
[city]
dir = {folder}
database = {folder}/index.txt
serial = {folder}/serial
crlnumber = {folder}/crlnumber
new_certs_dir = {folder}
certificate = {folder}/ca.crt
private_key = {folder}/ca.key
default_md = sha256
policy = any
unique_subject = no
default_days = 30
default_crl_days = 30
copy_extensions = none
[any]
commonName = supplied
"""


def openssl(*arguments):
    result = subprocess.run(["openssl", *arguments], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True)
    if result.returncode:
        raise RuntimeError(f"openssl {' '.join(arguments)}: {result.stdout}")


def write(path, text):
    with open(path, "w", encoding="utf-8") as opened:
        opened.write(text)
    return path


class Certificate:
    def __init__(self, certificate, key):
        self.certificate, self.key = certificate, key

    def bytes(self):
        with open(self.certificate, "rb") as one, open(self.key, "rb") as two:
            return one.read(), two.read()


class Authority:
    """A CA in `folder`; the files are made at once."""

    def __init__(self, folder, name="test CA"):
        os.makedirs(folder, exist_ok=True)
        self.folder, self.count, self.lock = folder, 0, threading.Lock()
        self.certificate = f"{folder}/ca.crt"
        self.crl = f"{folder}/ca.crl"
        self.config = write(f"{folder}/ca.conf", CONFIG.format(folder=folder))
        write(f"{folder}/index.txt", "")
        write(f"{folder}/serial", "1000\n")
        write(f"{folder}/crlnumber", "1000\n")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-days", "60",
                "-subj", f"/CN={name}", "-keyout", f"{folder}/ca.key",
                "-addext", "keyUsage=critical,keyCertSign,cRLSign",
                "-out", self.certificate)
        self.make_crl()

    def issue(self, *names, start=None, end=None):
        """A certificate with `names` ("URI:spiffe://...", "DNS:...") as SANs.

        start, end: YYYYMMDDHHMMSSZ.
        """
        with self.lock:
            return self._issue(names, start, end)

    def _issue(self, names, start, end):
        self.count += 1
        stem = f"{self.folder}/certificate-{self.count}"
        lines = ["[extensions]", "basicConstraints=critical,CA:FALSE",
                 "keyUsage=critical,digitalSignature",
                 "extendedKeyUsage=clientAuth,serverAuth"]
        if names:
            lines.append("subjectAltName=" + ",".join(names))
        write(stem + ".ext", "\n".join(lines) + "\n")
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-subj",
                f"/CN=test {self.count}", "-keyout", stem + ".key",
                "-out", stem + ".csr")
        dates = []
        if start:
            dates += ["-startdate", start]
        if end:
            dates += ["-enddate", end]
        openssl("ca", "-batch", "-notext", "-config", self.config,
                "-extfile", stem + ".ext", "-extensions", "extensions",
                "-in", stem + ".csr", "-out", stem + ".crt", *dates)
        return Certificate(stem + ".crt", stem + ".key")

    def make_crl(self):
        openssl("ca", "-config", self.config, "-gencrl", "-out", self.crl)

    def revoke(self, certificate):
        openssl("ca", "-config", self.config, "-revoke",
                certificate.certificate)
        self.make_crl()
