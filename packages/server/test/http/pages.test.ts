import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { noDeletedBytes } from "../../src/domain/stores/storage-report.ts";
import { createOperatorListener } from "../../src/http/connections/operator-listener.ts";
import { type PageSources, page } from "../../src/http/pages/server-pages.ts";
import { assertError } from "../support/glacier.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { signedClient } from "../support/signed-request.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.stop());

const unsigned = (path: string, method = "GET") => server.client.send({ method, path, key: null });

test("the pages about health and the metrics need no signature", async () => {
  assert.deepEqual((await unsigned("/health/live")).json(), { status: "live" });
  assert.deepEqual((await unsigned("/health/ready")).json(), { status: "ready" });
  for (const path of ["/health/live", "/health/ready", "/metrics"]) {
    for (const method of ["GET", "HEAD"]) {
      const answer = await unsigned(path, method);
      assert.equal(answer.status, 200);
      assert.match(String(answer.headers["x-amzn-requestid"]), /^[A-Za-z0-9_-]{48}$/);
    }
  }
});

const sources: PageSources = {
  readability: () => "stopping",
  readiness: () => "stopping",
  storage: () => ({ readOnly: null, freeBytes: null, reserveBytes: 0, deleted: noDeletedBytes }),
  warnings: () => ["Stored data is damaged"],
  metrics: async () => ({ contentType: "text/plain", text: "moraine_ready 0\n" }),
};

test("strangers learn that a service is not ready, and operators why", async () => {
  for (const [seesReasons, expected] of [
    [false, { status: "not ready" }],
    [true, { status: "not ready", reason: "stopping", warnings: ["Stored data is damaged"] }],
  ] as const) {
    const reply = await page(requestFor("/health/ready"), sources, { seesReasons, seesMetrics: false });
    assert.equal(reply?.status, 503);
    assert.deepEqual(JSON.parse(String(reply.body)), expected);
  }
});

test("metrics are no page where strangers may not see them", async () => {
  assert.equal(await page(requestFor("/metrics"), sources, { seesReasons: false, seesMetrics: false }), null);
});

const requestFor = (path: string) => ({
  method: "GET",
  path,
  query: "",
  headers: [],
  header: () => undefined,
  parameters: () => [],
  address: "127.0.0.1",
  secure: false,
});

test("the operator's listener serves reasons and metrics, and nothing else", async (context) => {
  const listener = createOperatorListener(() => sources);
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  context.after(() => listener.close());
  const client = signedClient({ ...server, port: (listener.address() as AddressInfo).port, region: "us-east-1" });
  context.after(() => client.close());
  const get = (path: string, method = "GET") => client.send({ method, path, key: null });
  assert.equal((await get("/metrics")).text, "moraine_ready 0\n");
  const ready = await get("/health/ready");
  assert.deepEqual([ready.status, ready.json<{ reason: string }>().reason], [503, "stopping"]);
  for (const [method, path] of [
    ["GET", "/-/vaults"],
    ["POST", "/metrics"],
    ["GET", "/"],
  ] as const) {
    const message = `No page has this method and path: ${method} ${path}`;
    assertError(await get(path, method), { status: 400, code: "BadRequest", message });
  }
});

test("a signed request never gets to a page: it is an API request for something that does not exist", async () => {
  for (const path of [
    "/",
    "/health/live",
    "/health/ready",
    "/metrics",
    "/vaults/x",
    "//vaults/x",
    "/-",
    "/-/",
    "/-/vaults/x/y",
    "/-/vaults/",
    "/favicon.ico",
  ]) {
    for (const request of [
      { path },
      { path: `${path}?X-Amz-Signature=x`, key: null },
      { path: `${path}?X-Amz-Credential=`, key: null },
    ]) {
      const expected = {
        status: 400,
        code: "BadRequest",
        message: `No operation has this method and path: GET ${path}`,
      };
      assertError(await server.client.send({ method: "GET", ...request }), expected);
    }
  }
});

test("an unsigned request for anything else gets an error that names what is missing or does not exist", async () => {
  for (const path of ["/-/vaults", "/-/vaults/x"]) {
    assertError(await unsigned(path), {
      status: 400,
      code: "MissingAuthenticationTokenException",
      message: "Missing Authentication Token",
    });
  }
  for (const [method, path] of [
    ["POST", "/health/live"],
    ["DELETE", "/metrics"],
    ["PATCH", "/-/vaults/x"],
    ["GET", "/console"],
    ["OPTIONS", "/-/vaults"],
  ] as const) {
    assertError(await unsigned(path, method), {
      status: 400,
      code: "BadRequest",
      message: /^No operation has this method and path/,
    });
  }
});
