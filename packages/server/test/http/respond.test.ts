import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { jsonReply } from "../../src/http/encode.ts";
import { respond } from "../../src/http/respond.ts";
import { openSocket } from "./raw-socket.ts";
import { send } from "./sending.ts";

const limits = { sendStallSeconds: 30, drainBytesMax: 1024 ** 2, drainSecondsMax: 30 };

test("nobody waits for the rest of a body whose client has gone before it was refused", async (context) => {
  const answered = Promise.withResolvers<number>();
  const server = createServer((request, response) => {
    request.once("close", () => {
      const start = performance.now();
      void respond(request, response, jsonReply(403, {}), limits).then(() =>
        answered.resolve(performance.now() - start),
      );
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => server.close());
  const socket = await openSocket((server.address() as AddressInfo).port);
  await send(socket, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc");
  setTimeout(() => socket.resetAndDestroy(), 50);
  const late = new Promise<number>((resolve) => setTimeout(resolve, 5000, Number.POSITIVE_INFINITY).unref());
  assert.ok((await Promise.race([answered.promise, late])) < 1000);
});

test("bytes whose head cannot be written are given back", async (context) => {
  const returned = Promise.withResolvers<string>();
  async function* bytes() {
    try {
      yield Buffer.from("x");
    } finally {
      returned.resolve("returned");
    }
  }
  const failed = Promise.withResolvers<unknown>();
  const server = createServer((request, response) => {
    const reply = { status: 200, headers: { "X-Bad": "a\r\nb" }, body: { sizeBytes: 1, stream: bytes() } };
    respond(request, response, reply, limits).catch(failed.resolve);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => server.close());
  const socket = await openSocket((server.address() as AddressInfo).port);
  await send(socket, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  assert.match(String(await failed.promise), /Invalid character in header content/);
  assert.equal(await returned.promise, "returned");
  socket.destroy();
});
