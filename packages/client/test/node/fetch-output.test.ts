import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createServer as createSecureServer } from "node:tls";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { fetchOutput } from "../../src/node/fetch-output.ts";

interface RawServer extends AsyncDisposable {
  readonly url: URL;
  /** The requests' heads, of all connections in turn. */
  readonly heads: string[];
  readonly connections: Socket[];
}

/** A server of bytes: told which connection it is and which request on it, it writes whatever it likes. */
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

const get = (url: URL, signal?: AbortSignal) =>
  fetchOutput(url, { headers: new Headers({ range: "bytes=0-4" }), ...(signal && { signal }) });
const plain = (body: string, more = "") =>
  `HTTP/1.1 206 Partial Content\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`;

test("an answer is the same wherever its packets end", async () => {
  const text = `HTTP/1.1 100 Continue\r\n\r\n${plain("hello", "X-Amz-Archive-Description:  a: b \r\n")}`;
  for (let cut = 1; cut < text.length; cut += 1) {
    await using server = await rawServer((socket) => {
      socket.setNoDelay(true).write(text.slice(0, cut), () => setTimeout(() => socket.write(text.slice(cut)), 2));
    });
    const answer = await get(server.url);
    assert.equal(answer.status, 206);
    assert.equal(answer.statusText, "Partial Content");
    assert.equal(answer.headers.get("x-amz-archive-description"), "a: b");
    assert.equal(await answer.text(), "hello");
    assert.match(
      server.heads[0] ?? "",
      /^GET \/output\?x=%20y HTTP\/1\.1\r\nrange: bytes=0-4\r\naccept-encoding: identity\r\n/,
    );
  }
});

test("a connection serves one answer after another, and none that was left or that the server will close", async () => {
  await using server = await rawServer((socket, connection, request) => {
    const more = connection === 1 && request === 0 ? "Connection: close\r\n" : "";
    socket.write(plain("x".repeat(100_000), more));
  });
  const read = async () => (await (await get(server.url)).bytes()).length;
  assert.deepEqual([await read(), await read()], [100_000, 100_000]);
  assert.equal(server.connections.length, 1);
  await (await get(server.url)).body?.cancel();
  assert.deepEqual([await read(), await read()], [100_000, 100_000]);
  assert.equal(server.connections.length, 3);
});

test("an idle connection that the server has closed is no failure", async () => {
  await using server = await rawServer((socket, connection, request) => {
    if (connection === 0 && request === 1) socket.destroy();
    else socket.write(plain("hello"));
  });
  for (let turn = 0; turn < 3; turn += 1) {
    assert.equal(await (await get(server.url)).text(), "hello");
  }
  assert.equal(server.connections.length, 2);
});

test("an answer whose length is not told is read to its end", async () => {
  for (const head of ["Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "Connection: close\r\n\r\nhello"]) {
    await using server = await rawServer((socket) => socket.write(`HTTP/1.1 200 OK\r\n${head}`, () => socket.end()));
    assert.equal(await (await get(server.url)).text(), "hello");
  }
});

test("while nobody reads, the connection is held back, however much would come", async () => {
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
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  assert.ok(written < 50_000_000, `${written} bytes were taken that nobody reads`);
  await answer.body?.cancel();
});

test("what comes while its reader is busy is given in one piece, and the pieces are the reader's own", async () => {
  const content = Buffer.from(Array.from({ length: 30_003 }, (_, index) => index % 251));
  await using server = await rawServer(async (socket) => {
    socket.setNoDelay(true).write(`HTTP/1.1 200 OK\r\nContent-Length: ${content.length}\r\n\r\n`);
    for (let start = 0; start < content.length; start += 1000) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      socket.write(content.subarray(start, start + 1000));
    }
  });
  const pieces: Uint8Array[] = [];
  for await (const piece of (await get(server.url)).body ?? []) {
    pieces.push(piece);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.ok(Buffer.concat(pieces).equals(content));
  assert.ok(pieces.length <= 10, `${pieces.length} pieces of 31 packets`);
});

test("plain HTTP goes through the proxy of the environment when Node is told to use it", async () => {
  await using proxy = await rawServer((socket) => socket.write(plain("by proxy")));
  const asked = ask("http://vaults.invalid/output", { NODE_USE_ENV_PROXY: "1", HTTP_PROXY: proxy.url.origin });
  assert.equal((await asked).stdout, "8\n");
  assert.match(proxy.heads[0] ?? "", /^GET http:\/\/vaults\.invalid\/output HTTP\/1\.1\r\n/);
});

test("what breaks, or is no HTTP, fails with its reason", async () => {
  const failures: Record<string, RegExp> = {
    "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello": /aborted|closed/,
    "HTTP/1.1 200 OK\r\nContent-Len": /socket hang up|Parse Error/,
    "SSH-2.0-OpenSSH\r\n\r\n": /Parse Error/,
  };
  for (const [text, reason] of Object.entries(failures)) {
    await using server = await rawServer((socket) => socket.end(text));
    await assert.rejects(
      get(server.url).then((answer) => answer.text()),
      reason,
    );
  }
});

test("the signal ends it at any time: before, while it waits for the head, while the body is read", async () => {
  const reason = new Error("enough");
  await assert.rejects(get(new URL("http://127.0.0.1:1/"), AbortSignal.abort(reason)), reason);
  for (const text of ["", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"]) {
    await using server = await rawServer((socket) => socket.write(text));
    const stop = new AbortController();
    setTimeout(() => stop.abort(reason), 50);
    await assert.rejects(
      get(server.url, stop.signal).then((answer) => answer.text()),
      reason,
    );
  }
});

test("over TLS, a certificate that is trusted will do, and no other", async (t) => {
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

/** In a process of its own, which prints the body's length. */
function ask(url: string, environment: Record<string, string>): Promise<{ readonly stdout: string }> {
  const module = fileURLToPath(import.meta.resolve("../../src/node/fetch-output.ts"));
  const script = `const { fetchOutput } = await import(${JSON.stringify(module)});
    const answer = await fetchOutput(new URL(process.argv[1]), { headers: new Headers() });
    console.log((await answer.text()).length);`;
  return promisify(execFile)(
    process.execPath,
    ["--conditions=@moraine/source", "--input-type=module", "--eval", script, url],
    { env: { ...process.env, ...environment } },
  );
}
