import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, test } from "node:test";
import { contentOf } from "../support/content.ts";
import { ColdProxy } from "../support/engines/cold-proxy.ts";
import { type Engine, missingEngine, startEngine } from "../support/engines/engine.ts";
import { lookInto } from "../support/engines/s3-keys.ts";
import { s3Place } from "../support/engines/s3-place.ts";
import { S3Proxy } from "../support/engines/s3-proxy.ts";
import { namesOf, runVerify, type Verified, verified } from "../support/engines/verifications.ts";
import { GlacierHttp } from "../support/glacier-http.ts";
import { startServer } from "../support/server-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { fill, ids } from "../support/verify/filled-folder.ts";

// `moraine verify` of data folders whose archives are in a bucket.

const flags = ["--inventory-delay", "0"];
const clean = { code: 0, findings: [] };
const outcome = ({ code, findings }: Verified) => ({ code, findings });

describe("verify of a data folder with a bucket", { skip: missingEngine("ceph") }, () => {
  let engine: Engine;
  before(async () => {
    engine = await startEngine("ceph", { CEPH_STORAGE_CLASSES: "GLACIER DEEP_ARCHIVE" });
  });
  after(() => engine?.[Symbol.asyncDispose]());

  test("checks database and objects, next to the server and without it", async () => {
    await using folder = await temporaryFolder();
    const place = s3Place(engine);
    const look = lookInto(place, place.endpoint);
    const given = ["--data", folder.path, "--blobs", place.url];
    const run = (...more: string[]) => verified([...given, ...more], place);
    {
      await using server = await startServer({
        ...{ dataFolder: folder.path, flags: [...flags, "--blobs", place.url], environment: place.environment },
      });
      const http = new GlacierHttp(server.url);
      await fill(http);
      http.close();
      assert.deepEqual(outcome(await run("--deep")), clean);
      await server.stop();
    }
    const sound = await run("--deep");
    assert.deepEqual(outcome(sound), clean);
    assert.equal(sound.summary["archives"], 3);
    const key = (await look.keys()).find((each) => each.includes(`/${ids.single}.`)) ?? "";
    const bytes = await look.read(key);
    await look.put(key, Buffer.concat([bytes.subarray(0, 5), Buffer.of((bytes[5] ?? 0) ^ 1), bytes.subarray(6)]));
    assert.deepEqual(outcome(await run()), clean);
    assert.deepEqual(namesOf(await run("--deep")), [`segment-file ${ids.single}`]);
    await look.remove(key);
    const lost = await run();
    assert.deepEqual([lost.code, namesOf(lost)], [1, [`segment-missing ${ids.single}`]]);
    await look.put(key, bytes);
    const database = new DatabaseSync(join(folder.path, "moraine.db"));
    database.exec("UPDATE archives SET size_bytes = size_bytes + 1 WHERE description = 'single'");
    database.close();
    const edited = await run();
    assert.equal(edited.code, 1);
    assert.ok(namesOf(edited).includes(`archive-coverage ${ids.single}`));
    assert.ok(edited.findings.some(({ code }) => code === "row-changed"));
    const { code, stdout, stderr } = await runVerify(["--data", folder.path], place);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /are in s3:\/\/\S+: this command reads archives that are files\. moraine verify checks them/);
    look.close();
  });

  test("names an object that the store never returns, and checks all others; a store that is away ends it", async () => {
    await using folder = await temporaryFolder();
    await using proxy = await S3Proxy.start(engine.variables["S3_ENDPOINT"] ?? "");
    const place = s3Place(engine, proxy.url);
    {
      await using server = await startServer({
        ...{ dataFolder: folder.path, flags: [...flags, "--blobs", place.url], environment: place.environment },
      });
      const http = new GlacierHttp(server.url);
      await fill(http);
      http.close();
      await server.stop();
    }
    const given = ["--data", folder.path, "--blobs", place.url];
    proxy.fault = ({ key }) => (key.includes(`/${ids.single}.`) ? { refuse: 500, code: "InternalError" } : undefined);
    const damaged = await verified(given, place);
    assert.deepEqual(
      [damaged.code, namesOf(damaged), damaged.summary["archives"]],
      [1, [`segment-file ${ids.single}`], 3],
    );
    assert.match(String(damaged.findings[0]?.["message"]), /^the segment's object cannot be read: /);
    proxy.isDown = true;
    const { code, stdout } = await runVerify(given, place);
    assert.deepEqual([code, stdout], [2, ""]);
  });

  test("checks presence and length of cold objects, and counts them", async () => {
    await using folder = await temporaryFolder();
    await using proxy = await ColdProxy.start(engine.variables["S3_ENDPOINT"] ?? "");
    const place = s3Place(engine, proxy.url);
    const look = lookInto(place, proxy.url);
    const run = (...more: string[]) => verified(["--data", folder.path, "--blobs", place.url, ...more], place);
    let archiveId = "";
    {
      const environment = place.environment;
      await using server = await startServer({ dataFolder: folder.path, flags: ["--blobs", place.url], environment });
      const http = new GlacierHttp(server.url);
      await http.createVault("photos");
      archiveId = await http.uploadArchive("photos", contentOf(1, 300_000), "cold");
      http.close();
      await server.stop();
    }
    const key = (await look.keys()).find((each) => each.includes(`/${archiveId}.`)) ?? "";
    const bytes = await look.read(key);
    await look.put(key, bytes, "DEEP_ARCHIVE");
    for (const level of ["--quick", "--deep"]) {
      const { code, findings, summary } = await run(level);
      assert.deepEqual([code, findings, summary["cold"], summary["bytes"]], [0, [], 1, 0]);
    }
    await look.put(key, bytes.subarray(0, 299_999), "DEEP_ARCHIVE");
    const cut = await run();
    assert.deepEqual([cut.code, namesOf(cut)], [1, [`segment-file ${archiveId}`]]);
    assert.match(
      String(cut.findings[0]?.["message"]),
      /^the segment's object has 299999 bytes, which do not fit 300000/,
    );
    await look.remove(key);
    assert.deepEqual(namesOf(await run()), [`segment-missing ${archiveId}`]);
    look.close();
  });
});
