import assert from "node:assert/strict";
import { test } from "node:test";
import { SignatureV4 } from "@smithy/signature-v4";
import { Sha256 } from "./support/glacier-http.ts";
import { region, rootKey, runServer, startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

/** Lists the vaults as an old signer does, which leaves the version unsigned. */
async function listVaults(url: string): Promise<Response> {
  const { host, hostname } = new URL(url);
  const signer = new SignatureV4({ credentials: rootKey, region, service: "glacier", sha256: Sha256 });
  const headers = { host, "x-amz-glacier-version": "2012-06-01" };
  const signed = await signer.sign(
    { method: "GET", protocol: "http:", hostname, path: "/-/vaults", headers },
    { unsignableHeaders: new Set(["x-amz-glacier-version"]) },
  );
  return fetch(`${url}/-/vaults`, { headers: signed.headers });
}

test("--unsigned-headers allow serves a signer that leaves headers out, which is refused otherwise", async () => {
  for (const [flags, status] of [
    [["--unsigned-headers", "allow"], 200],
    [["--unsigned-headers", "refuse"], 403],
    [[], 403],
  ] as const) {
    await using folder = await temporaryFolder();
    await using server = await startServer({ dataFolder: `${folder.path}/data`, flags });
    const answer = await listVaults(server.url);
    assert.equal(answer.status, status, await answer.text());
  }
});

test("another value of --unsigned-headers is a usage error", async () => {
  const { code, stderr } = await runServer(["--unsigned-headers", "sometimes"]);
  assert.equal(code, 2);
  assert.match(stderr, /--unsigned-headers: .*"refuse"\|"allow"/);
});
