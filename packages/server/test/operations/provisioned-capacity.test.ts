import assert from "node:assert/strict";
import { test } from "node:test";
import type { ListProvisionedCapacityOutput } from "@moraine/protocol";
import { ManualClock } from "../../src/clock/clocks.ts";
import { assertCreated, assertError } from "../support/glacier.ts";
import { accountId, startTestServer, type TestServer } from "../support/server.ts";

const path = "/-/provisioned-capacity";
const purchase = ({ client }: TestServer) => client.send({ method: "POST", path });
const list = async ({ client }: TestServer) => (await client.send({ method: "GET", path })).text;
const units = async (server: TestServer) =>
  (JSON.parse(await list(server)) as ListProvisionedCapacityOutput).ProvisionedCapacityList;
const full = { status: 400, code: "LimitExceededException", message: "Provisioned capacity limit exceeded: 2" };

async function at(time: string, body: (server: TestServer) => Promise<void>): Promise<void> {
  const server = await startTestServer({ clock: new ManualClock(Date.parse(time)) });
  try {
    await body(server);
  } finally {
    await server.stop();
  }
}

test("without any, the list is empty", async () => {
  await at("2017-01-31T14:26:33.031Z", async (server) => {
    assert.equal(await list(server), '{"ProvisionedCapacityList":[]}');
  });
});

test("a unit is answered with its id, and listed with its month", async () => {
  await at("2017-01-31T14:26:33.031Z", async (server) => {
    const answer = await purchase(server);
    assertCreated(answer);
    const id = String(answer.headers["x-amz-capacity-id"]);
    assert.match(id, /^[A-Za-z0-9_-]{24}$/);
    assert.equal(
      await list(server),
      `{"ProvisionedCapacityList":[{"CapacityId":"${id}","ExpirationDate":"2017-02-28T14:26:33.000Z","StartDate":"2017-01-31T14:26:33.031Z"}]}`,
    );
  });
});

test("there are two units at a time, also of purchases at once, and expired ones do not count", async () => {
  await at("2026-08-31T23:59:59.999Z", async (server) => {
    const answers = await Promise.all(Array.from({ length: 5 }, () => purchase(server)));
    assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 201, 400, 400, 400]);
    const bought = await units(server);
    assert.equal(bought.length, 2);
    assert.deepEqual(new Set(bought.map((unit) => unit.ExpirationDate)), new Set(["2026-09-30T23:59:59.000Z"]));

    server.clock.advance(Date.parse("2026-09-30T23:59:58.999Z") - server.clock.now());
    assertError(await purchase(server), full);
    assert.equal((await units(server)).length, 2);
    server.clock.advance(1);
    assert.deepEqual(await units(server), []);
    assert.equal((await purchase(server)).status, 201);
    assert.equal((await units(server)).length, 1);
  });
});

test("units are listed oldest first", async () => {
  await at("2026-01-01T00:00:00.000Z", async (server) => {
    const first = (await purchase(server)).headers["x-amz-capacity-id"];
    server.clock.advance(1000);
    const second = (await purchase(server)).headers["x-amz-capacity-id"];
    assert.deepEqual(
      (await units(server)).map((unit) => unit.CapacityId),
      [first, second],
    );
  });
});

test("a body is ignored, and the account must be one's own", async () => {
  await at("2026-01-01T00:00:00.000Z", async (server) => {
    const { client } = server;
    const odd = await client.send({ method: "POST", path: `/${accountId}/provisioned-capacity`, body: "not { json" });
    assert.equal(odd.status, 201);
    assertError(await client.send({ method: "POST", path: "/999999999999/provisioned-capacity" }), {
      status: 403,
      code: "AccessDeniedException",
      message: "Access denied for account ID: 999999999999",
    });
  });
});
