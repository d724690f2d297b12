import assert from "node:assert/strict";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { ColdProxy } from "../support/engines/cold-proxy.ts";
import { assertRetrievable, copyFlags, endOf, fillService, runCopy, withServer } from "../support/engines/copies.ts";
import { type Engine, missingEngine, startEngine } from "../support/engines/engine.ts";
import { lookInto } from "../support/engines/s3-keys.ts";
import { type S3Place, s3Place } from "../support/engines/s3-place.ts";
import { startServer } from "../support/server-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { ids } from "../support/verify/filled-folder.ts";
import { findingsIn } from "../support/verify/look.ts";

// `moraine admin copy` of archives in a class from which they have to be restored. The ends are folders: what it does does not depend on the engines.

describe("a copy of cold archives", { skip: missingEngine("ceph") }, () => {
  let ceph: Engine;
  let proxy: ColdProxy;
  let place: S3Place;
  let looking: ReturnType<typeof lookInto>;
  let parent: Awaited<ReturnType<typeof temporaryFolder>>;
  let ends: { readonly data: string; readonly to: string; readonly key: string };
  /** The name of the object that is cold. */
  let cold: string;

  before(async () => {
    ceph = await startEngine("ceph", { CEPH_STORAGE_CLASSES: "GLACIER DEEP_ARCHIVE" });
    proxy = await ColdProxy.start(ceph.variables["S3_ENDPOINT"] ?? "");
  });
  after(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await ceph[Symbol.asyncDispose]();
  });

  beforeEach(async (context) => {
    parent = await temporaryFolder();
    place = s3Place(ceph, proxy.url);
    looking = lookInto(place, proxy.url);
    proxy.restores.length = 0;
    const data = join(parent.path, "data");
    ends = { data, to: join(parent.path, "to"), key: join(data, "secrets.key") };
    await withServer(await startFolder(data), fillService);
    cold = (await looking.keys()).find((name) => name.includes(ids.single)) ?? "";
    await looking.put(cold, await looking.read(cold), "DEEP_ARCHIVE");
    (context as { after(work: () => Promise<void>): void }).after(async () => {
      looking.close();
      await parent[Symbol.asyncDispose]();
    });
  });

  const startFolder = (dataFolder: string) =>
    startServer({ dataFolder, flags: ["--blobs", place.url, ...copyFlags], environment: place.environment });

  test("to another place they are named, and the copy is complete once they are restored, and not before", async () => {
    const { data, to, key } = ends;
    const there = ["--data", data, "--from-blobs", place.url, "--to", to];
    for (const more of [[], ["--accept-damage"]]) {
      const { code, stdout, stderr } = await runCopy([...there, ...more], place);
      assert.deepEqual([code, stderr], [1, ""]);
      assert.ok(
        stdout.startsWith(`segment-cold: ${cold.replace("segments/", "")}: it has to be restored before`),
        stdout,
      );
      assert.match(stdout, /^1 segments are in a cold class of the bucket; all else was copied: /m);
      await withServer(await startFolder(data), async () => undefined);
    }
    await looking.restore(cold);
    assert.deepEqual((await endOf(there, place))[0], 1, "it is being restored");
    proxy.finishRestores();
    assert.deepEqual(await endOf(there, place), [0, ""]);
    await copyFile(key, join(to, "secrets.key"));
    assert.deepEqual(await findingsIn(to, "deep"), []);
    await withServer(await startServer({ dataFolder: to, flags: copyFlags }), assertRetrievable);
  });

  test("in the same place they stay with only their length known, which is said, and one that is missing or shorter is damaged", async () => {
    const { data, to, key } = ends;
    const there = ["--data", data, "--from-blobs", place.url, "--to", to, "--blobs", place.url];
    const bytes = await readPastProxy(cold);
    await looking.put(cold, bytes.subarray(5000), "DEEP_ARCHIVE");
    const short = await runCopy(there, place);
    assert.equal(short.code, 1);
    assert.match(short.stdout, /^segment-damaged: \S+: its file has \d+ bytes, which do not fit \d+ of its own$/m);
    await looking.remove(cold);
    assert.match((await runCopy(there, place)).stdout, /^segment-damaged: \S+: its file is missing$/m);
    await looking.put(cold, bytes, "DEEP_ARCHIVE");
    const { code, stdout } = await runCopy(there, place);
    assert.equal(code, 0, stdout);
    assert.match(
      stdout,
      /^1 segments are in a cold class: it was checked that they exist with a length that fits, and no more$/m,
    );
    assert.equal(proxy.restores.length, 0);
    await copyFile(key, join(to, "secrets.key"));
    await looking.put(cold, bytes);
    await withServer(await startFolder(to), assertRetrievable);
  });

  async function readPastProxy(name: string): Promise<Buffer> {
    const past = lookInto(place, ceph.variables["S3_ENDPOINT"] ?? "");
    return past.read(name).finally(() => past.close());
  }
});
