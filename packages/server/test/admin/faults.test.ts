import assert from "node:assert/strict";
import { test } from "node:test";
import type { FaultDescription } from "@moraine/protocol";
import { faultyServer } from "../faults/faulty-server.ts";
import { callAdmin, demand, deniedAdmin, makeAccount, makeUser, userArn } from "../support/admin.ts";
import { assertError, invalid, missing, notFound } from "../support/glacier.ts";
import { startTestServer } from "../support/server.ts";

const listVaults = { method: "GET", path: "/-/vaults" };

test("a rule that is put acts at once, is listed with what it did, and ends when it is deleted", async () => {
  await using server = await faultyServer();
  const put = await demand<FaultDescription>(server, "PutFault", {
    body: { Mode: "throttle", Operation: "ListVaults", Count: 3, Rate: 1 },
  });
  assert.deepEqual(put, {
    AccountId: null,
    Bytes: null,
    BytesPerSecond: null,
    Milliseconds: null,
    Count: 3,
    FaultId: "fault-1",
    Fired: 0,
    Left: 3,
    Mode: "throttle",
    Operation: "ListVaults",
    Rate: 1,
  });
  assert.equal((await server.client.send(listVaults)).status, 400);
  assert.deepEqual(await demand(server, "ListFaults"), { FaultList: [{ ...put, Fired: 1, Left: 2 }] });
  await demand(server, "DeleteFault", { members: { faultId: "fault-1" } });
  assert.equal((await server.client.send(listVaults)).status, 200);
  assert.deepEqual(await demand(server, "ListFaults"), { FaultList: [] });
  assert.deepEqual(server.told, ["put throttle", "fired throttle", "removed throttle"]);
});

test("all rules are cleared at once, and no id is given twice", async () => {
  await using server = await faultyServer();
  for (const body of [{ Mode: "reset", Bytes: 5 }, { Mode: "slow-body", BytesPerSecond: 7 }, { Mode: "dash-ids" }]) {
    await demand(server, "PutFault", { body });
  }
  await demand(server, "ClearFaults");
  assert.deepEqual(await demand(server, "ListFaults"), { FaultList: [] });
  const { FaultId, Bytes } = await demand<FaultDescription>(server, "PutFault", { body: { Mode: "reset" } });
  assert.deepEqual([FaultId, Bytes], ["fault-4", 0]);
});

test("a rule that is not understood is refused, and none is put", async () => {
  await using server = await faultyServer();
  const put = (body: object) => callAdmin(server, "PutFault", { body });
  assertError(await put({}), missing("Mode"));
  assertError(await put({ Mode: "chaos" }), invalid(/^There is no fault mode chaos/));
  assertError(await put({ Mode: "throttle", Rate: 1.5 }), invalid(/^A rate is above 0/));
  assertError(await put({ Mode: "throttle", Count: 0.5 }), invalid(/^A count is a whole number/));
  assertError(await put({ Mode: "throttle", Bytes: 1 }), invalid("Only the fault reset has bytes"));
  assertError(await put({ Mode: "throttle", Speed: 1 }), invalid("Unknown field: Speed"));
  assertError(await put({ Mode: "throttle", AccountId: "1" }), invalid(/12 digits/));
  assertError(
    await callAdmin(server, "DeleteFault", { members: { faultId: "fault-9" } }),
    notFound("The fault was not found: fault-9"),
  );
  assert.deepEqual(server.told, []);
});

test("without --allow-faults, every operation on faults is refused", async () => {
  const server = await startTestServer();
  const refusal = invalid("Fault modes are off: only a server that runs with --allow-faults has them");
  try {
    assertError(await callAdmin(server, "PutFault", { body: { Mode: "throttle" } }), refusal);
    for (const name of ["ListFaults", "ClearFaults"] as const) {
      assertError(await callAdmin(server, name), refusal);
    }
    assertError(await callAdmin(server, "DeleteFault", { members: { faultId: "fault-1" } }), refusal);
    assert.equal((await server.client.send(listVaults)).status, 200);
  } finally {
    await server.stop();
  }
});

test("only the operator's principals that were granted it may put a fault", async () => {
  await using server = await faultyServer();
  const body = { Mode: "throttle" };
  const bob = await makeUser(server, "bob");
  assertError(await callAdmin(server, "PutFault", { body, key: bob }), deniedAdmin(userArn("bob"), "PutFault", "*"));
  const key = await makeAccount(server);
  assert.equal((await callAdmin(server, "PutFault", { body, key })).status, 403);
  assert.deepEqual(server.told, []);
});

test("the admin API itself is not corrupted, so that a fault can always be ended", async () => {
  await using server = await faultyServer();
  server.put("unavailable");
  server.put("reset");
  assert.equal((await callAdmin(server, "ListFaults")).status, 200);
  const { Warnings } = await demand<{ Warnings: string[] }>(server, "GetHealth");
  assert.equal(Warnings.length, 3);
  assert.match(
    Warnings.join("\n"),
    /Faults are allowed.*\nFault fault-1 is in force: unavailable\nFault fault-2 is in/,
  );
});
