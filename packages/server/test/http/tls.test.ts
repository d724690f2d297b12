import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import type { IncomingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type ConnectionOptions, connect as connectTls, getCiphers } from "node:tls";
import { pino } from "pino";
import { compose, type Service } from "../../src/compose/compose.ts";
import { readConfig } from "../../src/config.ts";
import { invariant } from "../../src/domain/invariant.ts";
import { readCertificate } from "../../src/http/connections/tls.ts";
import { signInHeader } from "../auth/signing.ts";
import { selfSigned } from "../support/certificate.ts";
import { openSocket, readToEnd } from "./raw-socket.ts";

let folder: string;
let service: Service;
let port: number;
let certificate: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "moraine-tls-"));
  // Suites without forward secrecy need a key of RSA.
  const { certFile, keyFile, cert } = await selfSigned(folder, undefined, "rsa");
  certificate = cert;
  const flags = ["--data", "data", "--listen", "127.0.0.1:0", "--tls-cert", certFile, "--tls-key", keyFile];
  const config = readConfig(flags, {}, folder);
  invariant(config !== null, "nobody asked for help");
  service = await compose(config, { log: pino({ level: "silent" }), onHalt: () => undefined });
  port = Number(new URL(service.url).port);
});
after(async () => {
  await service.stop(100);
  await rm(folder, { recursive: true });
});

test("signed requests and pages are served over TLS", async () => {
  assert.match(service.url, /^https:\/\/127\.0\.0\.1:[0-9]+$/);
  assert.equal((await get("/health/ready", {})).status, 200);
  const { newKey } = service;
  invariant(newKey !== null, "the first start makes a key");
  const signed = signInHeader(
    {
      method: "GET",
      path: "/-/vaults",
      headers: [
        ["host", `127.0.0.1:${port}`],
        ["x-amz-glacier-version", "2012-06-01"],
      ],
    },
    {
      secretAccessKey: newKey.secretAccessKey,
      scope: { accessKeyId: newKey.accessKeyId },
      amzDate: new Date().toISOString().replace(/[-:]|\.[0-9]+/g, ""),
    },
  );
  const answer = await get("/-/vaults", Object.fromEntries(signed.headers));
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(JSON.parse(answer.text), { Marker: null, VaultList: [] });
});

test("a connection that is not TLS, too old or interrupted is refused, and the server keeps serving", async () => {
  for (const text of [
    "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n",
    "\x16\x03\x01\x00\x05hello",
    "\x00".repeat(2000),
    "\x16\x03",
  ]) {
    const socket = await openSocket(port);
    const ended = readToEnd(socket, 5000);
    socket.write(Buffer.from(text, "latin1"));
    setTimeout(() => socket.end(), 200);
    const { text: answer, ended: closed } = await ended;
    assert.ok(closed, JSON.stringify(text));
    assert.doesNotMatch(answer, /200 OK|"status":"live"/);
    socket.destroy();
  }
  for (const leave of ["destroy", "resetAndDestroy"] as const) {
    const socket = await openSocket(port);
    socket.write(Buffer.from("1603010200010001fc0303", "hex"));
    await new Promise((resolve) => setTimeout(resolve, 20));
    socket[leave]();
  }
  const old = connectTls({
    port,
    host: "127.0.0.1",
    ca: certificate,
    minVersion: "TLSv1",
    maxVersion: "TLSv1.1",
    ciphers: "ALL@SECLEVEL=0",
  });
  await assert.rejects(once(old, "secureConnect"), /protocol version|alert|ECONNRESET|unsupported/i);
  assert.equal((await get("/health/live", {})).status, 200);
});

test("TLS 1.2 has only suites with forward secrecy and authenticated encryption, and 1.3 is spoken", async () => {
  const suites = getCiphers().filter((name) => !name.startsWith("tls_"));
  assert.ok(suites.includes("aes128-sha") && suites.includes("ecdhe-rsa-aes128-sha") && suites.length > 40);
  const taken: string[] = [];
  for (const name of suites) {
    const suite = await negotiated({ maxVersion: "TLSv1.2", ciphers: `${name.toUpperCase()}:@SECLEVEL=0` });
    if (suite !== null) {
      taken.push(suite);
    }
  }
  assert.deepEqual(
    new Set(taken),
    new Set(["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305"]),
  );
  assert.match((await negotiated({})) ?? "", /^TLS_/);
});

test("each response over TLS tells browsers to stay with it", async () => {
  for (const path of ["/health/live", "/-/vaults", "/%zz"]) {
    const { headers } = await get(path, {});
    assert.equal(headers["strict-transport-security"], "max-age=31536000", path);
  }
});

test("malformed HTTP within TLS is refused in the API's form", async () => {
  const socket = connectTls({ port, host: "127.0.0.1", ca: certificate });
  await once(socket, "secureConnect");
  const ended = readToEnd(socket, 5000);
  socket.write("GET / HTTP/1.1\r\nHost : x\r\n\r\n");
  const { text } = await ended;
  assert.match(text, /^HTTP\/1\.1 400 .*x-amzn-RequestId: .*"code":"BadRequest"/s);
  assert.match(text, /^strict-transport-security: max-age=31536000\r$/im);
  socket.destroy();
});

/** The suite that the server and such a client agree on; null when there is none. */
async function negotiated(options: Pick<ConnectionOptions, "maxVersion" | "ciphers">): Promise<string | null> {
  const socket = connectTls({ port, host: "127.0.0.1", ca: certificate, ...options });
  try {
    await once(socket, "secureConnect");
    return socket.getCipher().name;
  } catch {
    return null;
  } finally {
    socket.destroy();
  }
}

interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

async function get(path: string, headers: Record<string, string>): Promise<Got> {
  const request = httpsRequest({ port, host: "127.0.0.1", ca: certificate, path, headers, agent: false });
  const answered = once(request, "response");
  request.end();
  const [response] = await answered;
  let text = "";
  for await (const piece of response) {
    text += String(piece);
  }
  return { status: response.statusCode ?? 0, headers: response.headers, text };
}

test("certificate and key that are missing, swapped, or not of each other are named", async () => {
  const [one, other] = [join(folder, "one"), join(folder, "other")];
  await Promise.all([mkdir(one), mkdir(other)]);
  const [ec, rsa] = [await selfSigned(one), await selfSigned(other, undefined, "rsa")];
  const [empty, missing] = [join(folder, "empty"), join(folder, "missing")];
  await writeFile(empty, "", { mode: 0o600 });
  const failures = [
    [missing, ec.keyFile, /^Cannot read the certificate \(--tls-cert\): ENOENT/],
    [ec.certFile, missing, /^Cannot read the private key \(--tls-key\): ENOENT/],
    [ec.keyFile, ec.certFile, /\/key\.pem \(--tls-cert\) holds a private key: are --tls-cert and --tls-key swapped\?$/],
    [empty, ec.keyFile, /\/empty \(--tls-cert\) holds no certificate in PEM form$/],
    [ec.certFile, empty, /\/empty \(--tls-key\) holds no private key in PEM form/],
    [ec.certFile, rsa.keyFile, /^The private key in \S+\/other\/key\.pem does not belong to the first certificate in/],
  ] as const;
  for (const [certFile, keyFile, message] of failures) {
    await assert.rejects(readCertificate({ certFile, keyFile }), { message });
  }
});
