import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type RouteRequest, routeRequests } from "../auth/route-drafts.ts";
import { assertError, createVault, invalid, missing, vaultNotFound } from "../support/glacier.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import type { RequestOptions } from "../support/signed-request.ts";

// The rules that hold for all 33 operations alike.

let server: TestServer;
before(async () => {
  server = await startTestServer();
  await createVault(server, "photos");
});
after(() => server.stop());

const send = ({ method, path, headers, body }: RouteRequest, more: Partial<RequestOptions> = {}) =>
  server.client.send({
    method,
    path,
    ...(body === "" ? {} : { body }),
    ...more,
    headers: { ...headers, ...more.headers },
  });
const at = (route: RouteRequest, from: string, to: string): RouteRequest => ({
  ...route,
  path: route.path.replace(from, to),
});
const onVaults = routeRequests().filter(({ path }) => path.startsWith("/-/vaults/photos"));

for (const route of routeRequests()) {
  describe(route.name, () => {
    test("needs the version of the API, and the one that there is", async () => {
      assertError(await send(route, { headers: { "x-amz-glacier-version": undefined } }), missing("API version"));
      assertError(await send(route, { headers: { "x-amz-glacier-version": "" } }), missing("API version"));
      const other = { "x-amz-glacier-version": "2012-06-02" };
      assertError(await send(route, { headers: other }), invalid("Invalid API version: 2012-06-02"));
    });

    test("is denied for what is no account's id", async () => {
      for (const account of ["12345", "0123-4567-8901", "self"]) {
        const message = `Access denied for account ID: ${account}`;
        const answer = await send(at(route, "/-/", `/${account}/`));
        assertError(answer, { status: 403, code: "AccessDeniedException", message });
      }
    });
  });
}

describe("a vault that is not there is not found by", () => {
  for (const route of onVaults.filter(({ name }) => !["CreateVault", "DeleteVault"].includes(name))) {
    test(route.name, async () => {
      assertError(await send(at(route, "/photos", "/nowhere")), vaultNotFound("nowhere"));
      assertError(await send(at(route, "/photos", "/ph:otos")), vaultNotFound("ph:otos"));
    });
  }

  test("all but CreateVault and DeleteVault", () => assert.equal(onVaults.length, 28));
});

describe("a body that is no JSON, or no object, cannot be read by", () => {
  for (const route of routeRequests().filter(({ operation }) => operation.request === "json")) {
    test(route.name, async () => {
      for (const body of ["{", "[]", '"x"', "5", "{'a':1}", '{"a":1,"a":2}', `${"[".repeat(40)}${"]".repeat(40)}`]) {
        assertError(await send(route, { body }), { status: 400, code: "SerializationException", message: /./ });
      }
    });
  }
});

describe("a page longer than the longest is as long as the longest, and shorter than one is none, for", () => {
  const lists: Record<string, string> = {
    ListVaults: "/-/vaults",
    ListJobs: "/-/vaults/photos/jobs",
    ListMultipartUploads: "/-/vaults/photos/multipart-uploads",
  };
  for (const [name, path] of Object.entries(lists)) {
    test(name, async () => {
      for (const limit of ["51", "1000", "9".repeat(30), ""]) {
        assert.equal((await server.client.send({ method: "GET", path: `${path}?limit=${limit}` })).status, 200);
      }
      for (const limit of ["0", "-1", "1.5", "x", "1e1"]) {
        assertError(
          await server.client.send({ method: "GET", path: `${path}?limit=${limit}` }),
          invalid(`Invalid limit: ${limit}`),
        );
      }
    });
  }
});
