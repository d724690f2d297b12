import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { setImmediate as afterEvents } from "node:timers/promises";
import { ClientTurns, type Turn } from "../../src/http/connections/client-turns.ts";
import { createVault } from "../support/glacier.ts";
import { startTestServer } from "../support/server.ts";
import { eventually, send, uploadHead } from "./sending.ts";
import { signedText, textOf } from "./signed-text.ts";

const turnsPerClient = 16;

async function isTaken(taken: Promise<void>): Promise<boolean> {
  let settled = false;
  void taken.then(() => {
    settled = true;
  });
  await afterEvents();
  return settled;
}

const take = async (turns: ClientTurns, name: string, count: number): Promise<Turn[]> => {
  const taken = Array.from({ length: count }, () => turns.of(name));
  await Promise.all(taken.map((turn) => turn.take()));
  return taken;
};

test("a client's requests beyond 16 wait, in their order, and those of another client do not", async () => {
  const turns = new ClientTurns();
  const [first, second] = await take(turns, "a", turnsPerClient);
  const [third, fourth] = [turns.of("a"), turns.of("a")];
  const [thirdTaken, fourthTaken] = [third.take(), fourth.take()];
  assert.equal(await isTaken(thirdTaken), false);
  assert.equal(turns.waiting, 2);
  await take(turns, "b", turnsPerClient);
  first?.release();
  first?.release();
  assert.deepEqual([await isTaken(thirdTaken), await isTaken(fourthTaken)], [true, false]);
  second?.release();
  assert.equal(await isTaken(fourthTaken), true);
  assert.equal(turns.waiting, 0);
});

test("a turn that was released twice, or never taken, is nobody else's", async () => {
  const turns = new ClientTurns();
  const [first] = await take(turns, "a", turnsPerClient);
  turns.of("a").release();
  assert.equal(await isTaken(turns.of("a").take()), false);
  first?.release();
  first?.release();
  assert.equal(await isTaken(turns.of("a").take()), false, "the one that waited has it");
});

test("requests of one client whose JSON is waited for keep none of its others waiting", async (context) => {
  const server = await startTestServer();
  context.after(() => server.stop());
  await createVault(server, "photos");
  const path = "/-/vaults/photos/access-policy";
  for (let request = 0; request <= turnsPerClient; request += 1) {
    const socket = connect({ port: server.port, host: "127.0.0.1" });
    context.after(() => socket.destroy());
    await once(socket, "connect");
    await send(socket, textOf(signedText(server, { method: "PUT", path }), ["Content-Length: 100"]));
  }
  await createVault(server, "videos");
});

test("uploads of one client whose bytes are waited for keep none of its other requests waiting", async (context) => {
  const server = await startTestServer();
  context.after(() => server.stop());
  await createVault(server, "photos");
  const body = Buffer.alloc(1000);
  for (let upload = 0; upload <= turnsPerClient; upload += 1) {
    const socket = connect({ port: server.port, host: "127.0.0.1" });
    context.after(() => socket.destroy());
    await once(socket, "connect");
    await send(socket, uploadHead(server, body));
  }
  assert.ok(await eventually(() => server.parts.intents.count > turnsPerClient));
  await createVault(server, "videos");
});
