import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { RequestBodyBuffer } from "../../src/http/body/request-body-buffer.ts";
import { openSocket } from "./raw-socket.ts";
import { send } from "./sending.ts";

test("every byte of a body is counted as it arrives, also of pieces whose memory is freed at once", async (context) => {
  const sizeBytes = 300_000;
  const counted = Promise.withResolvers<number>();
  const server = createServer((request, response) => {
    let count = 0;
    const arrivals = new RequestBodyBuffer(request, (bytes) => {
      count += bytes;
      arrivals.take();
    });
    request.on("end", () => {
      counted.resolve(count);
      response.end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = await openSocket((server.address() as AddressInfo).port);
  context.after(() => {
    socket.destroy();
    server.close();
  });
  await send(socket, `PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: ${sizeBytes}\r\n\r\n`);
  for (let sent = 0; sent < sizeBytes; sent += 30_000) {
    await send(socket, Buffer.alloc(30_000));
    await new Promise(setImmediate);
  }
  assert.equal(await counted.promise, sizeBytes);
});
