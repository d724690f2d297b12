import assert from "node:assert/strict";
import { test } from "node:test";
import { assertError } from "../support/glacier.ts";
import { startingClient } from "./starting-client.ts";

test("a service that is starting is live and not ready, and answers every other request so that clients try again", async (t) => {
  const client = await startingClient(t);
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
