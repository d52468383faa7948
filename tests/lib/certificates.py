# SPDX-License-Identifier: AGPL-3.0-or-later
"""certificates: a city's CA made by deploy/make-certificates, and, with its
key, certificates that the script would never make: expired, of another city,
with two names, revoked behind its back.
"""

import os
import subprocess
import threading

SOURCE = os.environ.get("CLEARING_SOURCE") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def command(folder, *arguments):
    result = subprocess.run(arguments, stdin=subprocess.DEVNULL, cwd=folder,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, timeout=60)
    if result.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: {result.stdout}")


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
    """A CA in `folder`, with its node's certificate; made at once."""

    def __init__(self, folder, federation, city):
        self.folder, self.count, self.lock = folder, 0, threading.Lock()
        self.certificate = f"{folder}/ca.crt"
        self.crl = f"{folder}/ca.crl"
        command("/", f"{SOURCE}/deploy/make-certificates", folder,
                "--federation", federation, "--city", city)
        self.server = Certificate(f"{folder}/server.crt",
                                  f"{folder}/server.key")

    def openssl(self, *arguments):
        command(self.folder, "openssl", *arguments)

    def issue(self, *names, start=None, end=None):
        """A certificate with `names` ("URI:spiffe://...", "DNS:...") as SANs.

        start, end: YYYYMMDDHHMMSSZ.
        """
        with self.lock:
            return self._issue(names, start, end)

    def _issue(self, names, start, end):
        self.count += 1
        stem = f"{self.folder}/test-{self.count}"
        lines = ["[extensions]", "basicConstraints=critical,CA:FALSE",
                 "keyUsage=critical,digitalSignature",
                 "extendedKeyUsage=clientAuth,serverAuth"]
        if names:
            lines.append("subjectAltName=" + ",".join(names))
        write(stem + ".ext", "\n".join(lines) + "\n")
        self.openssl("req", "-new", "-newkey", "ec", "-pkeyopt",
                     "ec_paramgen_curve:P-256", "-nodes", "-subj",
                     f"/CN=test {self.count}", "-keyout", stem + ".key",
                     "-out", stem + ".csr")
        self.openssl("ca", "-batch", "-notext", "-config",
                     "ca/openssl.conf", "-extfile", stem + ".ext",
                     "-extensions", "extensions", "-startdate",
                     start or "20240101000000Z", "-enddate",
                     end or "20990101000000Z", "-in", stem + ".csr",
                     "-out", stem + ".crt")
        return Certificate(stem + ".crt", stem + ".key")

    def revoke(self, certificate):
        with self.lock:
            self.openssl("ca", "-config", "ca/openssl.conf", "-revoke",
                         certificate.certificate)
            self.openssl("ca", "-config", "ca/openssl.conf", "-gencrl",
                         "-out", self.crl)
