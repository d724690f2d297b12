import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createServer as createSecureServer } from "node:tls";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type HttpResponse, readText } from "../../src/http/http.ts";
import { nodeHttp } from "../../src/node/node-http.ts";

interface RawServer extends AsyncDisposable {
  readonly url: URL;
  /** Headers of the requests, of all connections in order. */
  readonly heads: string[];
  readonly connections: Socket[];
}

/** A server that writes any bytes, according to the number of the connection and of the request on it. */
async function rawServer(
  answer: (socket: Socket, connection: number, request: number) => unknown,
  server = createServer(),
  event = "connection",
): Promise<RawServer> {
  const heads: string[] = [];
  const connections: Socket[] = [];
  server.on(event, (socket: Socket) => {
    const connection = connections.push(socket) - 1;
    let requests = 0;
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => {
      heads.push(bytes.toString("latin1"));
      answer(socket, connection, requests++);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: new URL(`http://127.0.0.1:${port}/output?x=%20y`),
    heads,
    connections,
    [Symbol.asyncDispose]: async () => {
      for (const socket of connections) socket.destroy();
      server.close();
    },
  };
}

const timeoutMilliseconds = 60_000;
const allOf = (answer: HttpResponse) => readText(answer, 1e9);
const get = (url: URL, signal?: AbortSignal) =>
  nodeHttp(url, {
    method: "GET",
    headers: { range: "bytes=0-4", "accept-encoding": "identity" },
    body: null,
    signal,
    timeoutMilliseconds,
  });
const plain = (body: string, more = "") =>
  `HTTP/1.1 206 Partial Content\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`;

test("a response is the same wherever its packets end", async () => {
  const text = `HTTP/1.1 100 Continue\r\n\r\n${plain("hello", "X-Amz-Archive-Description:  a: b \r\n")}`;
  for (let cut = 1; cut < text.length; cut += 1) {
    await using server = await rawServer((socket) => {
      socket.setNoDelay(true).write(text.slice(0, cut), () => setTimeout(() => socket.write(text.slice(cut)), 2));
    });
    const answer = await get(server.url);
    assert.equal(answer.status, 206);
    assert.equal(answer.statusText, "Partial Content");
    assert.equal(answer.header("X-Amz-Archive-Description"), "a: b");
    assert.equal(await allOf(answer), "hello");
    assert.match(
      server.heads[0] ?? "",
      /^GET \/output\?x=%20y HTTP\/1\.1\r\nrange: bytes=0-4\r\naccept-encoding: identity\r\n/,
    );
  }
});

test("a connection is used again, but not after a response that was left or that closes it", async () => {
  await using server = await rawServer((socket, connection, request) => {
    const more = connection === 1 && request === 0 ? "Connection: close\r\n" : "";
    socket.write(plain("x".repeat(100_000), more));
  });
  const read = async () => (await allOf(await get(server.url))).length;
  assert.deepEqual([await read(), await read()], [100_000, 100_000]);
  assert.equal(server.connections.length, 1);
  await (await get(server.url)).body.cancel();
  assert.deepEqual([await read(), await read()], [100_000, 100_000]);
  assert.equal(server.connections.length, 3);
});

test("an idle connection that the server has closed is no failure", async () => {
  await using server = await rawServer((socket, connection, request) => {
    if (connection === 0 && request === 1) socket.destroy();
    else socket.write(plain("hello"));
  });
  for (let turn = 0; turn < 3; turn += 1) {
    assert.equal(await allOf(await get(server.url)), "hello");
  }
  assert.equal(server.connections.length, 2);
});

test("a response without a length is read to its end", async () => {
  for (const head of ["Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "Connection: close\r\n\r\nhello"]) {
    await using server = await rawServer((socket) => socket.write(`HTTP/1.1 200 OK\r\n${head}`, () => socket.end()));
    assert.equal(await allOf(await get(server.url)), "hello");
  }
});

test("the connection is paused while nobody reads, whatever the size", async () => {
  let written = 0;
  await using server = await rawServer((socket) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
    const more = () => {
      for (let room = true; room; ) {
        written += 1_000_000;
        room = socket.write(Buffer.alloc(1_000_000));
      }
    };
    socket.on("drain", more);
    more();
  });
  const answer = await get(server.url);
  for (let seen = -1; seen !== written; ) {
    seen = written;
    await sleep(200);
  }
  assert.ok(written < 50_000_000, `${written} bytes were taken that nobody reads`);
  await answer.body.cancel();
});

test("bytes that arrive while the reader is busy are one piece, and pieces are the reader's own", async () => {
  const content = Buffer.from(Array.from({ length: 30_003 }, (_, index) => index % 251));
  await using server = await rawServer(async (socket) => {
    socket.setNoDelay(true).write(`HTTP/1.1 200 OK\r\nContent-Length: ${content.length}\r\n\r\n`);
    for (let start = 0; start < content.length; start += 1000) {
      await sleep(5);
      socket.write(content.subarray(start, start + 1000));
    }
  });
  const pieces: Uint8Array[] = [];
  const { body } = await get(server.url);
  for (let piece = await body.next(); piece !== null; piece = await body.next()) {
    pieces.push(piece);
    await sleep(100);
  }
  assert.ok(Buffer.concat(pieces).equals(content));
  assert.ok(pieces.length <= 10, `${pieces.length} pieces of 31 packets`);
});

test("plain HTTP uses the proxy of the environment when Node is set to", async () => {
  await using proxy = await rawServer((socket) => socket.write(plain("by proxy")));
  const asked = ask("http://vaults.invalid/output", { NODE_USE_ENV_PROXY: "1", HTTP_PROXY: proxy.url.origin });
  assert.equal((await asked).stdout, "8\n");
  assert.match(proxy.heads[0] ?? "", /^GET http:\/\/vaults\.invalid\/output HTTP\/1\.1\r\n/);
});

test("a broken connection, or bytes that are not HTTP, fail with the reason", async () => {
  const failures: Record<string, RegExp> = {
    "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello": /aborted|closed/,
    "HTTP/1.1 200 OK\r\nContent-Len": /socket hang up|Parse Error/,
    "SSH-2.0-OpenSSH\r\n\r\n": /Parse Error/,
  };
  for (const [text, reason] of Object.entries(failures)) {
    await using server = await rawServer((socket) => socket.end(text));
    await assert.rejects(get(server.url).then(allOf), reason);
  }
});

test("the signal ends it at any time: before, while it waits for the head, while the body is read", async () => {
  const reason = new Error("enough");
  await assert.rejects(get(new URL("http://127.0.0.1:1/"), AbortSignal.abort(reason)), reason);
  for (const text of ["", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"]) {
    await using server = await rawServer((socket) => socket.write(text));
    const stop = new AbortController();
    setTimeout(() => stop.abort(reason), 50);
    await assert.rejects(get(server.url, stop.signal).then(allOf), reason);
  }
});

test("over TLS, only a trusted certificate is accepted", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "moraine-tls-"));
  t.after(() => rm(folder, { recursive: true }));
  const [key, cert] = [join(folder, "key"), join(folder, "cert")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  const made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  await promisify(execFile)("openssl", [...made, ...subject, "-keyout", key, "-out", cert]);
  const secure = createSecureServer({ key: await readFile(key), cert: await readFile(cert) });
  const content = "x".repeat(300_000);
  await using server = await rawServer((socket) => socket.end(plain(content)), secure, "secureConnection");
  const askHost = (host: string, environment: Record<string, string>) =>
    ask(`https://${host}:${server.url.port}/`, environment);
  assert.equal((await askHost("localhost", { NODE_EXTRA_CA_CERTS: cert })).stdout, `${content.length}\n`);
  await assert.rejects(askHost("localhost", {}), /self-signed certificate/);
  await assert.rejects(askHost("127.0.0.1", { NODE_EXTRA_CA_CERTS: cert }), /IP: 127\.0\.0\.1 is not in the cert/);
});

/** Requests the URL in another process, which prints the body's length. */
function ask(url: string, environment: Record<string, string>): Promise<{ readonly stdout: string }> {
  const module = fileURLToPath(import.meta.resolve("../../src/node/node-http.ts"));
  const script = `const { nodeHttp } = await import(${JSON.stringify(module)});
    const { body } = await nodeHttp(new URL(process.argv[1]), { method: "GET", headers: {}, body: null, timeoutMilliseconds: 60000 });
    let bytes = 0;
    for (let piece = await body.next(); piece !== null; piece = await body.next()) bytes += piece.length;
    console.log(bytes);`;
  return promisify(execFile)(
    process.execPath,
    ["--conditions=@moraine/source", "--input-type=module", "--eval", script, url],
    { env: { ...process.env, ...environment } },
  );
}

const put = (url: URL, body: AsyncIterable<Uint8Array>, sizeBytes: number, signal?: AbortSignal) =>
  nodeHttp(url, { method: "PUT", headers: { "content-length": String(sizeBytes) }, body, signal, timeoutMilliseconds });

/** Endless pieces of 100 kB; reports whether the loop was left properly. */
function endless(): { readonly pieces: AsyncGenerator<Uint8Array>; readonly left: Promise<number> } {
  const { promise, resolve } = Promise.withResolvers<number>();
  const pieces = (async function* () {
    let count = 0;
    try {
      for (;;) {
        count += 1;
        yield new Uint8Array(100_000);
      }
    } finally {
      resolve(count);
    }
  })();
  return { pieces, left: promise };
}

test("bodies are sent piece by piece, several on one connection", async () => {
  let seenBytes = 0;
  await using server = await rawServer((socket) => {
    seenBytes = server.heads.join("").length;
    if (server.heads.at(-1)?.endsWith("END")) socket.write(plain("hello"));
  });
  const body = async function* (end: Promise<void>) {
    yield Buffer.from("begin");
    yield Buffer.alloc(2_000_000, "x");
    yield Buffer.from("END");
    await end;
  };
  for (let turn = 1; turn <= 2; turn += 1) {
    const end = Promise.withResolvers<void>();
    assert.equal(await allOf(await put(server.url, body(end.promise), 2_000_008)), "hello");
    assert.ok(seenBytes > turn * 2_000_008);
    end.resolve(); // The response arrived before the source had ended.
    await sleep(50);
  }
  assert.equal(server.connections.length, 1);
});

test("a refusal before a body's end is returned, and no more of the body is sent", async () => {
  await using server = await rawServer((socket, _, request) => {
    if (request === 0) socket.write(plain("no"));
  });
  const { pieces, left } = endless();
  const answer = await put(server.url, pieces, 1e12);
  assert.equal(answer.status, 206);
  assert.equal(await allOf(answer), "no");
  assert.ok((await left) < 1000);
  assert.equal(await closing(server.connections[0]), "closed");
});

test("a request fails with its body's error, and the server sees it aborted", async () => {
  await using server = await rawServer(() => undefined);
  const broken = new Error("the disk is gone");
  const body = async function* () {
    yield new Uint8Array(10);
    throw broken;
  };
  await assert.rejects(put(server.url, body(), 20), broken);
  assert.equal(await closing(server.connections[0]), "closed");
});

test("a body is left when the signal aborts, and when the server closes", async () => {
  const reason = new Error("enough");
  const stop = new AbortController();
  const aborted = endless();
  await using silent = await rawServer(() => stop.abort(reason));
  await assert.rejects(put(silent.url, aborted.pieces, 1e12, stop.signal), reason);
  await aborted.left;

  const closed = endless();
  await using closing = await rawServer((socket) => socket.destroy());
  await assert.rejects(put(closing.url, closed.pieces, 1e12), /ECONNRESET|EPIPE|socket hang up/);
  await closed.left;
});

test("a request that changes something is not sent again when an idle connection turns out to be closed", async () => {
  await using server = await rawServer((socket, connection, request) => {
    if (connection === 0 && request === 1) socket.destroy();
    else socket.write(plain("hello"));
  });
  const post = () =>
    nodeHttp(server.url, { method: "POST", headers: {}, body: null, signal: undefined, timeoutMilliseconds });
  assert.equal(await allOf(await post()), "hello");
  await assert.rejects(post(), /socket hang up|ECONNRESET/);
  assert.equal(server.heads.length, 2);
});

async function closing(socket: Socket | undefined): Promise<string> {
  if (socket !== undefined && !socket.closed) {
    await once(socket, "close");
  }
  return "closed";
}
