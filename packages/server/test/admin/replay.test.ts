import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  type AdminOperation,
  type AdminOperationName,
  adminOperations,
  type ListAccessKeysOutput,
} from "@moraine/protocol";
import type { MetadataStore } from "../../src/domain/stores/metadata-store.ts";
import { adminRequest, allow, demand, makeUser, policy } from "../support/admin.ts";
import { assertError } from "../support/glacier.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

// A request to the admin API that somebody recorded, and sends again as it was.

let metadata: MetadataStore;
let server: TestServer;
let skewMilliseconds = 0;
const systemNow = () => new Date(Date.now() + skewMilliseconds);
before(async () => {
  metadata = await openInlineStore(":memory:");
  server = await startTestServer({ metadata, systemNow });
  await makeUser(server, "bob", [allow("*")]);
});
after(async () => {
  await server.stop();
  await metadata.close();
});

const used = {
  status: 403,
  code: "InvalidSignatureException",
  message:
    "Signature already used: a request that changes something is accepted once. Sign the request again, with another time or another amz-sdk-invocation-id.",
};
const bodies: Partial<Record<AdminOperationName, object>> = {
  CreateAccount: { AccountId: "777777777777" },
  UpdateAccessKey: { Status: "Inactive" },
  PutUserPolicy: { Policy: policy(allow("*")) },
  SimulatePolicy: { Action: "glacier:ListVaults" },
  AdvanceClock: { Seconds: 1 },
  PutFault: { Mode: "throttle" },
};
const members = { userName: "eve", policyName: "p", accessKeyId: "AKIANOBODY", accountId: "888888888888" };

let recordings = 0;

/** Gives the same bytes as often as it is sent. */
function recorded(name: AdminOperationName, userName = "eve") {
  const request = adminRequest(name, { members: { ...members, userName }, body: bodies[name] });
  recordings += 1;
  const headers = { ...request.headers, "amz-sdk-invocation-id": `recording-${recordings}` };
  return { ...request, headers, signedAt: systemNow() };
}

const isRead = ({ method, changesNothing }: AdminOperation) => method === "GET" || changesNothing === true;

test("a change is made once, though its request arrives twice", async () => {
  for (const [text, operation] of Object.entries(adminOperations)) {
    const request = recorded(text as AdminOperationName);
    const first = await server.client.send(request);
    const second = await server.client.send(request);
    if (isRead(operation)) {
      assert.equal(second.status, first.status, text);
    } else {
      assert.notEqual(first.status, 403, `${text}: ${first.text}`);
      assertError(second, used);
    }
  }
});

test("a recorded CreateAccessKey gives nobody a second secret, nor after a restart of the server", async (context) => {
  const request = recorded("CreateAccessKey", "bob");
  assert.equal((await server.client.send(request)).status, 201);
  assertError(await server.client.send(request), used);
  const again = await startTestServer({ metadata });
  context.after(() => again.stop());
  const headers = { ...request.headers, host: `127.0.0.1:${server.port}` };
  assertError(await again.client.send({ ...request, headers }), used);
  const { AccessKeys } = await demand<ListAccessKeysOutput>(server, "ListAccessKeys", { members: { userName: "bob" } });
  assert.equal(AccessKeys.length, 2);
});

test("a request that is sent many times at once is done once", async () => {
  const request = recorded("CreateSession", "bob");
  const answers = await Promise.all(Array.from({ length: 8 }, () => server.client.send(request)));
  assert.deepEqual(
    answers.map(({ status }) => status).sort((a, b) => a - b),
    [201, ...Array.from({ length: 7 }, () => 403)],
  );
});

test("a request that was denied may be sent again once it is allowed", async () => {
  const ann = await makeUser(server, "ann");
  const request = { ...recorded("CreateUser", "dan"), key: ann };
  assert.equal((await server.client.send(request)).status, 403);
  await demand(server, "PutUserPolicy", {
    members: { userName: "ann", policyName: "p" },
    body: { Policy: policy(allow("moraine:CreateUser")) },
  });
  assert.equal((await server.client.send(request)).status, 201);
});

test("a signature is remembered for as long as it is accepted, and forgotten then", async () => {
  const request = recorded("CreateSession", "bob");
  assert.equal((await server.client.send(request)).status, 201);
  skewMilliseconds = 290_000;
  assertError(await server.client.send(request), used);
  skewMilliseconds = 302_000;
  assertError(await server.client.send(request), { ...used, message: /^Signature expired: / });
  skewMilliseconds = 11 * 60_000;
  const later = recorded("CreateSession", "bob");
  assert.equal((await server.client.send(later)).status, 201);
  assertError(await server.client.send(later), used);
  skewMilliseconds = 0;
});
