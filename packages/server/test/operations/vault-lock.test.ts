import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  assertCreated,
  assertError,
  createVault,
  eventually,
  invalid,
  missing,
  notFound,
  vaultNotFound,
  vaultPath,
} from "../support/glacier.ts";
import { badPolicies, goodPolicies, policyFor } from "../support/policies.ts";
import { accountId, dayMilliseconds, startTestServer, type TestServer } from "../support/server.ts";
import type { WireAnswer } from "../support/signed-request.ts";

let server: TestServer;
let vaults = 0;
before(async () => {
  server = await startTestServer();
});
after(() => server.stop());

const send = (method: string, vault: string, { id = "", body }: { id?: string; body?: unknown } = {}) =>
  server.client.send({
    method,
    path: `${vaultPath(vault)}/lock-policy${id === "" ? "" : `/${id}`}`,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
const initiate = (vault: string, document = policyFor(vault)) => send("POST", vault, { body: { Policy: document } });
const complete = (vault: string, id: string) => send("POST", vault, { id });
const abort = (vault: string) => send("DELETE", vault);
const get = (vault: string) => send("GET", vault);

const otherId = "-E863rKkWZU53SLW5be4DUcW";
const none = (vault: string) => notFound(`No vault lock policy is set for: ${vault}`);
const denied = (vault: string, state: "InProgress" | "Locked") => ({
  status: 403,
  code: "AccessDeniedException",
  message: `The vault lock is in the ${state} state: ${vault}`,
});

async function newVault(): Promise<string> {
  vaults += 1;
  const vault = `vault-${vaults}`;
  await createVault(server, vault);
  return vault;
}

async function initiated(vault: string, document?: string): Promise<string> {
  const answer = await initiate(vault, document);
  assert.equal(answer.status, 201, answer.text);
  return String(answer.headers["x-amz-lock-id"]);
}

async function lockedVault(): Promise<{ vault: string; lockId: string }> {
  const vault = await newVault();
  const lockId = await initiated(vault);
  assertEmpty(await complete(vault, lockId));
  return { vault, lockId };
}

function assertEmpty(answer: WireAnswer): void {
  assert.equal(answer.status, 204, answer.text);
  assert.equal(answer.text, "");
}

const shown = (vault: string, at: number, state: "InProgress" | "Locked") =>
  JSON.stringify({
    CreationDate: new Date(at).toISOString(),
    ExpirationDate: state === "Locked" ? null : new Date(at + dayMilliseconds).toISOString(),
    Policy: policyFor(vault),
    State: state,
  });

test("a lock goes from none to in progress to locked", async () => {
  const vault = await newVault();
  assertError(await get(vault), none(vault));
  const at = server.clock.now();
  const answer = await initiate(vault);
  assertCreated(answer);
  const lockId = String(answer.headers["x-amz-lock-id"]);
  assert.match(lockId, /^[A-Za-z0-9_-]{24}$/);
  assert.equal((await get(vault)).text, shown(vault, at, "InProgress"));
  server.clock.advance(1000);
  assertEmpty(await complete(vault, lockId));
  assert.equal((await get(vault)).text, shown(vault, at, "Locked"));
});

describe("without a lock", () => {
  test("there is none to complete", async () => {
    const vault = await newVault();
    assertError(await complete(vault, otherId), none(vault));
  });

  test("aborting changes nothing and succeeds", async () => {
    const vault = await newVault();
    assertEmpty(await abort(vault));
    assertEmpty(await abort(vault));
    assertError(await get(vault), none(vault));
  });
});

describe("a lock in progress", () => {
  test("is not initiated again, and stays what it was", async () => {
    const vault = await newVault();
    const lockId = await initiated(vault);
    assertError(await initiate(vault, policyFor(vault, { Sid: "other" })), denied(vault, "InProgress"));
    assert.equal((await get(vault)).text, shown(vault, server.clock.now(), "InProgress"));
    assertEmpty(await complete(vault, lockId));
  });

  test("is not completed by another id, which the error names", async () => {
    const vault = await newVault();
    const lockId = await initiated(vault);
    for (const id of [otherId, lockId.toLowerCase() === lockId ? `${lockId}x` : lockId.toLowerCase(), "x"]) {
      assertError(await complete(vault, id), invalid(`The vault lock ID is invalid: ${id}`));
    }
    assert.equal((await get(vault)).text, shown(vault, server.clock.now(), "InProgress"));
  });

  test("is gone after an abort; its id is good for nothing then, also not for the next lock", async () => {
    const vault = await newVault();
    const first = await initiated(vault);
    assertEmpty(await abort(vault));
    assertError(await get(vault), none(vault));
    assertError(await complete(vault, first), none(vault));
    const second = await initiated(vault);
    assert.notEqual(second, first);
    assertError(await complete(vault, first), invalid(`The vault lock ID is invalid: ${first}`));
    assertEmpty(await complete(vault, second));
  });

  test("holds until a millisecond before its 24 hours are over", async () => {
    const vault = await newVault();
    const at = server.clock.now();
    const lockId = await initiated(vault);
    server.clock.advance(dayMilliseconds - 1);
    assert.equal((await get(vault)).text, shown(vault, at, "InProgress"));
    assertError(await initiate(vault), denied(vault, "InProgress"));
    assertEmpty(await complete(vault, lockId));
    assert.equal((await get(vault)).text, shown(vault, at, "Locked"));
  });

  test("is none when its 24 hours are over", async () => {
    const vault = await newVault();
    const lockId = await initiated(vault);
    server.clock.advance(dayMilliseconds);
    assertError(await get(vault), none(vault));
    assertError(await complete(vault, lockId), none(vault));
    assertError(await complete(vault, otherId), none(vault));
    assertEmpty(await abort(vault));
    const at = server.clock.now();
    const next = await initiated(vault);
    assert.equal((await get(vault)).text, shown(vault, at, "InProgress"));
    assertError(await complete(vault, lockId), invalid(`The vault lock ID is invalid: ${lockId}`));
    assertEmpty(await complete(vault, next));
  });

  test("is removed from its row in time", async () => {
    const vault = await newVault();
    await initiated(vault);
    const key = { accountId, region: "us-east-1", vaultName: vault };
    assert.notEqual((await server.parts.metadata.findVault(key))?.lock, null);
    server.clock.advance(dayMilliseconds + 60_000);
    await eventually(
      "the expired lock is dropped",
      async () => (await server.parts.metadata.findVault(key))?.lock === null,
    );
  });
});

describe("a lock that is complete", () => {
  test("is completed again by its id, and by no other", async () => {
    const { vault, lockId } = await lockedVault();
    assertEmpty(await complete(vault, lockId));
    assertError(await complete(vault, otherId), denied(vault, "Locked"));
  });

  test("is neither aborted nor initiated again, however long ago it was", async () => {
    const { vault, lockId } = await lockedVault();
    const before = (await get(vault)).text;
    for (const wait of [0, dayMilliseconds, 400 * dayMilliseconds]) {
      server.clock.advance(wait);
      assertError(await abort(vault), denied(vault, "Locked"));
      assertError(await initiate(vault), denied(vault, "Locked"));
      assert.equal((await get(vault)).text, before);
    }
    assertEmpty(await complete(vault, lockId));
  });

  test("lets its empty vault be deleted, and a vault of that name be made again without a lock", async () => {
    const { vault, lockId } = await lockedVault();
    assert.equal((await server.client.send({ method: "DELETE", path: vaultPath(vault) })).status, 204);
    assertError(await get(vault), vaultNotFound(vault));
    await createVault(server, vault);
    assertError(await get(vault), none(vault));
    assertError(await complete(vault, lockId), none(vault));
  });

  test("leaves the access policy alone, which can be set and deleted at all times", async () => {
    const { vault } = await lockedVault();
    const path = `${vaultPath(vault)}/access-policy`;
    const body = JSON.stringify({ Policy: policyFor(vault) });
    assertEmpty(await server.client.send({ method: "PUT", path, body }));
    assertEmpty(await server.client.send({ method: "DELETE", path }));
    assert.equal((await get(vault)).status, 200);
  });
});

test("one of many concurrent initiations gets the lock", async () => {
  const vault = await newVault();
  const answers = await Promise.all(Array.from({ length: 6 }, () => initiate(vault)));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 403, 403, 403, 403, 403]);
});

