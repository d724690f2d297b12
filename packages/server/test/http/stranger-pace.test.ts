import assert from "node:assert/strict";
import { test } from "node:test";
import { StrangerPace } from "../../src/http/connections/stranger-pace.ts";
import { startTestServer } from "../support/server.ts";

const limits = { burst: 3, perSecond: 0.4 };

test("a response to a stranger waits once there have been many, and those to known callers do not", async (context) => {
  const server = await startTestServer({ limits: { strangers: limits } });
  context.after(() => server.stop());
  const wrong = { ...server.key, secretAccessKey: "x".repeat(40) };
  const vaults = { method: "GET", path: "/-/vaults" };
  await server.client.send({ ...vaults, key: wrong });
  await server.client.send({ ...vaults, key: null });
  await server.client.send({ method: "GET", path: "/health/live", key: null });
  const order: string[] = [];
  const waiting = server.client
    .send({ ...vaults, key: wrong })
    .then(({ status, headers }) => order.push(`stranger ${status} ${headers.connection}`));
  for (let count = 0; count < 3; count += 1) {
    assert.equal((await server.client.send(vaults)).status, 200);
    order.push("known");
  }
  await waiting;
  assert.deepEqual(order, ["known", "known", "known", "stranger 403 close"]);
});

test("responses to strangers of a network are spaced, and those of another network do not wait for them", async () => {
  const pace = new StrangerPace({ burst: 1, perSecond: 2 });
  await pace.wait("192.0.2.1");
  const order: string[] = [];
  const waiting = ["first", "second"].map((name) => pace.wait("192.0.2.1").then(() => order.push(name)));
  await pace.wait("192.0.2.2");
  order.push("another");
  await waiting[0];
  assert.deepEqual(order, ["another", "first"]);
  await waiting[1];
  assert.deepEqual(order, ["another", "first", "second"]);
});
