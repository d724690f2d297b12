import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { noDeletedBytes } from "../../src/domain/storage-report.ts";
import { page } from "../../src/http/pages.ts";
import { assertError } from "../support/glacier.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

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

test("a service that is not ready says why", async () => {
  const request = {
    method: "GET",
    path: "/health/ready",
    query: "",
    headers: [],
    header: () => undefined,
    parameters: () => [],
    address: "127.0.0.1",
    secure: false,
  };
  const sources = {
    readability: () => "stopping",
    readiness: () => "stopping",
    storage: () => ({ readOnly: null, freeBytes: null, reserveBytes: 0, deleted: noDeletedBytes }),
    warnings: () => [],
    metrics: async () => ({ contentType: "text/plain", text: "" }),
  };
  const reply = await page(request, sources);
  assert.equal(reply?.status, 503);
  assert.deepEqual(JSON.parse(String(reply.body)), { status: "not ready", reason: "stopping" });
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

test("an unsigned request for anything else is told what is missing, or that there is no such thing", async () => {
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
