import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { join } from "node:path";
import { test } from "node:test";
import { nothingUnsynced, type Survival } from "./support/disk-rig/disk-model.ts";
import { atEachPromise, brokenPromises, type Promised } from "./support/disk-rig/power-cuts.ts";
import { type RecordedRun, type RecordingClient, recordRun, vault } from "./support/disk-rig/recorded-run.ts";
import { DiskRig, type FaultRule } from "./support/disk-rig/rig.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { Random } from "./support/random.ts";
import { startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// A server's writes, syncs and responses are recorded in order. From the record follows what a power cut would leave at the moment
// of each response. Only bytes and names that were synced by then are certain; of the others any part may be there.

const mebibyte = 1024 ** 2;
/** Images that a server is started on, and read through the API. */
const startsMax = 4;

test("a power cut after any response leaves everything that was acknowledged", async (t) => {
  const seed = randomInt(2 ** 32 - 1);
  t.diagnostic(`seed ${seed}`);
  const random = new Random(seed);
  const half: Survival = () => random.fraction() < 0.5;
  await using folder = await temporaryFolder();
  const root = join(folder.path, "data");
  const rig = await DiskRig.create(folder.path, root);
  const run = await recordRun(root, rig, storeAllKinds);
  const places = { root, vault, scratch: join(folder.path, "scratch") };
  const startAt = new Set(Array.from({ length: startsMax }, () => random.whole(1, run.promises.size)));
  const cuts = await atEachPromise(root, run.events, run.promises, async (cut) => {
    // One of the two at each response: the rigs take both, and more, of shorter runs.
    const [survival, survives] = cut.number % 2 === 0 ? [half, "half"] : [nothingUnsynced, "nothing"];
    assert.deepEqual(
      await brokenPromises(cut, places, survival),
      [],
      `${survives} unsynced survives, cut ${cut.number}`,
    );
    if (startAt.has(cut.number)) {
      const image = join(folder.path, `image-${cut.number}`);
      await cut.model.materialize(image, survival);
      await assertServed(image, cut.promised);
    }
  });
  assert.ok(checkpoints(run, root) > 0, "the run is long enough for a checkpoint");
  t.diagnostic(`${cuts} power cuts, ${startAt.size} of them with a start; ${run.events.length} events`);
});

// Each leaves out one kind of sync, as a bug would: then the check above must fail, or it shows nothing.
const leftOut: ReadonlyArray<readonly [string, FaultRule["pattern"], (client: RecordingClient) => Promise<void>]> = [
  ["of the log", "*/moraine.db-wal", (client) => client.upload(1000).then(ignore)],
  ["of archives' files", "*/data/tmp/*", (client) => client.upload(1000).then(ignore)],
  ["of folders", "*/data/blobs*", (client) => client.upload(1000).then(ignore)],
  ["of the database in checkpoints", "*/moraine.db", (client) => client.uploadMany(400, 1)],
];

for (const [what, pattern, work] of leftOut) {
  test(`a power cut is seen to lose archives when syncs ${what} are left out`, async () => {
    await using folder = await temporaryFolder();
    const root = join(folder.path, "data");
    const rig = await DiskRig.create(folder.path, root);
    const run = await recordRun(root, rig, async (client) => {
      await client.upload(1000);
      await rig.fail({ call: "sync", pattern, outcome: "ignored" });
      await work(client);
    });
    const places = { root, vault, scratch: join(folder.path, "scratch") };
    const broken: string[] = [];
    await atEachPromise(root, run.events, run.promises, async (cut) => {
      if (cut.number === run.promises.size) {
        broken.push(...(await brokenPromises(cut, places)));
      }
    });
    assert.notEqual(broken.length, 0);
  });
}

async function storeAllKinds(client: RecordingClient): Promise<void> {
  // Enough for a checkpoint, though a fast server stores many by one transaction.
  await client.uploadMany(280, 3000);
  // Long enough to be synced while more comes in, and to go past the page cache.
  await client.upload(20 * mebibyte + 1);
  await client.uploadInParts(3, true);
  await client.uploadInParts(2, false);
  const doomed = await client.upload(1);
  await client.remove(doomed);
  await client.uploadMany(10, 3000);
}

/** Syncs of the database's own file are a checkpoint's alone, once the schema exists. */
function checkpoints({ events }: RecordedRun, root: string): number {
  const isAcknowledged = events.findIndex(({ kind }) => kind === "send");
  const later = events.slice(isAcknowledged);
  return later.filter(({ kind, path }) => kind === "sync-end" && path === join(root, "moraine.db")).length;
}

async function assertServed(dataFolder: string, promised: readonly Promised[]): Promise<void> {
  await using server = await startServer({ dataFolder });
  const glacier = new GlacierHttp(server.url);
  try {
    for (const promise of promised) {
      if (promise.kind === "archive") {
        const bytes = await glacier.retrieve(vault, promise.id);
        assert.ok(bytes.equals(promise.bytes), `${promise.id} reads back identical`);
      }
    }
  } finally {
    glacier.close();
  }
  await server.stop();
}

function ignore(): void {}
