import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { contentOf, treeHashOf } from "../support/content.ts";
import { type Engine, missingEngine, startEngine } from "../support/engines/engine.ts";
import { lookInto } from "../support/engines/s3-keys.ts";
import { type S3Place, s3Place } from "../support/engines/s3-place.ts";
import { faultsOfStorm, S3Proxy } from "../support/engines/s3-proxy.ts";
import { GlacierHttp } from "../support/glacier-http.ts";
import { Random } from "../support/random.ts";
import { untilTrue } from "../support/sdk-client.ts";
import { runServer, type ServerProcess, startServer } from "../support/server-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

// The service with its archives in a bucket of Ceph, from uploads to removals.

const mebibyte = 1024 ** 2;
const vault = "photos";

describe("a service with its archives in a bucket", { skip: missingEngine("ceph") }, () => {
  let engine: Engine;
  let endpoint: string;

  before(async () => {
    engine = await startEngine("ceph");
    endpoint = engine.variables["S3_ENDPOINT"] ?? "";
  });
  after(() => engine[Symbol.asyncDispose]());

  const start = (dataFolder: string, { url, environment }: S3Place, ...flags: string[]) =>
    startServer({ dataFolder, flags: ["--blobs", url, ...flags], environment });

  test("archives are uploaded, in parts too, retrieved, deleted and swept, over a restart and a kill", async () => {
    await using folder = await temporaryFolder();
    const place = s3Place(engine);
    const look = lookInto(place, endpoint);
    const archives = new Map<string, Buffer>();
    {
      await using server = await start(folder.path, place);
      const http = new GlacierHttp(server.url);
      await http.createVault(vault);
      for (const [seed, sizeBytes] of [
        [1, 1],
        [2, 70_000],
        [3, mebibyte],
        [4, 8 * mebibyte],
        [5, 21 * mebibyte + 17],
      ] as const) {
        const bytes = contentOf(seed, sizeBytes);
        archives.set(await http.uploadArchive(vault, bytes, `archive ${seed}`), bytes);
      }
      const bytes = contentOf(6, 5 * mebibyte + 3);
      archives.set(await uploadInParts(http, bytes, 2 * mebibyte), bytes);
      await assertRetrievable(http, archives);
      http.close();
      await server.kill();
    }
    {
      await using server = await start(folder.path, place, "--deleted-grace", "0");
      const http = new GlacierHttp(server.url);
      await assertRetrievable(http, archives);
      const [kept = "", ...deleted] = archives.keys();
      const segments = async () => (await look.keys()).filter((key) => key.startsWith("segments/"));
      assert.equal(
        (await segments()).length,
        5 + 3 + 1,
        "one for each archive, for each part, and for the list of parts",
      );
      for (const archiveId of deleted) {
        await http.deleteArchive(vault, archiveId);
      }
      // Jobs offer the bytes for a day.
      assert.equal((await segments()).length, 9);
      http.close();
      await server.stop();
      assert.ok((await look.keys()).some((key) => key.includes(kept)));
    }
    assert.deepEqual(await look.unfinished(), []);
    look.close();
  });

  test("bytes of deleted archives that no job offers are swept from the bucket", async () => {
    await using folder = await temporaryFolder();
    const place = s3Place(engine);
    const look = lookInto(place, endpoint);
    await using server = await start(folder.path, place, "--deleted-grace", "0");
    const http = new GlacierHttp(server.url);
    await http.createVault(vault);
    const kept = await http.uploadArchive(vault, contentOf(1, 1000), "kept");
    const deleted = await http.uploadArchive(vault, contentOf(2, 9 * mebibyte), "deleted");
    await http.deleteArchive(vault, deleted);
    await untilTrue("the object is removed", async () => !(await look.keys()).some((key) => key.includes(deleted)));
    assert.deepEqual(
      (await look.keys()).map((key) => key.replace(/^segments\/..\/..\//, "").split(".")[0]).sort(),
      [kept, "moraine"].sort(),
    );
    http.close();
    look.close();
  });

  test("a folder and its bucket belong together, and say so when one of them is another", async () => {
    await using folder = await temporaryFolder();
    const [place, other] = [s3Place(engine), s3Place(engine)];
    const [bound, files] = [join(folder.path, "bound"), join(folder.path, "files")];
    await (await start(bound, place)).stop();
    await (await start(bound, place)).stop();
    const ends = async (dataFolder: string, flags: readonly string[], message: RegExp) => {
      const { code, stderr } = await runServer(
        ["--data", dataFolder, "--listen", "127.0.0.1:0", ...flags],
        place.environment,
      );
      assert.equal(code, 1, stderr);
      assert.match(stderr, message);
      assert.equal(stderr.split("\n").length, 2, stderr);
    };
    await ends(bound, [], /The archives of the data folder \S+ are in s3:\/\/\S+: give --blobs s3:/);
    await ends(bound, ["--blobs", other.url], /are in s3:\/\/\S+, not in s3:\/\/\S+: give --blobs/);
    await ends(join(folder.path, "second"), ["--blobs", place.url], /holds the archives of another store than/);
    {
      await using server = await startServer({ dataFolder: files });
      const http = new GlacierHttp(server.url);
      await http.createVault(vault);
      await http.uploadArchive(vault, contentOf(1, 10), "");
      http.close();
      await server.stop();
    }
    await ends(files, ["--blobs", other.url], /holds its archives as files: start without --blobs/);
    await (await startServer({ dataFolder: files })).stop();
  });

  test("under any faults no byte is wrong, and all that was acknowledged is there", async (t) => {
    await using folder = await temporaryFolder();
    await using proxy = await S3Proxy.start(endpoint);
    const place = s3Place(engine, proxy.url);
    const look = lookInto(place, endpoint);
    await using server = await start(folder.path, place, "--deleted-grace", "0", "--metrics-listen", "127.0.0.1:0");
    const http = new GlacierHttp(server.url);
    await http.createVault(vault);
    const random = new Random(Number(process.env["S3_SEED"] ?? 19));
    proxy.fault = () => (random.fraction() < 0.25 ? random.oneOf(faultsOfStorm) : undefined);
    const acknowledged = new Map<string, Buffer>();
    const counts = { refusedUploads: 0, readRight: 0, readRefused: 0 };
    const upload = async (seed: number) => {
      const bytes = contentOf(seed, seed % 8 === 0 ? 9 * mebibyte + seed : 1 + ((seed * 7919) % (2 * mebibyte)));
      const headers = claims(bytes);
      const answer = await http.send({ method: "POST", path: `/-/vaults/${vault}/archives`, headers, body: bytes });
      assert.ok([201, 500, 503].includes(answer.status), String(answer.status));
      if (answer.status === 201) {
        acknowledged.set(String(answer.headers["x-amz-archive-id"]), bytes);
      }
      counts.refusedUploads += answer.status === 201 ? 0 : 1;
    };
    const read = async () => {
      const [archiveId, bytes] = random.oneOf([...acknowledged]) ?? [];
      const found = archiveId === undefined ? null : await http.retrieve(vault, archiveId).catch(() => null);
      assert.ok(found === null || found.equals(bytes ?? found), "wrong bytes were returned");
      counts[found === null ? "readRefused" : "readRight"] += 1;
    };
    for (let round = 0; round < 20; round += 1) {
      await Promise.all([0, 1, 2, 3].map((index) => upload(4 * round + index)).concat(read()));
    }
    proxy.fault = () => undefined;
    await proxy.landed();
    await untilTrue("the store is back", async () => (await ready(server)) === 200);
    await assertRetrievable(http, acknowledged);
    const metrics = await (await fetch(`${server.metricsUrl}/metrics`)).text();
    assert.match(metrics, /^moraine_damaged_archives 0$/m, "all reads right again");
    await untilTrue("the sweeper has passed", async () => (await look.unreferenced(acknowledged.keys())).length < 5);
    const orphans = await look.unreferenced(acknowledged.keys());
    t.diagnostic(JSON.stringify({ acknowledged: acknowledged.size, ...counts, orphans: orphans.length }));
    assert.ok(acknowledged.size > 20 && counts.readRight > 0);
    http.close();
    look.close();
  });

  test("while the store is away uploads get 503, reads wait, and no damage is recorded", async () => {
    await using folder = await temporaryFolder();
    await using proxy = await S3Proxy.start(endpoint);
    await using server = await start(folder.path, s3Place(engine, proxy.url), "--metrics-listen", "127.0.0.1:0");
    const http = new GlacierHttp(server.url);
    await http.createVault(vault);
    const bytes = contentOf(1, 3 * mebibyte);
    const archiveId = await http.uploadArchive(vault, bytes, "before");
    proxy.isDown = true;
    const upload = () =>
      http.send({ method: "POST", path: `/-/vaults/${vault}/archives`, headers: claims(bytes), body: bytes });
    await untilTrue("the service is read-only", async () => {
      const refused = await upload();
      assert.equal(refused.status, 503, refused.body.toString());
      assert.equal(refused.headers["retry-after"], "5");
      assert.match(refused.body.toString(), /ServiceUnavailableException/);
      return (await ready(server)) === 503;
    });
    const began = performance.now();
    assert.equal((await upload()).status, 503);
    assert.ok(performance.now() - began < 1000, "refused before the store is asked");
    const jobId = await http.initiateJob(vault, { Type: "archive-retrieval", ArchiveId: archiveId });
    proxy.isDown = false;
    await untilTrue("the store is back", async () => (await ready(server)) === 200);
    await http.jobSucceeded(vault, jobId);
    assert.ok((await http.jobOutput(vault, jobId)).equals(bytes));
    assert.equal((await upload()).status, 201);
    const metrics = await (await fetch(`${server.metricsUrl}/metrics`)).text();
    assert.match(metrics, /^moraine_suspect_segments 0$/m);
    http.close();
  });
});
const ready = async ({ url }: ServerProcess): Promise<number> => (await fetch(`${url}/health/ready`)).status;

const claims = (bytes: Buffer) => ({ "x-amz-sha256-tree-hash": treeHashOf(bytes) });

async function assertRetrievable(http: GlacierHttp, archives: ReadonlyMap<string, Buffer>): Promise<void> {
  for (const [archiveId, bytes] of archives) {
    assert.ok((await http.retrieve(vault, archiveId)).equals(bytes), `archive of ${bytes.length} bytes`);
  }
}

async function uploadInParts(http: GlacierHttp, bytes: Buffer, partSize: number): Promise<string> {
  const path = `/-/vaults/${vault}/multipart-uploads`;
  const begun = await http.demand({ method: "POST", path, headers: { "x-amz-part-size": String(partSize) } });
  const upload = `${path}/${begun.headers["x-amz-multipart-upload-id"]}`;
  for (let start = 0; start < bytes.length; start += partSize) {
    const body = bytes.subarray(start, start + partSize);
    const range = { "content-range": `bytes ${start}-${start + body.length - 1}/*` };
    await http.demand({ method: "PUT", path: upload, headers: { ...claims(body), ...range }, body });
  }
  const headers = { ...claims(bytes), "x-amz-archive-size": String(bytes.length) };
  const { headers: found } = await http.demand({ method: "POST", path: upload, headers });
  return String(found["x-amz-archive-id"]);
}
