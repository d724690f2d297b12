import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { clientNetwork } from "../../src/domain/client-network.ts";
import { readNetwork } from "../../src/domain/policy/conditions/addresses.ts";
import { connectionsMax } from "../../src/http/connections/limits.ts";
import { createVault, randomContent } from "../support/glacier.ts";
import { startTestServer, type TestServer, type TestServerOptions } from "../support/server.ts";
import { readAnswer } from "./raw-socket.ts";
import { eventually, send, uploadHead } from "./sending.ts";

async function start(context: TestContext, options: TestServerOptions): Promise<TestServer> {
  const server = await startTestServer(options);
  context.after(() => server.stop());
  return server;
}

async function openFrom(localAddress: string, port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", localAddress });
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return socket;
}

const live = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";

/** Whether the server serves a request on this connection, and does not close it. */
async function isServed(socket: Socket): Promise<boolean> {
  socket.write(live);
  return readAnswer(socket).then(
    ({ status }) => status === 200,
    () => false,
  );
}

const stranger = "127.0.0.2";
const honest = "127.0.0.1";

test("one client that takes all the connections it can get leaves places for others", async (context) => {
  const { port } = await start(context, { limits: { connectionsMax: 12, connectionsPerAddressMax: 8 } });
  const strangers: Socket[] = [];
  for (let count = 0; count < 40; count += 1) {
    const socket = await openFrom(stranger, port);
    await isServed(socket);
    strangers.push(socket);
  }
  assert.ok(await eventually(() => strangers.filter(({ closed }) => !closed).length === 8));
  for (let count = 0; count < 4; count += 1) {
    assert.ok(await isServed(await openFrom(honest, port)));
  }
});

test("the connection that has been idle for the longest time makes room for a new one", async (context) => {
  const { port } = await start(context, { limits: { connectionsMax: 3 } });
  const [a, b, c] = [await openFrom(honest, port), await openFrom(honest, port), await openFrom(honest, port)];
  for (const socket of [a, b, c, a]) {
    assert.ok(await isServed(socket));
  }
  assert.ok(await isServed(await openFrom(stranger, port)));
  assert.ok(await eventually(() => b.closed));
  assert.deepEqual([a.closed, c.closed], [false, false]);
});

test("a connection that has sent half a request is as idle as one that has sent nothing", async (context) => {
  const { port } = await start(context, { limits: { connectionsMax: 2 } });
  const [slow, mute] = [await openFrom(stranger, port), await openFrom(stranger, port)];
  slow.write("GET /health");
  assert.ok(await isServed(await openFrom(honest, port)));
  assert.ok(await isServed(await openFrom(honest, port)));
  assert.ok(await eventually(() => slow.closed && mute.closed));
});

test("a newcomer is refused when all others are busy", async (context) => {
  const server = await start(context, { limits: { connectionsMax: 2 } });
  await createVault(server, "photos");
  server.client.close();
  const body = randomContent(1000);
  const busy = [await openFrom(honest, server.port), await openFrom(honest, server.port)];
  for (const socket of busy) {
    await send(socket, uploadHead(server, body));
    await send(socket, body.subarray(0, 500));
  }
  await eventually(() => server.parts.intents.count === 2);
  const newcomer = await openFrom(honest, server.port);
  newcomer.write(live);
  const refusal = await readAnswer(newcomer);
  assert.equal(refusal.status, 503);
  assert.deepEqual(refusal.json(), {
    code: "ServiceUnavailableException",
    message: "The service has no room for more connections at the moment. Try again later.",
    type: "Server",
  });
  assert.deepEqual([refusal.headers.get("retry-after"), refusal.headers.get("connection")], ["1", "close"]);
  for (const socket of busy) {
    const answered = readAnswer(socket);
    await send(socket, body.subarray(500));
    assert.equal((await answered).status, 201);
  }
  assert.ok(await isServed(await openFrom(honest, server.port)), "now one of the others is idle");
});

