import assert from "node:assert/strict";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import type { Readable } from "node:stream";
import { test } from "node:test";
import { signedText, textOf } from "../../../packages/server/test/http/signed-text.ts";
import { GlacierHttp } from "../../support/glacier-http.ts";
import { bestP99, descriptors, limitOf, p99, peakBytes, peakBytesMax } from "../../support/honest-clients.ts";
import { cleanEnvironment, repositoryRoot, rootKey, startServer } from "../../support/server-process.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

// A tenant sends three times as many signed requests as the server can serve, next to 2,000 clients that send theirs slowly, while
// honest clients of another tenant are measured.

const mebibyte = 1024 ** 2;
const busyAccount = "999999999999";
const busyAddress = "127.0.0.3";
const connections = 256;
const slowClients = 2000;
const slowAddress = "127.0.0.2";
const honestClients = 4;
const overload = 3;
const enough = 1_000_000;
const normalMillisecondsMax = 5000;
const ownDescriptors = 10;

interface Counts {
  readonly due: number;
  readonly sent: number;
  readonly served: number;
  readonly refused: number;
}

type Child = ChildProcessByStdio<null, Readable, null>;

test("requests beyond what the server can serve, of one tenant, do not slow another down, and leave nothing", async (t) => {
  await using folder = await temporaryFolder();
  // The first start after an installation also compiles the sources.
  await (await startServer({ dataFolder: folder.path })).stop();
  await using server = await startServer({ dataFolder: folder.path, flags: ["--log-level", "error"] });
  const clients = Array.from({ length: honestClients }, () => new GlacierHttp(server.url));
  await clients[0]?.createVault("photos");
  const head = await requestOfBusyTenant(server.url, clients[0] as GlacierHttp);
  await p99(clients, 2);

  const atCapacity = startBusy(server.url, enough, head);
  const capacity = (await countsOf(atCapacity, 3)).served;
  await end(atCapacity);
  const reference = await bestP99(clients, 3);
  const openBefore = await descriptors(server.pid);

  const slow = startSlow(server.url);
  const busy = startBusy(server.url, overload * capacity, head);
  const seen = await countsOf(busy, 3);
  const overloaded = await bestP99(clients, 4);
  await Promise.all([end(busy), end(slow)]);
  const ended = performance.now();
  while ((await descriptors(server.pid)) > openBefore + ownDescriptors) {
    assert.ok(
      performance.now() - ended < normalMillisecondsMax,
      `${await descriptors(server.pid)} descriptors are open`,
    );
  }
  const normalMilliseconds = performance.now() - ended;
  const afterwards = await bestP99(clients, 2);
  const peak = await peakBytes(server.pid);
  t.diagnostic(
    `${capacity} requests a second at most; during ${JSON.stringify(seen)}; p99 ${reference.toFixed(1)} ms before, ` +
      `${overloaded.toFixed(1)} ms during, ${afterwards.toFixed(1)} ms after; again as before after ${normalMilliseconds.toFixed(0)} ms; ` +
      `peak ${(peak / mebibyte).toFixed(0)} MiB`,
  );
  for (const client of clients) {
    client.close();
  }
  assert.equal((await server.stop()).code, 0);
  assert.ok(seen.due > 2 * capacity, "more is sent than can be served");
  assert.ok(peak <= peakBytesMax, `${(peak / mebibyte).toFixed(0)} MiB`);
  assert.ok(overloaded <= limitOf(reference), `${overloaded} ms, ${reference} ms before`);
  assert.ok(afterwards <= limitOf(reference), `${afterwards} ms, ${reference} ms before`);
});

/** The signed request of another tenant for a vault of its own. */
async function requestOfBusyTenant(url: string, operator: GlacierHttp): Promise<string> {
  const { AccessKey } = (await operator.admin("POST", "/accounts", { AccountId: busyAccount })) as {
    AccessKey: { AccessKeyId: string; SecretAccessKey: string };
  };
  const key = { accessKeyId: AccessKey.AccessKeyId, secretAccessKey: AccessKey.SecretAccessKey };
  const tenant = new GlacierHttp(url, key);
  await tenant.createVault("hers");
  tenant.close();
  return textOf(signedText({ port: Number(new URL(url).port), key }, { method: "GET", path: "/-/vaults/hers" }));
}

function startBusy(url: string, perSecond: number, head: string): Child {
  const program = join(repositoryRoot, "test/support/overload-child.ts");
  const args = [program, new URL(url).port, busyAddress, String(connections), String(perSecond), head];
  return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"], env: cleanEnvironment() });
}

function startSlow(url: string): Child {
  const program = join(repositoryRoot, "test/support/hostile-child.ts");
  const ways = "slowHeaders,slowBody,idle";
  const args = [program, new URL(url).port, String(slowClients), slowAddress, rootKey.accessKeyId, ways];
  return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"], env: cleanEnvironment() });
}

/** The counts of one of its seconds. What it prints later is read as well, or it would wait. */
async function countsOf(child: Child, second: number): Promise<Counts> {
  const lines = createInterface(child.stdout);
  for (let left = second; left > 1; left -= 1) {
    await once(lines, "line");
  }
  const [line] = await once(lines, "line");
  return JSON.parse(line);
}

async function end(child: Child): Promise<void> {
  child.kill("SIGKILL");
  await once(child, "exit");
}
