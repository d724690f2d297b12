import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { flipBit } from "../packages/server/test/support/flip-bit.ts";
import { contentOf } from "./support/content.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { untilTrue } from "./support/sdk-client.ts";
import { type ServerProcess, startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// A server process with a clock that the admin API moves: nobody reads an archive, and its damage is found.

const mebibyte = 1024 ** 2;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ServerProcess;
let glacier: GlacierHttp;

before(async () => {
  folder = await temporaryFolder();
  server = await startServer({ dataFolder: folder.path, flags: ["--clock", "manual", "--scrub-period", "2d"] });
  glacier = new GlacierHttp(server.url);
  await glacier.createVault("photos");
});
after(async () => {
  glacier.close();
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const advance = (hours: number) => glacier.admin("POST", "/clock", { Seconds: hours * 3600 });
async function metrics(): Promise<Map<string, number>> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return new Map(
    [...text.matchAll(/^(moraine_\S+) (\S+)$/gm)].map(([, series = "", value]) => [series, Number(value)]),
  );
}
async function fileOf(archiveId: string): Promise<string> {
  const files = await readdir(join(folder.path, "blobs"), { recursive: true });
  return join(folder.path, "blobs", files.find((name) => name.includes(archiveId)) ?? "");
}

test("damage of new data and of old is found without a read, logged and counted", async () => {
  const archiveId = await glacier.uploadArchive("photos", contentOf(5, 3 * mebibyte), "holiday");
  await glacier.uploadArchive("photos", contentOf(6, 1000), "sound");
  const file = await fileOf(archiveId);
  await flipBit(file, mebibyte + 3);
  await advance(4);
  const outcomes = async () =>
    ["sound", "damaged"].map(async (name) => (await metrics()).get(`moraine_scrub_segments_total{outcome="${name}"}`));
  // More than once when they lie in a range that has become due as well.
  await untilTrue("both are read", async () => (await Promise.all(await outcomes())).every((count = 0) => count >= 1));
  const found = await metrics();
  assert.equal(found.get("moraine_damaged_archives"), 1);
  assert.equal(found.get("moraine_damaged_reads_total"), 0);
  assert.equal(found.get("moraine_scrub_period_seconds"), 2 * 86_400);
  // Sound again, it is live again once the whole store has been read.
  await flipBit(file, mebibyte + 3);
  await advance(41);
  await untilTrue("it is live", async () => (await metrics()).get("moraine_damaged_archives") === 0);
  const sources = ["disk", "cache"].map((name) => `moraine_scrub_bytes_total{source="${name}"}`);
  const mended = await metrics();
  const bytes = sources.reduce((sum, series) => sum + (mended.get(series) ?? 0), 0);
  assert.ok(bytes >= 6 * mebibyte + 2000, `${bytes} bytes`);
  const { stderr } = await server.stop();
  assert.match(stderr, new RegExp(`"archive":"${archiveId}","firstByte":${mebibyte},.*"stored data is damaged"`));
  assert.match(
    stderr,
    new RegExp(`"archive":"${archiveId}","firstByte":${mebibyte},.*"damaged data reads right again"`),
  );
});
