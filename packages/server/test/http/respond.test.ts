import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { Reply } from "../../src/http/wire/encode.ts";
import { jsonReply } from "../../src/http/wire/encode.ts";
import { respond } from "../../src/http/wire/respond.ts";
import { openSocket, readToEnd } from "./raw-socket.ts";
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

const announced = 300_000;

async function* pieces(sizeBytes: number): AsyncGenerator<Uint8Array, void, void> {
  for (let left = sizeBytes; left > 0; left -= 100_000) {
    yield Buffer.alloc(Math.min(left, 100_000), "x");
  }
}

/** Bodies of `sizeBytes` where `announced` bytes were announced, in each form that a body has. */
const bodies: Readonly<Record<string, (sizeBytes: number) => Reply["body"]>> = {
  stream: (sizeBytes) => ({ sizeBytes: announced, stream: pieces(sizeBytes) }),
  string: (sizeBytes) => "x".repeat(sizeBytes),
  missing: () => null,
};

for (const [form, sizes] of [
  ["stream", [0, 1, 100_000, announced - 1, announced + 1, announced + 100_000]],
  ["string", [0, 1, announced - 1, announced + 1]],
  ["missing", [0]],
] as const) {
  for (const requestEnds of [true, false]) {
    const name = requestEnds ? "" : ", sent before the request has ended,";
    test(`a ${form} body that is not as long as announced${name} ends the connection`, async (context) => {
      for (const sizeBytes of sizes) {
        const failures: unknown[] = [];
        let requests = 0;
        const server = createServer((request, response) => {
          requests += 1;
          const headers = { "Content-Length": String(announced) };
          const reply =
            requests === 1 ? { status: 200, headers, body: bodies[form]?.(sizeBytes) ?? null } : jsonReply(200, {});
          respond(request, response, reply, { ...limits, drainSecondsMax: 0.1 }).catch((error: unknown) =>
            failures.push(error),
          );
        });
        server.listen(0, "127.0.0.1");
        await once(server, "listening");
        context.after(() => server.close());
        const socket = await openSocket((server.address() as AddressInfo).port);
        const received = readToEnd(socket, 10_000);
        const next = "GET /next HTTP/1.1\r\nHost: x\r\n\r\n";
        await send(
          socket,
          requestEnds
            ? `GET / HTTP/1.1\r\nHost: x\r\n\r\n${next}`
            : "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc",
        );
        const { text, ended } = await received;
        assert.ok(ended, `${sizeBytes} bytes: the connection ends`);
        assert.equal(text.split("HTTP/1.1 ").length - 1, text === "" ? 0 : 1, "no other response is in the body");
        const body = text.slice(text.indexOf("\r\n\r\n") + 4);
        assert.ok(body.length !== announced || sizeBytes > announced, `${body.length} bytes look complete`);
        assert.equal(failures.length, 1, "the failure is reported");
        socket.destroy();
      }
    });
  }
}

for (const requestEnds of [true, false]) {
  const name = requestEnds ? "" : ", sent before the request has ended,";
  test(`a string body${name} that the client never takes is given up after the stall time`, async (context) => {
    const given = Promise.withResolvers<string>();
    const server = createServer((request, response) => {
      response.once("close", () => given.resolve(response.writableFinished ? "taken" : "given up"));
      // More than the buffers of two sockets hold.
      const reply = { status: 200, headers: {}, body: "x".repeat(64 * 1024 ** 2) };
      void respond(request, response, reply, { ...limits, sendStallSeconds: 0.2, drainSecondsMax: 0.1 });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    context.after(() => server.close());
    const socket = await openSocket((server.address() as AddressInfo).port);
    context.after(() => socket.destroy());
    socket.pause();
    const head = requestEnds ? "GET / HTTP/1.1\r\n" : "PUT / HTTP/1.1\r\nContent-Length: 1000\r\n";
    await send(socket, `${head}Host: x\r\n\r\n${requestEnds ? "" : "abc"}`);
    const late = new Promise<string>((resolve) => setTimeout(resolve, 20_000, "kept").unref());
    assert.equal(await Promise.race([given.promise, late]), "given up");
  });
}
