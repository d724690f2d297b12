import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { assertError, invalid, uploadArchive, vaultNotFound } from "../support/glacier.ts";
import { accountId, startTestServer, type TestServer } from "../support/server.ts";
import { type RouteRequest, routeRequests } from "./route-drafts.ts";
import { startTarget, type Target } from "./side-effects.ts";

// Signed by AWS's own signer, sent by node:http: nothing honest may be refused for its signature.

let server: TestServer;
let target: Target;
before(async () => {
  server = await startTestServer();
  target = await startTarget();
});
after(async () => {
  await server.stop();
  await target.stop();
});

const headerName = fc.stringMatching(/^x-amz-meta-[a-z]{1,8}$/);
const signatureError = /Signature|Token|UnrecognizedClient/;
const vaultName = fc.stringMatching(/^[A-Za-z0-9._-]{1,40}$/).filter((name) => name !== "." && name !== "..");
const oddName = fc.string({ unit: fc.constantFrom(..."aZ0 %+:;=@!'()*~é,$&|\"<>[]{}^`"), minLength: 1, maxLength: 12 });
const value = fc.string({ unit: fc.constantFrom(..."aZ0 %+:;=@!'()*~é,/?\"<>[]{}^`|\\&"), maxLength: 12 });
const description = fc.string({ unit: fc.constantFrom(..."aZ09  ,;=\"'<>\\~%+\t".slice(0, -1)), maxLength: 60 });

test("vault names of every legal form are created and described", { timeout: 30_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(vaultName, async (name) => {
      const created = await server.client.send({ method: "PUT", path: `/-/vaults/${name}` });
      assert.equal(created.status, 201, created.text);
      const described = await server.client.send({ method: "GET", path: `/-/vaults/${name}` });
      assert.equal(described.json<{ VaultName: string }>().VaultName, name);
      assert.equal((await server.client.send({ method: "DELETE", path: `/-/vaults/${name}` })).status, 204);
    }),
    { numRuns: 60, seed: 5 },
  );
});

test("vault names of no legal form are not found, and never badly signed", { timeout: 30_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(oddName, async (name) => {
      fc.pre(!/^[A-Za-z0-9._-]+$/.test(name));
      const path = `/-/vaults/${encodeURIComponent(name)}`;
      assertError(await server.client.send({ method: "GET", path }), vaultNotFound(name));
      assertError(await server.client.send({ method: "PUT", path }), invalid(`Invalid vault name: ${name}`));
    }),
    { numRuns: 150, seed: 5 },
  );
});

test("queries with any names and values are accepted as signed", { timeout: 30_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(value.filter(Boolean), value, { maxKeys: 4, noNullPrototype: true }),
      async (query) => {
        fc.pre(!["limit", "marker", "__proto__"].some((name) => Object.hasOwn(query, name)));
        const pairs = Object.entries(query).map((pair) => pair.map(encodeURIComponent).join("="));
        const answer = await server.client.send({ method: "GET", path: `/-/vaults?${pairs.join("&")}` });
        assert.equal(answer.status, 200, answer.text);
      },
    ),
    { numRuns: 200, seed: 5 },
  );
});

test("descriptions of any printable text, runs of spaces included, are accepted as signed", {
  timeout: 30_000,
}, async () => {
  await server.client.send({ method: "PUT", path: "/-/vaults/descriptions" });
  await fc.assert(
    fc.asyncProperty(description, async (text) => {
      await uploadArchive(server, "descriptions", Buffer.from("x"), text);
    }),
    { numRuns: 100, seed: 5 },
  );
});

test("requests of all 33 routes are understood, with JSON bodies in UTF-8 and without bodies", async () => {
  await server.client.send({ method: "PUT", path: "/-/vaults/photos" });
  const wordy = '{"Type":"inventory-retrieval","Description":null,"Unknown":" é€😀"}';
  for (const { name, operation, method, path, headers, body } of routeRequests()) {
    for (const sent of operation.request === "bytes" ? [body] : [body, wordy, ""]) {
      const answer = await server.client.send({ method, path, headers, ...(sent === "" ? {} : { body: sent }) });
      assert.doesNotMatch(answer.text, signatureError, name);
      assert.ok(answer.status < 500, `${name}: ${answer.text}`);
    }
  }
});

test("requests of all 33 routes, with any queries, headers and bodies, are accepted as signed", {
  timeout: 60_000,
}, async () => {
  const everything = fc.record({
    query: fc.dictionary(value.filter(Boolean), value, { maxKeys: 3, noNullPrototype: true }),
    headers: fc.dictionary(headerName, description, { maxKeys: 3, noNullPrototype: true }),
    body: fc.string({ unit: "grapheme", maxLength: 40 }),
    account: fc.constantFrom("-", accountId),
  });
  const send = async (route: RouteRequest, { query, headers, body, account }: Variation) => {
    const path = withQuery(route.path.replace("/-/", `/${account}/`), query);
    const sent =
      route.body === "" || route.operation.request === "bytes" ? route.body : JSON.stringify({ [body]: body });
    const answer = await target.server.client.send({
      method: route.method,
      path,
      headers: { ...headers, ...route.headers },
      ...(sent === "" ? {} : { body: sent }),
    });
    assert.doesNotMatch(answer.text, signatureError, route.name);
    assert.doesNotMatch(answer.text, /not authorized|Access denied/, route.name);
    assert.ok(answer.status < 500, `${route.name}: ${answer.text}`);
  };
  for (const route of routeRequests(target.values)) {
    await fc.assert(
      fc.asyncProperty(everything, (variation) => send(route, variation)),
      { numRuns: 130, seed: 5 },
    );
  }
});

test("more than 5,000 genuine requests were accepted in all", (context) => {
  const total = target.server.records.length + server.records.length;
  context.diagnostic(`${total} requests`);
  assert.ok(total >= 5000, `${total}`);
});

interface Variation {
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly account: string;
}

function withQuery(path: string, query: Readonly<Record<string, string>>): string {
  const [bare = "", own = ""] = path.split("?");
  const pairs = Object.entries(query).filter(
    ([name]) => !["limit", "marker", "completed", "statuscode", "operation", "__proto__"].includes(name),
  );
  const text = [own, ...pairs.map((pair) => pair.map(encodeURIComponent).join("="))].filter(Boolean).join("&");
  return text === "" ? bare : `${bare}?${text}`;
}
