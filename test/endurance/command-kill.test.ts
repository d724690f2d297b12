import assert from "node:assert/strict";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Shell } from "../support/command.ts";
import { contentOf, treeHashOf } from "../support/content.ts";
import { GlacierHttp } from "../support/glacier-http.ts";
import { killUntilDone, PartWatch, RangeWatch } from "../support/killed-transfers.ts";
import { Random } from "../support/random.ts";
import { region, type ServerProcess, startServer } from "../support/server-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { WatchingProxy } from "../support/watching-proxy.ts";

// kill -9 of the command at random moments, and the same line again. Less is quicker: COMMAND_KILL_MIB=96 COMMAND_KILLS=6.

const mebibyte = 1024 ** 2;
const sizeBytes = Number(process.env["COMMAND_KILL_MIB"] ?? 1024) * mebibyte;
const kills = Number(process.env["COMMAND_KILLS"] ?? 30);
const lifeMilliseconds = 1500;
/** A run lives half of that on average; the whole is to outlast all kills. */
const bwlimit = String(Math.ceil((sizeBytes / (kills * lifeMilliseconds * 0.8)) * 1000));
const partBytes = 4 * mebibyte;
const vault = "killed";
const content = contentOf(43, sizeBytes);

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ServerProcess;
let http: GlacierHttp;
before(async () => {
  folder = await temporaryFolder();
  server = await startServer({ dataFolder: join(folder.path, "data") });
  http = new GlacierHttp(server.url);
  await http.createVault(vault);
  await writeFile(join(folder.path, "content"), content);
});
after(async () => {
  http.close();
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const shellBehind = (proxy: WatchingProxy) =>
  new Shell(folder.path, { AWS_ENDPOINT_URL_GLACIER: proxy.url, AWS_REGION: region });

test("moraine upload, killed again and again, makes one archive, and sends no part again that was acknowledged", async (t) => {
  await using proxy = await WatchingProxy.start(server.url);
  const shell = shellBehind(proxy);
  const line = ["upload", vault, "content", "--part-size", String(partBytes), "--bwlimit", bwlimit, "--quiet"];
  const watch = new PartWatch(proxy);
  const outcome = await killUntilDone({
    proxy,
    start: () => shell.start(line),
    random: new Random(17),
    lifeMilliseconds,
    kills,
    isContent: ({ method }) => method === "PUT",
    beforeRun: watch.beforeRun,
    afterRun: watch.afterRun,
  });
  const made = await http.inventory(vault);
  assert.deepEqual(
    made.map(({ ArchiveId, SHA256TreeHash }) => [ArchiveId, SHA256TreeHash]),
    [[outcome.result.trim(), treeHashOf(content)]],
  );
  assert.ok(watch.mostAcknowledged > 0, "no run went on from an earlier one");
  assert.ok(outcome.kills >= kills, `${outcome.kills} kills`);
  t.diagnostic(`${outcome.kills} kills; ${proxy.parts().length} parts sent for ${sizeBytes / partBytes}`);
});

test("moraine job output, killed again and again, ends right, and fetches no range again that was recorded", async (t) => {
  const [archive] = await http.inventory(vault);
  const jobId = await http.initiateJob(vault, { Type: "archive-retrieval", ArchiveId: archive?.ArchiveId ?? "" });
  await http.jobSucceeded(vault, jobId);
  await using proxy = await WatchingProxy.start(server.url);
  const shell = shellBehind(proxy);
  const target = join(folder.path, "downloaded");
  const line = ["job", "output", vault, jobId, "-o", "downloaded", "--bwlimit", bwlimit];
  const watch = new RangeWatch(proxy, `${target}.partial.journal`, sizeBytes);
  const outcome = await killUntilDone({
    proxy,
    start: () => shell.start(line),
    random: new Random(18),
    lifeMilliseconds,
    kills,
    isContent: ({ path }) => path.endsWith("/output"),
    beforeRun: watch.beforeRun,
    afterRun: watch.afterRun,
  });
  assert.ok((await readFile(target)).equals(content));
  assert.equal((await stat(target)).size, sizeBytes);
  assert.ok(watch.mostRecorded > 0, "no run went on from an earlier one");
  assert.ok(outcome.kills >= kills, `${outcome.kills} kills`);
  t.diagnostic(
    `${outcome.kills} kills; ${proxy.ranges().length} ranges asked for, ${new Set(proxy.ranges()).size} of them different; bytes passed: ${proxy.outputBytes / sizeBytes} of the whole`,
  );
});
