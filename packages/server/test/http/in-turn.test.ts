import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { inTurn } from "../../src/http/connections/in-turn.ts";
import { startTestServer } from "../support/server.ts";
import { openSocket, readToEnd } from "./raw-socket.ts";
import { eventually } from "./sending.ts";

const requests = (count: number, path = "/") =>
  Array.from({ length: count }, (_, index) => `GET ${path}?${index} HTTP/1.1\r\nHost: x\r\n\r\n`).join("");

/** A server that keeps every request open until the test answers it. */
async function holdingServer(context: TestContext) {
  const started: string[] = [];
  const open: ServerResponse[] = [];
  const states: string[] = [];
  const server = createServer(
    inTurn({
      requestsPerConnectionMax: 1000,
      handle: ({ url = "" }, response) => {
        started.push(url);
        open.push(response);
      },
      onBusy: () => states.push("busy"),
      onIdle: () => states.push("idle"),
      onFlood: () => states.push("flood"),
    }),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, started, open, states };
}

test("requests that a client sends ahead wait for their turn", async (context) => {
  const { port, started, open, states } = await holdingServer(context);
  const socket = await openSocket(port);
  socket.write(requests(5));
  for (let count = 1; count <= 5; count += 1) {
    assert.ok(await eventually(() => open.length === 1));
    assert.equal(started.length, count);
    open.pop()?.end("done");
  }
  assert.ok(await eventually(() => states.at(-1) === "idle"));
  assert.deepEqual(started, ["/?0", "/?1", "/?2", "/?3", "/?4"]);
  assert.deepEqual(states, ["busy", "idle"]);
  socket.write(requests(1));
  assert.ok(await eventually(() => started.length === 6), "the connection serves on");
  socket.destroy();
});

test("nothing is read of a client that sends ahead while a request is in progress", async (context) => {
  const { port, started, open } = await holdingServer(context);
  const socket = await openSocket(port);
  socket.write(requests(1));
  assert.ok(await eventually(() => started.length === 1));
  socket.write(requests(1));
  await eventually(() => false, 100);
  // More than the buffers of both kernels: the rest stays with the client.
  let isTaken = false;
  socket.write(Buffer.alloc(32 * 1024 ** 2, "x"), () => {
    isTaken = true;
  });
  await eventually(() => isTaken, 300);
  assert.equal(isTaken, false);
  assert.equal(open.length, 1);
  socket.destroy();
});

test("requests after one that ends the connection are not handled", async (context) => {
  const { port, started, open } = await holdingServer(context);
  const socket = await openSocket(port);
  socket.write(requests(3));
  assert.ok(await eventually(() => open.length === 1));
  const ended = readToEnd(socket, 5000);
  open.pop()?.setHeader("Connection", "close").end("refused");
  assert.ok((await ended).ended);
  assert.deepEqual(started, ["/?0"]);
});

test("a client that sends many requests ahead loses its connection", async (context) => {
  const { port, started, states } = await holdingServer(context);
  const socket = await openSocket(port);
  const ended = readToEnd(socket, 5000);
  socket.write(requests(100));
  assert.ok((await ended).ended);
  assert.deepEqual(started, ["/?0"]);
  assert.ok(await eventually(() => states.at(-1) === "idle"));
});

test("two megabytes of requests for the metrics cost what a few requests cost", async (context) => {
  const server = await startTestServer();
  context.after(() => server.stop());
  const socket = await openSocket(server.port);
  const ended = readToEnd(socket, 10_000);
  socket.write(requests(50_000, "/metrics"));
  assert.ok((await ended).ended, "the connection is closed");
  assert.ok(server.records.length < 20, `${server.records.length} requests were answered`);
});
