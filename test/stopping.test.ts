import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { selfSigned } from "../packages/server/test/support/certificate.ts";
import { Shell } from "./support/command.ts";
import { cleanEnvironment, endingOf, repositoryRoot, startServer, within } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// Tests of the signals that a server gets, and of how it is started: by the README's command.

test("SIGTERM to npm start ends the server, which gives its folder and its port back", async () => {
  await using folder = await temporaryFolder();
  const child = spawn("npm", ["start", "--", "--data", folder.path, "--listen", "127.0.0.1:0"], {
    cwd: repositoryRoot,
    env: cleanEnvironment(),
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  try {
    const url = await endpointOf(child.stdout);
    child.kill("SIGTERM");
    // It resolves when the last process that holds the pipes has ended.
    await within(20_000, endingOf(child), "the server runs on without npm");
    await assert.rejects(fetch(`${url}/health/live`));
    await using again = await startServer({ dataFolder: folder.path });
    await again.stop();
  } finally {
    killGroup(child.pid ?? 0);
  }
});

test("SIGUSR1 opens no inspector in a server, neither with the flag of npm start nor without", async () => {
  await using folder = await temporaryFolder();
  await using server = await startServer({ dataFolder: folder.path });
  server.signal("SIGUSR1");
  assert.equal((await fetch(`${server.url}/health/live`)).status, 200);
  assert.doesNotMatch((await server.stop()).stderr, /Debugger/);

  const args = ["--conditions=@moraine/source", "packages/server/src/main.ts"];
  const unflagged = spawn(process.execPath, [...args, "--data", folder.path, "--listen", "127.0.0.1:0"], {
    cwd: repositoryRoot,
    env: cleanEnvironment(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ending = endingOf(unflagged);
  const url = await endpointOf(unflagged.stdout);
  unflagged.kill("SIGUSR1");
  assert.equal((await fetch(`${url}/health/live`)).status, 200);
  unflagged.kill("SIGTERM");
  assert.doesNotMatch((await within(20_000, ending, "it does not end")).stderr, /Debugger/);
});

test("SIGUSR1 opens no inspector in the command", async () => {
  await using folder = await temporaryFolder();
  const child = new Shell(folder.path, {}).start(["treehash", "-"]);
  const ending = endingOf(child);
  // More than a pipe holds: it has been written once the command reads.
  await new Promise((resolve) => child.stdin?.write(Buffer.alloc(1024 ** 2), resolve));
  child.kill("SIGUSR1");
  child.stdin?.end();
  assert.deepEqual(await ending, {
    code: 0,
    signal: null,
    stdout: "30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58  -\n",
    stderr: "",
  });
});

test("SIGHUP has new connections use the renewed certificate, and keeps the one before while a file is damaged", async () => {
  await using folder = await temporaryFolder();
  const first = await selfSigned(folder.path);
  const flags = ["--tls-cert", first.certFile, "--tls-key", first.keyFile];
  const environment = { MORAINE_LOG_LEVEL: "info" };
  await using server = await startServer({ dataFolder: join(folder.path, "data"), flags, environment });
  const servedCertificate = async () => {
    const socket = await connected(server.url);
    const certificate = certificateOf(socket);
    socket.destroy();
    return certificate;
  };
  const kept = await connected(server.url);
  assert.equal(certificateOf(kept), first.cert);

  const second = await selfSigned(folder.path);
  await server.signalUntil("SIGHUP", /certificate reloaded/);
  assert.equal(await servedCertificate(), second.cert);
  const answered = once(kept, "data");
  kept.write("GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n");
  assert.match(String(await answered), /^HTTP\/1.1 200 /, "an open connection stays");
  kept.destroy();

  await selfSigned(folder.path);
  await writeFile(first.keyFile, second.key);
  await server.signalUntil("SIGHUP", /certificate could not be reloaded/);
  assert.equal(await servedCertificate(), second.cert);
  await server.stop();
});

test("SIGTERM waits for no client that is connected without a request, before or within TLS", async () => {
  await using folder = await temporaryFolder();
  const { certFile, keyFile } = await selfSigned(folder.path);
  const tls = ["--tls-cert", certFile, "--tls-key", keyFile];
  for (const flags of [[], tls]) {
    await using server = await startServer({ dataFolder: join(folder.path, "data"), flags });
    const sockets = [connect(Number(new URL(server.url).port), "127.0.0.1")];
    await once(sockets[0] as Socket, "connect");
    if (flags.length > 0) {
      sockets.push(await connected(server.url), await connected(server.url));
      sockets[1]?.write("GET /health/live HTTP/1.1\r\n");
    }
    for (const socket of sockets) {
      socket.on("error", () => undefined);
    }
    // Those that are cut off after the grace of 30 seconds would end it with exit code 1.
    await server.stop();
  }
});

async function connected(url: string): Promise<TLSSocket> {
  const socket = connectTls({ host: "127.0.0.1", port: Number(new URL(url).port), rejectUnauthorized: false });
  await once(socket, "secureConnect");
  return socket;
}

const certificateOf = (socket: TLSSocket): string | undefined => socket.getPeerX509Certificate()?.toString();

test("SIGHUP ends no server without TLS", async () => {
  await using folder = await temporaryFolder();
  await using server = await startServer({ dataFolder: folder.path, environment: { MORAINE_LOG_LEVEL: "info" } });
  await server.signalUntil("SIGHUP", /nothing to reload/);
  assert.equal((await fetch(`${server.url}/health/live`)).status, 200);
  await server.stop();
});

test("a server ends with the terminal that it was started on", async () => {
  await using folder = await temporaryFolder();
  const command = `npm start -- --data ${folder.path} --listen 127.0.0.1:0`;
  const terminal = spawn("script", ["--quiet", "--return", "--command", command, "/dev/null"], {
    cwd: repositoryRoot,
    env: cleanEnvironment(),
    stdio: ["pipe", "pipe", "inherit"],
  });
  const url = await endpointOf(terminal.stdout);
  terminal.kill("SIGKILL");
  await within(20_000, refused(url), "the server outlives its terminal");
  await using again = await startServer({ dataFolder: folder.path });
  await again.stop();
});

async function refused(url: string): Promise<void> {
  while (await fetch(`${url}/health/live`).catch(() => null)) {
    await sleep(50);
  }
}

async function endpointOf(stdout: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface(stdout)) {
    const url = /^export AWS_ENDPOINT_URL_GLACIER=(\S+)/.exec(line)?.[1];
    if (url !== undefined) {
      // The end of the loop has paused it.
      setImmediate(() => stdout.resume());
      return url;
    }
  }
  throw new Error("It ended before it served");
}

/** Kills the processes of the group that still run. */
function killGroup(leader: number): void {
  try {
    process.kill(-leader, "SIGKILL");
  } catch {
    // Nothing is left.
  }
}
