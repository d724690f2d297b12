import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { nodeHttp } from "../../src/node/node-http.ts";

/** Listens, and then sleeps: the system accepts two connections for it and ignores all others. */
const sleepingServer = `
const { createServer } = require("node:net");
const { parentPort } = require("node:worker_threads");
const server = createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
  parentPort.postMessage(server.address().port);
  setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
});`;
const connectionsKept = 2;

test("an address that does not respond fails after ten seconds, as one to which nothing was sent", async () => {
  const server = new Worker(sleepingServer, { eval: true });
  const kept: Socket[] = [];
  try {
    const [port] = (await once(server, "message")) as [number];
    for (let count = 0; count < connectionsKept; count += 1) {
      const socket = connect(port, "127.0.0.1");
      kept.push(socket);
      await once(socket, "connect");
    }
    const url = new URL(`http://127.0.0.1:${port}/`);
    await assert.rejects(
      nodeHttp(url, { method: "GET", headers: {}, body: null, signal: undefined, timeoutMilliseconds: 60_000 }),
      {
        code: "ERR_CONNECT_TIMEOUT",
        message: "No connection within 10000 ms",
      },
    );
  } finally {
    for (const socket of kept) socket.destroy();
    await server.terminate();
  }
});
