import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { assertError, createVault, invalid, missing, notFound, vaultNotFound, vaultPath } from "../support/glacier.ts";
import { badPolicies, goodPolicies, policyFor } from "../support/policies.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
  await createVault(server, "vault");
});
after(() => server.stop());

const send = (method: string, vault: string, body?: unknown) =>
  server.client.send({
    method,
    path: `${vaultPath(vault)}/access-policy`,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
const set = (Policy: unknown, vault = "vault") => send("PUT", vault, { Policy });

async function kept(document: string, vault = "vault"): Promise<void> {
  const answer = await set(document, vault);
  assert.equal(answer.status, 204, answer.text);
  assert.equal(answer.text, "");
  assert.equal((await send("GET", vault)).text, JSON.stringify({ Policy: document }));
}

const serialization = { status: 400, code: "SerializationException", message: /^The request body is not of the right/ };
const refused = invalid("The specified vault access policy is invalid. Provide a valid policy.");

test("a policy comes back as it was given, is replaced as a whole, and goes when it is deleted", async () => {
  await kept(policyFor("vault"));
  await kept(
    policyFor("vault", { Sid: "other", Effect: "Deny", Condition: { Bool: { "aws:SecureTransport": false } } }),
  );
  for (let times = 0; times < 2; times += 1) {
    assert.equal((await send("DELETE", "vault")).status, 204);
    assertError(await send("GET", "vault"), notFound("No vault access policy is set for: vault"));
  }
});

describe("a good policy may have", () => {
  for (const [what, document] of goodPolicies("vault")) {
    test(what, () => kept(document));
  }
});

describe("a policy is refused, and the one before stays, for", () => {
  for (const [what, document] of badPolicies("vault")) {
    test(what, async () => {
      await kept(policyFor("vault"));
      assertError(await set(document), refused);
      assert.equal((await send("GET", "vault")).text, JSON.stringify({ Policy: policyFor("vault") }));
    });
  }
});

test("a missing policy is named", async () => {
  for (const body of [undefined, {}, { Policy: null }, { policy: policyFor("vault") }]) {
    assertError(await send("PUT", "vault", body), missing("policy"));
  }
});

test("a policy that is no text is not of the right shape", async () => {
  for (const policy of [{}, JSON.parse(policyFor("vault")), 1, true, [policyFor("vault")]]) {
    assertError(await set(policy), serialization);
  }
});

test("a vault that is not there is not found, whatever the body says", async () => {
  assertError(await send("PUT", "nowhere", {}), vaultNotFound("nowhere"));
  assertError(await send("GET", "nowhere"), vaultNotFound("nowhere"));
  assertError(await send("DELETE", "nowhere"), vaultNotFound("nowhere"));
});

test("a vault that is made again has no policy", async () => {
  await createVault(server, "short-lived");
  await kept(policyFor("short-lived"), "short-lived");
  assert.equal((await server.client.send({ method: "DELETE", path: vaultPath("short-lived") })).status, 204);
  await createVault(server, "short-lived");
  assertError(await send("GET", "short-lived"), notFound("No vault access policy is set for: short-lived"));
});