describe("a good lock policy may have", () => {
  for (const [what, document] of goodPolicies("documents")) {
    test(what, async () => {
      await createVault(server, "documents");
      await initiated("documents", document);
      assert.equal((await get("documents")).json<{ Policy: string }>().Policy, document);
      assertEmpty(await abort("documents"));
    });
  }
});

describe("a lock policy is refused, and there is no lock, for", () => {
  for (const [what, document] of badPolicies("documents")) {
    test(what, async () => {
      await createVault(server, "documents");
      const refused = invalid("The specified vault lock policy is invalid. Provide a valid policy.");
      assertError(await initiate("documents", document), refused);
      assertError(await get("documents"), none("documents"));
    });
  }
});

test("a missing policy is named, and one that is no text is not of the right shape", async () => {
  const vault = await newVault();
  for (const body of [undefined, {}, { Policy: null }]) {
    assertError(await send("POST", vault, { body }), missing("policy"));
  }
  for (const Policy of [{}, 1, [policyFor(vault)]]) {
    const message = /^The request body is not of the right shape/;
    assertError(await send("POST", vault, { body: { Policy } }), {
      status: 400,
      code: "SerializationException",
      message,
    });
  }
});

test("a bad policy is reported before the lock's state", async () => {
  const { vault } = await lockedVault();
  assertError(await initiate(vault, "{"), invalid(/^The specified vault lock policy is invalid/));
});

test("a vault that is not there is not found", async () => {
  assertError(await send("POST", "nowhere", { body: {} }), vaultNotFound("nowhere"));
  for (const answer of [complete("nowhere", otherId), abort("nowhere"), get("nowhere")]) {
    assertError(await answer, vaultNotFound("nowhere"));
  }
});

test("each vault has its own lock", async () => {
  const [first, second] = [await newVault(), await newVault()];
  const lockId = await initiated(first);
  assertError(await get(second), none(second));
  await initiated(second);
  assertError(await complete(second, lockId), invalid(`The vault lock ID is invalid: ${lockId}`));
});

test("another account's lock cannot be changed", async () => {
  const foreign = { status: 403, code: "AccessDeniedException", message: "Access denied for account ID: 999999999999" };
  const path = "/999999999999/vaults/vault/lock-policy";
  for (const [method, url] of [
    ["POST", path],
    ["POST", `${path}/${otherId}`],
    ["DELETE", path],
  ] as const) {
    assertError(await server.client.send({ method, path: url, ...(method === "POST" ? { body: "{}" } : {}) }), foreign);
  }
  // Seeing it is for whom its owner lets in.
  assertError(await server.client.send({ method: "GET", path }), {
    ...foreign,
    message: /because no resource-based policy allows the glacier:GetVaultLock action$/,
  });
});
