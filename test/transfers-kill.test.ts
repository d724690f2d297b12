import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { contentOf, treeHashOf } from "./support/content.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { killUntilDone, PartWatch, RangeWatch, startTransfer } from "./support/killed-transfers.ts";
import { Random } from "./support/random.ts";
import { type ServerProcess, startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";
import { WatchingProxy } from "./support/watching-proxy.ts";

// After kill -9 at random moments, the next run resumes, and verified bytes are not sent again.

const mebibyte = 1024 ** 2;
const sizeBytes = Number(process.env["TRANSFER_KILL_MIB"] ?? 24) * mebibyte;
const kills = Number(process.env["TRANSFER_KILLS"] ?? 3);
/** Most of four ranges in progress are done in half a life. */
const pieceBytes = sizeBytes > 256 * mebibyte ? 4 * mebibyte : mebibyte;
const lifeMilliseconds = sizeBytes > 256 * mebibyte ? 2000 : 800;
/** A run lives half of that on average, and starts with a burst; the transfer must outlast all kills. */
const burstMilliseconds = 200;
const bytesPerSecond = (sizeBytes / (kills * (lifeMilliseconds / 2 + burstMilliseconds) * 1.3)) * 1000;
const vaultName = "killed";
const content = contentOf(41, sizeBytes);

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ServerProcess;
let http: GlacierHttp;
before(async () => {
  folder = await temporaryFolder();
  server = await startServer({ dataFolder: join(folder.path, "data") });
  http = new GlacierHttp(server.url);
  await http.createVault(vaultName);
});
after(async () => {
  http.close();
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

test("a download that is killed repeatedly ends right, and fetches no recorded range again", async (t) => {
  const archiveId = await http.uploadArchive(vaultName, content, "");
  const jobId = await http.initiateJob(vaultName, { Type: "archive-retrieval", ArchiveId: archiveId });
  await http.jobSucceeded(vaultName, jobId);
  const target = join(folder.path, "downloaded");
  await using proxy = await WatchingProxy.start(server.url);
  const watch = new RangeWatch(proxy, `${target}.partial.journal`, sizeBytes);
  const outcome = await killUntilDone({
    proxy,
    start: () =>
      startTransfer({ endpoint: proxy.url, vaultName, bytesPerSecond, pieceBytes, download: { jobId, target } }),
    random: new Random(7),
    lifeMilliseconds,
    kills,
    isContent: ({ path }) => path.endsWith("/output"),
    beforeRun: watch.beforeRun,
    afterRun: watch.afterRun,
  });
  assert.ok((await readFile(target)).equals(content));
  assert.equal(JSON.parse(outcome.result).treeHash, treeHashOf(content));
  assert.ok(watch.mostRecorded > 0, "no run went on from an earlier one");
  assert.ok(outcome.kills >= kills, `${outcome.kills} kills`);
  const asked = proxy.ranges();
  t.diagnostic(
    `${outcome.kills} kills; ${asked.length} ranges asked for, ${sizeBytes / pieceBytes} in the whole; bytes passed: ${proxy.outputBytes / sizeBytes} of it`,
  );
});

for (const asStream of [false, true]) {
  test(`an upload of a ${asStream ? "stream" : "file"} that is killed repeatedly makes one archive, and sends no acknowledged part again`, async (t) => {
    const path = join(folder.path, "source");
    await writeFile(path, content);
    const journal = join(folder.path, `upload-${asStream}`);
    const known = new Set((await http.inventory(vaultName)).map(({ ArchiveId }) => ArchiveId));
    await using proxy = await WatchingProxy.start(server.url);
    const watch = new PartWatch(proxy);
    const outcome = await killUntilDone({
      proxy,
      start: () =>
        startTransfer({
          endpoint: proxy.url,
          vaultName,
          bytesPerSecond,
          pieceBytes,
          upload: { path, journal, asStream },
        }),
      random: new Random(8),
      lifeMilliseconds,
      kills,
      isContent: ({ method }) => method === "PUT",
      beforeRun: watch.beforeRun,
      afterRun: watch.afterRun,
    });
    const { archiveId, treeHash } = JSON.parse(outcome.result);
    const made = (await http.inventory(vaultName)).filter(({ ArchiveId }) => !known.has(ArchiveId));
    assert.deepEqual(
      made.map(({ ArchiveId }) => ArchiveId),
      [archiveId],
    );
    assert.equal(treeHash, treeHashOf(content));
    assert.ok((await http.retrieve(vaultName, archiveId)).equals(content));
    assert.ok(watch.mostAcknowledged > 0, "no run went on from an earlier one");
    assert.ok(outcome.kills >= kills, `${outcome.kills} kills`);
    const sent = proxy.parts().length;
    t.diagnostic(`${outcome.kills} kills; ${sent} parts sent for ${sizeBytes / pieceBytes}`);
  });
}
