# SPDX-License-Identifier: AGPL-3.0-or-later
"""Goal: clients that nobody here wrote: @grpc/grpc-js, and buf curl, over
mutual TLS. Run with CLEARING_FOREIGN=1 (tests/run --foreign) where npm is.

(python3-grpcio is what all the other end-to-end tests speak with.)
"""

import json
import os
import shutil
import subprocess
import sys
import unittest

import rpc
from node import City, clean_environment, run

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGES = ["@grpc/grpc-js@1", "@grpc/proto-loader@0.7", "@bufbuild/buf@1"]


@unittest.skipUnless(os.environ.get("CLEARING_FOREIGN") == "1",
                     "CLEARING_FOREIGN is not set")
@unittest.skipUnless(shutil.which("npm") and shutil.which("node"),
                     "no npm and node")
class Foreign(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.city = City()
        cls.addClassCleanup(cls.city.remove)
        cls.city.create()
        cls.city.start()
        cls.folder = f"{cls.city.folder}/npm"
        os.mkdir(cls.folder)
        environment = {**clean_environment(), "HOME": cls.city.folder}
        for name in ("npm_config_registry", "NPM_CONFIG_REGISTRY",
                     "NPM_CONFIG_USERCONFIG", "HOME"):
            if name in os.environ:
                environment[name] = os.environ[name]
        installed = subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error",
             *PACKAGES], cwd=cls.folder, env=environment, timeout=240,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if installed.returncode:
            raise unittest.SkipTest("npm install: " + installed.stdout[-300:])

    def files(self, role, name):
        certificate = self.city.certificate(role, name)
        return (self.city.authority.certificate, certificate.certificate,
                certificate.key)

    def test_foreign_grpc_js(self):
        """Opens accounts, transfers, reads balances, asks for health."""
        shutil.copy(f"{HERE}/foreign.js", self.folder)
        ca, certificate, key = self.files("gateway", "till")
        operator = self.files("operator", "anna")
        port = self.city.address[1]
        result = run(shutil.which("node"), f"{self.folder}/foreign.js",
                     f"localhost:{port}", f"{rpc.SOURCE}/proto",
                     rpc.GRPC_PROTO, ca, certificate, key, *operator[1:],
                     rpc.new_id().hex(), rpc.new_id().hex(),
                     rpc.new_id().hex(), timeout=60)
        self.assertEqual(result.status, 0, result)
        self.assertEqual(json.loads(result.out), {
            "health": "SERVING", "refusals": [
                "TRANSFER_REFUSAL_UNSPECIFIED"],
            "balances": ["-250", "250"],
            "again": True, "unknown": 5})

    def buf(self, path, data, role, name):
        ca, certificate, key = self.files(role, name)
        port = self.city.address[1]
        return run(f"{self.folder}/node_modules/.bin/buf", "curl",
                   "--protocol", "grpc", "--cacert", ca, "--cert",
                   certificate, "--key", key, "--data", data,
                   f"https://localhost:{port}{path}",
                   env={**clean_environment(), "HOME": self.city.folder},
                   timeout=60)

    def test_foreign_buf_curl(self):
        """Finds the schema by reflection, and refusals with their details.
        """
        result = self.buf("/clearing.v1.NodeService/GetNode", "{}",
                          "auditor", "eva")
        self.assertEqual(result.status, 0, result)
        self.assertEqual(result.document["city"], "barcelona")
        result = self.buf("/clearing.v1.AccountService/OpenAccount", "{}",
                          "auditor", "eva")
        self.assertNotEqual(result.status, 0)
        self.assertIn("permission_denied", result.err + result.out)


if __name__ == "__main__":
    program = unittest.main(exit=False)
    result = program.result
    if result.wasSuccessful() and result.skipped and not (
            result.testsRun - len(result.skipped)):
        print("not run:", result.skipped[0][1])
        sys.exit(77)
    sys.exit(not result.wasSuccessful())