test("a few newcomers that are refused learn why, and more of them are closed at once", async (context) => {
  const server = await start(context, { limits: { connectionsMax: 1 } });
  await createVault(server, "photos");
  server.client.close();
  const busy = await openFrom(honest, server.port);
  await send(busy, uploadHead(server, randomContent(1000)));
  await eventually(() => server.parts.intents.count === 1);
  const mute: Socket[] = [];
  for (const address of ["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6"]) {
    for (let count = 0; count < 8; count += 1) {
      mute.push(await openFrom(address, server.port));
    }
    const oneMore = await openFrom(address, server.port);
    assert.ok(await eventually(() => oneMore.closed), "a client has eight of them");
  }
  assert.ok(await eventually(() => mute.slice(32).every(({ closed }) => closed)), "there are 32 in all");
  assert.ok(mute.slice(0, 32).every(({ closed }) => !closed));
  mute[0]?.destroy();
  const statusOf = async () => {
    const socket = await openFrom("127.0.0.7", server.port);
    socket.write(live);
    return readAnswer(socket).then(
      ({ status }) => status,
      () => null,
    );
  };
  assert.ok(await eventually(async () => (await statusOf()) === 503), "one that leaves makes room for the next");
});

test("a newcomer that is refused and sends nothing is closed after a while", async (context) => {
  const server = await start(context, { limits: { connectionsMax: 1, turnedAwaySeconds: 0.1 } });
  await createVault(server, "photos");
  server.client.close();
  const busy = await openFrom(honest, server.port);
  await send(busy, uploadHead(server, randomContent(1000)));
  await eventually(() => server.parts.intents.count === 1);
  const mute = await openFrom(stranger, server.port);
  assert.ok(await eventually(() => mute.closed));
});

test("a trusted proxy may have as many connections as there are", async (context) => {
  const trusted = readNetwork("127.0.0.2/31");
  assert.ok(trusted !== undefined);
  const limits = { connectionsMax: 10, connectionsPerAddressMax: 2 };
  const { port } = await start(context, { limits, trustedProxies: [trusted] });
  const sockets = await Promise.all(Array.from({ length: 8 }, () => openFrom(stranger, port)));
  for (const socket of sockets) {
    assert.ok(await isServed(socket));
  }
  assert.ok(sockets.every(({ closed }) => !closed));
});

test("a client that floods one connection loses its idle ones, and gets no new one for a while", async (context) => {
  const { port } = await start(context, {});
  const idle = await openFrom(stranger, port);
  const other = await openFrom(honest, port);
  assert.ok((await isServed(idle)) && (await isServed(other)));
  const flooding = await openFrom(stranger, port);
  flooding.resume().write(live.repeat(100));
  assert.ok(await eventually(() => flooding.closed && idle.closed));
  assert.equal(await isServed(await openFrom(stranger, port)), false);
  assert.ok(await isServed(other));
  assert.ok(await isServed(await openFrom(honest, port)));
});

test("after many requests a connection is closed, and the last response says so", async (context) => {
  const { port } = await start(context, { limits: { requestsPerConnectionMax: 3 } });
  const socket = await openFrom(honest, port);
  const closing: Array<string | undefined> = [];
  for (let count = 0; count < 3; count += 1) {
    const answered = readAnswer(socket);
    socket.write(live);
    closing.push((await answered).headers.get("connection"));
  }
  assert.deepEqual(closing, ["keep-alive", "keep-alive", "close"]);
  socket.resume();
  assert.ok(await eventually(() => socket.closed));
});

test("a client of IPv6 is a network of 64 bits, one of IPv4 an address", () => {
  const networks = ["2001:db8::1", "2001:db8:0:0:ffff::2", "2001:db8:0:1::1", "192.0.2.1", "fe80::1%eth0"];
  assert.deepEqual(networks.map(clientNetwork), [
    "20010db800000000::/64",
    "20010db800000000::/64",
    "20010db800000001::/64",
    "192.0.2.1",
    "fe80000000000000::/64",
  ]);
});

test("there are no more connections than descriptors for them", () => {
  assert.deepEqual(
    [64, 1024, 4096, 1_048_576, Number.POSITIVE_INFINITY].map(connectionsMax),
    [16, 256, 1280, 2048, 2048],
  );
  assert.ok(connectionsMax() >= 16);
});
