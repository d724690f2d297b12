import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ClientGoneError, requestBody } from "../../src/http/body/request-body.ts";
import { ClientTurns } from "../../src/http/connections/client-turns.ts";
import type { BodyLimits } from "../../src/http/connections/pace.ts";
import { openSocket, readAnswer } from "./raw-socket.ts";
import { send } from "./sending.ts";

const sizeBytes = 1024 ** 2;

/** A server that reads bodies as slowly as `onPiece` lets it, and the outcome of its first request. */
async function startReader(
  context: TestContext,
  limits: Partial<BodyLimits>,
  onPiece: (request: IncomingMessage) => Promise<void>,
) {
  const outcome = Promise.withResolvers<number>();
  outcome.promise.catch(() => undefined);
  const turn = new ClientTurns().of("127.0.0.1");
  const all = { stallSeconds: 30, bytesPerSecondMin: 1, durationSecondsMax: 60, turn, ...limits };
  const read = async (body: AsyncIterable<Buffer>, request: IncomingMessage) => {
    let seen = 0;
    for await (const piece of body) {
      seen += piece.length;
      await onPiece(request);
    }
    return seen;
  };
  const server = createServer((request, response) => {
    void read(requestBody(request, response, all), request)
      .then(outcome.resolve, outcome.reject)
      .finally(() => response.end());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const socket = await openSocket((server.address() as AddressInfo).port);
  context.after(() => socket.destroy());
  await send(socket, `PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: ${sizeBytes}\r\n\r\n`);
  return { socket, outcome: outcome.promise };
}

test("a body that waits for the server is not taken for one that stalls", async (context) => {
  let pieces = 0;
  const { socket, outcome } = await startReader(
    context,
    { stallSeconds: 1, bytesPerSecondMin: 10 * sizeBytes },
    async () => {
      pieces += 1;
      await sleep(pieces === 1 ? 2300 : 0);
    },
  );
  await send(socket, Buffer.alloc(sizeBytes));
  assert.equal(await outcome, sizeBytes);
  assert.equal((await readAnswer(socket)).status, 200);
});

test("a client that goes away while the server is busy is noticed at once afterwards", async (context) => {
  const { socket, outcome } = await startReader(context, {}, async (request) => {
    if (!request.destroyed) {
      socket.write(Buffer.alloc(1000), () => socket.resetAndDestroy());
      await new Promise((resolve) => request.once("close", resolve));
    }
  });
  // More than is handed over at once, less than makes the server stop reading: then it would not hear of the reset.
  await send(socket, Buffer.alloc(160 * 1024));
  const late = sleep(5000, "too late", { ref: false });
  await assert.rejects(Promise.race([outcome, late]), ClientGoneError);
});

test("a body that was sent whole by a client that left is read, or known to be lost", async (context) => {
  const { socket, outcome } = await startReader(context, {}, async () => undefined);
  await send(socket, Buffer.alloc(sizeBytes));
  socket.end();
  assert.equal(await outcome, sizeBytes);
});
