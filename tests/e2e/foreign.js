// SPDX-License-Identifier: AGPL-3.0-or-later
// foreign: what a marketplace written in JavaScript would do, with
// @grpc/grpc-js. Prints one JSON document; test_foreign.py compares it.
"use strict";
const fs = require("fs");
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");

const [target, proto, grpcProto, ca, certificate, key, operatorCertificate,
  operatorKey, ...ids] = process.argv.slice(2);
const loaded = grpc.loadPackageDefinition(loader.loadSync(
  ["clearing/v1/account.proto", "clearing/v1/transfer.proto",
    "clearing/v1/statement.proto", "grpc/health/v1/health.proto"],
  { includeDirs: [proto, grpcProto], enums: String, longs: String,
    defaults: true, keepCase: true }));

function secured(certificateFile, keyFile) {
  return grpc.credentials.createSsl(fs.readFileSync(ca),
    fs.readFileSync(keyFile), fs.readFileSync(certificateFile));
}

function ask(client, method, request) {
  return new Promise((resolve, reject) => client[method](request,
    { deadline: Date.now() + 10000 },
    (error, answer) => error ? reject(error) : resolve(answer)));
}

async function main() {
  const v1 = loaded.clearing.v1;
  const mine = secured(certificate, key);
  const accounts = new v1.AccountService(target,
    secured(operatorCertificate, operatorKey));
  const transfers = new v1.TransferService(target, mine);
  const statements = new v1.StatementService(target, mine);
  const health = new loaded.grpc.health.v1.Health(target, mine);
  const [one, two, three] = ids.map((id) => Buffer.from(id, "hex"));
  const addresses = ["js1@barcelona", "js2@barcelona"];

  for (const [id, address] of [[one, addresses[0]], [two, addresses[1]]]) {
    await ask(accounts, "OpenAccount", { id, address,
      credit_limit_minor: 1000, balance_ceiling_minor: 1000 });
  }
  const batch = { transfers: [{ id: three, amount_minor: 250,
    debit: { address: addresses[0] }, credit: { address: addresses[1] } }] };
  const posted = await ask(transfers, "PostTransfers", batch);
  const again = await ask(transfers, "PostTransfers", batch);
  const balances = [];
  for (const address of addresses) {
    balances.push((await ask(statements, "GetBalance",
      { account: { address } })).balance_minor);
  }
  const unknown = await ask(statements, "GetBalance",
    { account: { address: "nobody@barcelona" } }).catch((error) => error);
  console.log(JSON.stringify({
    health: (await ask(health, "Check", {})).status,
    refusals: posted.results.map((result) => result.refusal),
    balances, again: again.results[0].recorded, unknown: unknown.code,
  }));
}

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
