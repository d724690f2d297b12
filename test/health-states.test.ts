import assert from "node:assert/strict";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { openListener } from "../packages/server/src/compose/listener.ts";
import { readConfig } from "../packages/server/src/config.ts";
import { eventually, send, uploadHead } from "../packages/server/test/http/sending.ts";
import { contentOf } from "./support/content.ts";
import { DiskRig } from "./support/disk-rig/rig.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { freshMetrics } from "./support/metrics.ts";
import { rootKey, type ServerProcess, startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// Each state of the service, as its pages show it to everybody and to the operator. The state of a full disk: test/system/full-disk.test.ts.

const vault = "photos";
const metricsFlags = ["--metrics-listen", "127.0.0.1:0"];
const archive = contentOf(1, 1000);

async function page(url: string, name: string): Promise<readonly [status: number, shown: Record<string, unknown>]> {
  const response = await fetch(`${url}/health/${name}`);
  return [response.status, (await response.json()) as Record<string, unknown>];
}

interface States {
  readonly ready: readonly [status: number, reason?: string];
  readonly readable: readonly [status: number, reason?: string];
}

/** Compares the pages of both addresses; everybody gets no reason. */
async function assertPages({ url, metricsUrl }: Pick<ServerProcess, "url" | "metricsUrl">, states: States) {
  for (const [name, [status, reason]] of Object.entries(states)) {
    const shown = { status: status === 200 ? name : `not ${name}` };
    assert.deepEqual(await page(url, name), [status, shown]);
    const [found, operators] = await page(String(metricsUrl), name);
    assert.deepEqual([found, operators["status"], operators["reason"]], [status, shown.status, reason]);
  }
}

test("a server whose stores are not open yet is live, and starting", async () => {
  await using started = new AsyncDisposableStack();
  const config = readConfig(["--listen", "127.0.0.1:0", ...metricsFlags], {}, process.cwd());
  assert.ok(config !== null);
  // The first part that a start opens, and the only one that clients reach.
  const { atDoor } = await openListener(config, started);
  assert.deepEqual(await page(atDoor.url, "live"), [200, { status: "live" }]);
  await assertPages(atDoor, { ready: [503, "starting"], readable: [503, "starting"] });
  assert.equal(await (await fetch(`${atDoor.metricsUrl}/metrics`)).text(), "moraine_ready 0\n");
});

/** A server whose disk fails as a test says. */
async function onFaultyDisk(use: (server: ServerProcess, rig: DiskRig, glacier: GlacierHttp) => Promise<void>) {
  await using folder = await temporaryFolder();
  const dataFolder = join(folder.path, "data");
  const rig = await DiskRig.create(folder.path, dataFolder);
  await using server = await startServer({ dataFolder, environment: rig.environment, flags: metricsFlags });
  const glacier = new GlacierHttp(server.url);
  try {
    await glacier.createVault(vault);
    await use(server, rig, glacier);
  } finally {
    glacier.close();
  }
}

test("a server is ready, and read-only after two syncs of archives have failed in a row: reads continue", async () => {
  await onFaultyDisk(async (server, rig, glacier) => {
    await assertPages(server, { ready: [200], readable: [200] });
    const archiveId = await glacier.uploadArchive(vault, archive, "before");
    await rig.fail({ call: "sync", pattern: "*/data/tmp/*", count: 2, outcome: "EIO" });
    await assert.rejects(glacier.uploadArchive(vault, archive, "first"));
    await assertPages(server, { ready: [200], readable: [200] });
    await assert.rejects(glacier.uploadArchive(vault, archive, "second"));
    const reason = "read-only until a restart: the disk failed to sync twice in a row";
    await assertPages(server, { ready: [503, reason], readable: [200] });
    assert.match(await freshMetrics(String(server.metricsUrl)), /^moraine_read_only\{reason="failed_syncs"\} 1$/m);
    await rig.lift();
    await assert.rejects(glacier.uploadArchive(vault, archive, "third"), "a sync that works again proves nothing");
    assert.ok((await glacier.retrieve(vault, archiveId)).equals(archive));
    await server.stop();
  });
});

test("a server whose database failed is halted while its last request runs, and then ends with exit code 1", async () => {
  await onFaultyDisk(async (server, rig, glacier) => {
    const { metricsUrl } = server;
    const port = Number(new URL(server.url).port);
    const running = connect({ port, host: "127.0.0.1" });
    running.on("error", () => undefined);
    await send(running, uploadHead({ port, key: rootKey }, archive));
    const isBusy = async () => /^moraine_connections\{state="busy"\} 1$/m.test(await freshMetrics(String(metricsUrl)));
    assert.ok(await eventually(isBusy));
    await rig.fail({ call: "sync", pattern: "*/moraine.db-wal", outcome: "EIO" });
    await assert.rejects(glacier.createVault("films"));
    for (const name of ["ready", "readable"]) {
      const [status, shown] = await page(String(metricsUrl), name);
      assert.equal(status, 503);
      assert.equal(shown["reason"], "halted: The metadata store failed; restart the server");
    }
    assert.match(await freshMetrics(String(metricsUrl)), /^moraine_halted 1$/m);
    running.destroy();
    assert.equal((await server.ended).code, 1);
  });
});
