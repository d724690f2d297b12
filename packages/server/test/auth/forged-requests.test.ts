import assert from "node:assert/strict";
import { hash, randomInt } from "node:crypto";
import { after, before, test } from "node:test";
import { type CreateSessionOutput, operations } from "@moraine/protocol";
import { Random } from "../../../../test/support/random.ts";
import { connectRaw, type RawConnection } from "../http/raw-socket.ts";
import { demand, makeAccount, makeUser, otherAccountId } from "../support/admin.ts";
import type { TestServer } from "../support/server.ts";
import { attacks, type Forged } from "./attacks.ts";
import { damaged } from "./damage.ts";
import { assertDenied } from "./denied.ts";
import { draftOf, signingOf, wireText } from "./drafting.ts";
import { adminRouteRequests, type DraftRequest, routeRequests } from "./route-drafts.ts";
import { startTarget, type Target } from "./side-effects.ts";
import { signInHeader, signInQuery } from "./signing.ts";

// Requests that somebody without the key could send, or could make of one that was captured: none may do anything.

let target: Target;
let server: TestServer;
let routes: readonly DraftRequest[];
let connection: RawConnection;
const refused: DraftRequest[] = [];

before(async () => {
  target = await startTarget({ presigned: "all" });
  server = target.server;
  await makeAccount(server);
  const { accessKeyId } = await makeUser(server, "bob");
  const members = { userName: "bob", policyName: "granted", accountId: otherAccountId, accessKeyId };
  connection = await connectRaw(server.port);
  routes = [...routeRequests(target.values), ...adminRouteRequests(members)];
});
after(async () => {
  connection.close();
  await target.stop();
});

async function assertRefused(route: DraftRequest, { body = route.body, ...forged }: Forged, what: string) {
  assertDenied(await connection.request(wireText(forged, body)), `${route.name}: ${what}`);
  refused.push(route);
}

test("no forged request over any route is accepted or leaves a trace", {
  timeout: 120_000,
}, async () => {
  const untouched = await target.snapshot();
  for (const route of routes) {
    for (const attack of attacks) {
      const forged = attack.forge(draftOf(server, route), signingOf(server, route));
      await assertRefused(route, forged, attack.name);
    }
  }
  assert.deepEqual(await target.snapshot(), untouched);
});

test("the signature of a request that was captured opens no other", { timeout: 120_000 }, async () => {
  const untouched = await target.snapshot();
  for (const captured of routes) {
    const { headers } = signInHeader(draftOf(server, captured), signingOf(server, captured));
    const proof = headers.filter(([name]) => /^(authorization|x-amz-date)$/i.test(name));
    for (const route of routes.filter((each) => each !== captured)) {
      const draft = draftOf(server, route);
      await assertRefused(route, { ...draft, headers: [...draft.headers, ...proof] }, `signed as ${captured.name}`);
    }
  }
  assert.deepEqual(await target.snapshot(), untouched);
});

test("no request is accepted with any one character changed", { timeout: 120_000 }, async (context) => {
  const seed = randomInt(2 ** 31);
  context.diagnostic(`seed ${seed}`);
  const random = new Random(seed);
  const untouched = await target.snapshot();
  for (const route of routes) {
    for (let time = 0; time < 30; time += 1) {
      const signed = signInHeader(draftOf(server, route), signingOf(server, route));
      const { where, ...request } = damaged(signed, route.body, random);
      await assertRefused(route, request, `seed ${seed}, ${where} changed: ${wireText(request, request.body ?? "")}`);
    }
  }
  assert.deepEqual(await target.snapshot(), untouched);
});

test("a key that is no longer valid and a session without its token are refused", async () => {
  const { accessKeyId, secretAccessKey } = await makeUser(server, "carol");
  const members = { userName: "carol", accessKeyId };
  const session = await demand<CreateSessionOutput>(server, "CreateSession", { members, body: {} });
  await demand(server, "UpdateAccessKey", { members, body: { Status: "Inactive" } });
  const removed = await makeUser(server, "dave");
  await demand(server, "DeleteUser", { members: { userName: "dave" } });
  const untouched = await target.snapshot();
  const keys = {
    inactive: { accessKeyId, secretAccessKey },
    removed,
    "a session's": { accessKeyId: session.AccessKeyId, secretAccessKey: session.SecretAccessKey },
  };
  for (const [name, key] of Object.entries(keys)) {
    for (const route of routes) {
      const signing = signingOf(server, route);
      const scope = { ...signing.scope, accessKeyId: key.accessKeyId };
      const own = { ...signing, secretAccessKey: key.secretAccessKey, scope };
      await assertRefused(route, signInHeader(draftOf(server, route), own), `the key is ${name}`);
    }
  }
  assert.deepEqual(await target.snapshot(), untouched);
});

test("more than 5,000 requests over the 33 routes were refused in all", (context) => {
  const perRoute = new Map<string, number>();
  for (const { name, service } of refused) {
    perRoute.set(name, (perRoute.get(name) ?? 0) + (service === "glacier" ? 1 : 0));
  }
  const glacier = refused.filter(({ service }) => service === "glacier").length;
  context.diagnostic(`${glacier} requests over 33 routes, and ${refused.length - glacier} over the admin API's`);
  assert.ok(glacier >= 5000, `${glacier}`);
  assert.ok(Object.keys(operations).every((name) => (perRoute.get(name) ?? 0) >= 150));
});

test("no byte of a body can change without its request being refused", async () => {
  const body = Buffer.from("precious bytes");
  const upload = routes.find(({ name }) => name === "UploadArchive") as DraftRequest;
  const hashes = { "x-amz-content-sha256": hash("sha256", body), "x-amz-sha256-tree-hash": hash("sha256", body) };
  const request = { ...upload, headers: { ...upload.headers, ...hashes }, body: body.toString() };
  const signed = signInHeader(draftOf(server, request), signingOf(server, request));
  const untouched = await target.snapshot();
  for (let bit = 0; bit < body.length * 8; bit += 3) {
    const damaged = Buffer.from(body);
    damaged.writeUInt8(damaged.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    const answer = await connection.request(wireText(signed, damaged.toString("latin1")));
    assert.equal(answer.json()?.code, "InvalidSignatureException", answer.text);
    assert.match(answer.text, /does not match the computed payload hash/);
  }
  assert.deepEqual(await target.snapshot(), untouched);
});

test("the same requests, signed as they should be, pass authentication", async () => {
  for (const route of routes) {
    for (const sign of route.service === "glacier" ? [signInHeader, signInQuery] : [signInHeader]) {
      const answer = await connection.request(
        wireText(sign(draftOf(server, route), signingOf(server, route)), route.body),
      );
      const code = answer.json()?.code ?? "none";
      assert.doesNotMatch(code, /Signature|Token|UnrecognizedClient/, `${route.name}: ${answer.text}`);
      assert.doesNotMatch(answer.text, /not authorized/, route.name);
      assert.ok(answer.status < 500, answer.text);
    }
  }
});
