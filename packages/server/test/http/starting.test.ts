import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { createListener } from "../../src/http/connections/listener.ts";
import { assertError } from "../support/glacier.ts";
import { testLimits } from "../support/server.ts";
import { signedClient } from "../support/signed-request.ts";

test("a service that is starting is live and not ready, and answers every other request so that clients try again", async (t) => {
  const options = { limits: testLimits, trustedProxies: [], servesMetrics: true, certificate: null };
  const { server } = createListener({ ...options, systemNow: () => new Date() });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const key = { accessKeyId: "AKIA0000000000000000", secretAccessKey: "x".repeat(40) };
  const client = signedClient({ port: (server.address() as AddressInfo).port, key, region: "us-east-1" });
  t.after(() => client.close());

  const live = await client.send({ method: "GET", path: "/health/live", key: null });
  assert.equal(live.status, 200);
  const ready = await client.send({ method: "GET", path: "/health/ready", key: null });
  assert.equal(ready.status, 503);
  assert.deepEqual(ready.json(), { status: "not ready" });
  const metrics = await client.send({ method: "GET", path: "/metrics", key: null });
  assert.equal(metrics.body.toString(), "moraine_ready 0\n");
  for (const path of ["/-/vaults", "/admin/health"]) {
    const refused = await client.send({ method: "GET", path });
    assert.equal(refused.headers["retry-after"], "1");
    assertError(refused, {
      status: 503,
      code: "ServiceUnavailableException",
      message: "The service is starting. Try again later.",
    });
  }
});
