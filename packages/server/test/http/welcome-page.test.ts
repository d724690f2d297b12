import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { httpLimits } from "../../src/http/connections/limits.ts";
import { createListener } from "../../src/http/connections/listener.ts";
import { closeListener, listen } from "../../src/http/connections/listening.ts";
import { assertError } from "../support/glacier.ts";
import { accountId, region, startTestServer, type TestServer } from "../support/server.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.stop());

const get = (path: string, method = "GET") => server.client.send({ method, path, key: null });

test("a browser that opens the address is shown a page that says what the server is", async () => {
  const { status, headers, text } = await get("/");
  assert.equal(status, 200);
  assert.equal(headers["content-type"], "text/html; charset=utf-8");
  assert.match(text, /^<!doctype html>\n<html lang="en">/);
  assert.match(text, /Amazon Glacier vault API/);
  assert.match(text, /AWS_ENDPOINT_URL_GLACIER/);
  assert.equal(headers["content-length"], String(Buffer.byteLength(text)));
  assert.ok(Buffer.byteLength(text) < 2048);
  const head = await get("/", "HEAD");
  assert.deepEqual([head.status, head.text, head.headers["content-length"]], [200, "", headers["content-length"]]);
});

test("the page tells a stranger nothing of the installation", async () => {
  const { text, headers } = await get("/");
  const { version } = JSON.parse(readFileSync("packages/server/package.json", "utf8"));
  for (const secret of [version, region, accountId, server.key.accessKeyId, process.version, process.cwd()]) {
    assert.ok(!`${text}${JSON.stringify(headers)}`.includes(secret), secret);
  }
  // Nothing of the request is repeated.
  assert.equal((await get("/?<script>alert(1)</script>")).text, text);
  const limits = { ...httpLimits, connectionsMax: 8, connectionsPerAddressMax: 8 };
  const options = { limits, trustedProxies: [], servesMetrics: false, certificate: null };
  const starting = createListener({ ...options, systemNow: () => new Date() });
  const url = await listen(starting.server, { host: "127.0.0.1", port: 0, isTls: false });
  try {
    assert.equal(await (await fetch(url)).text(), text, "it is the same whether the service is up or not");
  } finally {
    await closeListener(starting, 0);
  }
});

test("the page runs nothing, loads nothing, and is shown in no frame", async () => {
  const { text, headers } = await get("/");
  const policy = String(headers["content-security-policy"]);
  assert.match(policy, /^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; img-src data:; /);
  assert.match(policy, /form-action 'none'; frame-ancestors 'none'; base-uri 'none'$/);
  assert.equal(headers["x-content-type-options"], "nosniff");
  assert.equal(headers["set-cookie"], undefined);
  assert.doesNotMatch(text, /<(script|form|input|img|iframe|object|embed)\b|\bon\w+=|https?:\/\//);
});

test("only an unsigned GET or HEAD of / is answered with the page", async () => {
  const badRequest = (method: string, path: string) => ({
    status: 400,
    code: "BadRequest",
    message: `No operation has this method and path: ${method} ${path}`,
  });
  assertError(await get("/", "POST"), badRequest("POST", "/"));
  assertError(await get("//"), badRequest("GET", "//"));
  assertError(await server.client.send({ method: "GET", path: "/" }), badRequest("GET", "/"));
});
