# SPDX-License-Identifier: AGPL-3.0-or-later
"""Goal: only a sound certificate of this city's CA gets in, and a reload
changes who does without a restart."""

import ssl
import unittest

import h2
import rpc
from certificates import Authority
from node import CITY, FEDERATION, CityTest, wait_until
from rpc import item

OWN = f"spiffe://{FEDERATION}/city/{CITY}"


class Certificates(CityTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other = Authority(f"{cls.city.folder}/other-ca", FEDERATION,
                              CITY)
        cls.city.client("operator", "anna").open("m1@barcelona", 1000, 1000)

    def gets_in(self, certificate, **options):
        """Whether the server talks HTTP/2 with the bearer."""
        tls = h2.context(self.city.authority.certificate, certificate,
                         **options)
        try:
            with h2.connect(self.city.address, tls) as opened:
                opened.sendall(h2.hello())
                answer = h2.until_closed(opened, limit=1, timeout=2)
        except (OSError, ssl.SSLError):
            return False
        return any(frame[0] == h2.SETTINGS for frame in answer)

    def issue(self, *names, **dates):
        return self.city.authority.issue(*names, **dates)

    def test_certificates_wrong(self):
        """Each of these ends in the handshake."""
        coop = f"URI:{OWN}/coop/m1"
        revoked = self.issue(coop)
        self.city.authority.revoke(revoked)
        self.city.install_certificate(self.city.node_certificate())
        self.city.reload()
        cases = {
            "none": None,
            "other CA": self.other.issue(coop),
            "other city": self.issue(
                f"URI:spiffe://{FEDERATION}/city/lyon/coop/m1"),
            "other federation": self.issue(
                f"URI:spiffe://elsewhere/city/{CITY}/coop/m1"),
            "expired": self.issue(coop, start="20200101000000Z",
                                  end="20200201000000Z"),
            "not yet valid": self.issue(coop, start="20900101000000Z",
                                        end="20910101000000Z"),
            "revoked": revoked,
            "no URI": self.issue("DNS:localhost"),
            "no name at all": self.issue(),
            "two URIs": self.issue(coop, f"URI:{OWN}/operator/anna"),
            "not spiffe": self.issue(f"URI:https://{CITY}/coop/m1"),
            "wildcard": self.issue(f"URI:{OWN}/coop/*"),
            "percent": self.issue(f"URI:{OWN}/coop/m%31"),
            "empty segment": self.issue(f"URI:{OWN}//m1"),
            "query": self.issue(f"URI:{OWN}/coop/m1?x=1"),
        }
        for name, certificate in cases.items():
            with self.subTest(name), self.unharmed():
                self.assertFalse(self.gets_in(certificate), name)
        self.assertTrue(self.gets_in(self.issue(coop)), "the right one")

    def test_certificates_grpc_client_sees_unavailable(self):
        """A real client with a wrong certificate gets no answer."""
        client = self.city.connect(self.other.issue(f"URI:{OWN}/coop/m1"))
        self.addCleanup(client.close)
        with self.unharmed():
            self.refused(lambda: client.GetNode(timeout=3),
                         code="UNAVAILABLE")

    def test_certificates_old_tls(self):
        good = self.city.certificate("coop", "m1")
        with self.unharmed():
            self.assertFalse(self.gets_in(
                good, version=ssl.TLSVersion.TLSv1_2))
        self.assertTrue(self.gets_in(good, version=ssl.TLSVersion.TLSv1_3))

    def test_certificates_alpn(self):
        """No ALPN, or another protocol: no conversation."""
        good = self.city.certificate("coop", "m1")
        for name, alpn in (("none", ()), ("http/1.1", ("http/1.1",))):
            with self.subTest(name), self.unharmed():
                self.assertFalse(self.gets_in(good, alpn=alpn))

    def test_certificates_visitor(self):
        """A sound URI without a role here may call health only."""
        visitor = self.city.client("visitor", "v")
        self.assertEqual(visitor.health(), "SERVING")
        self.refused(lambda: visitor.GetNode(), "NOT_PERMITTED",
                     "PERMISSION_DENIED")

    def test_certificates_reload_closes_the_revoked(self):
        """After a reload a revoked peer's open connection is closed, too."""
        bad = self.issue(f"URI:{OWN}/coop/m1")
        client = self.city.connect(bad)
        self.addCleanup(client.close)
        balance = client.balance("m1@barcelona")
        self.city.authority.revoke(bad)
        self.city.install_certificate(self.city.node_certificate())
        self.city.reload()

        def out():
            try:
                client.balance("m1@barcelona", timeout=3)
            except rpc.Refused as refused:
                return refused.code == "UNAVAILABLE"
            return False
        wait_until(out, "the revoked client is out", 10)
        self.assertEqual(self.city.client("coop", "m1").balance(
            "m1@barcelona"), balance)

    def test_certificates_reload_refuses_broken_files(self):
        """A broken file is refused, and the old ones serve on."""
        with open(f"{self.city.tls}/node.crt", "w",
                  encoding="ascii") as opened:
            opened.write("no certificate\n")
        try:
            self.city.reload()
            with self.unharmed():
                self.assertTrue(self.gets_in(self.issue(
                    f"URI:{OWN}/coop/m1")))
        finally:
            self.city.install_certificate(self.city.node_certificate())
            self.city.reload()

    def test_certificates_server_certificate_is_replaced(self):
        """A reload shows new callers the new certificate."""
        def shown():
            tls = h2.context(self.city.authority.certificate,
                             self.city.certificate("coop", "m1"))
            with h2.connect(self.city.address, tls) as opened:
                return opened.getpeercert(binary_form=True)
        before = shown()
        self.city.install_certificate(self.city.node_certificate())
        self.city.reload()
        self.assertNotEqual(shown(), before)

    def test_certificates_actor_is_the_caller(self):
        """What is journaled names the certificate's URI, person and all."""
        self.city.client("operator", "anna").open("m2@barcelona", 0, 1000)
        client = self.city.client("coop", "m1", person="mia")
        one = item("m1@barcelona", "m2@barcelona", 1)
        client.post(one)
        found = client.GetTransfer(id=one.id).transfer
        self.assertEqual(found.actor, f"{OWN}/coop/m1/person/mia")


if __name__ == "__main__":
    unittest.main()
