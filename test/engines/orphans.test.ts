import assert from "node:assert/strict";
import { copyFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { contentOf } from "../support/content.ts";
import { missingCluster, startCluster } from "../support/engines/cluster.ts";
import { type Engine, missingEngine, startEngine } from "../support/engines/engine.ts";
import { type Line, orphanLines, runOrphans } from "../support/engines/orphans.ts";
import { connectDirectly } from "../support/engines/postgres-store.ts";
import { lookInto } from "../support/engines/s3-keys.ts";
import { s3Place } from "../support/engines/s3-place.ts";
import { faultsOfStorm, type S3Fault, S3Proxy, type S3Request } from "../support/engines/s3-proxy.ts";
import { GlacierHttp } from "../support/glacier-http.ts";
import { Random } from "../support/random.ts";
import { untilTrue } from "../support/sdk-client.ts";
import { startServer } from "../support/server-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

// Objects without rows in a bucket of Ceph: how they are made, found and removed, by the commands as operators run them.

const mebibyte = 1024 ** 2;
const vault = "photos";
const dayMilliseconds = 86_400_000;
const lateMilliseconds = 6000;
/** Sweeps follow each other by a second. */
const swept = ["--deleted-grace", "0"];

const isSegment = ({ key }: S3Request) => key.includes("/segments/");
const isList = ({ query }: S3Request) => query.get("list-type") === "2";
/** Lists as they are two days later. */
const later = (request: S3Request): S3Fault | undefined =>
  isList(request) ? { agedMilliseconds: 2 * dayMilliseconds } : undefined;

/** The first PUT of a segment lands late, and the others are refused at once: its upload fails, and is swept, before it lands. */
function landingLate(): (request: S3Request) => S3Fault | undefined {
  let count = 0;
  return (request) => {
    if (request.method !== "PUT" || !isSegment(request)) {
      return undefined;
    }
    count += 1;
    return count === 1 ? { lateMilliseconds } : { refuse: 403, code: "AccessDenied" };
  };
}

async function makeOrphan(http: GlacierHttp, proxy: S3Proxy): Promise<void> {
  proxy.fault = landingLate();
  await assert.rejects(http.uploadArchive(vault, contentOf(99, 5000), "late"), /503/);
  proxy.fault = () => undefined;
  await proxy.landed();
}

/** Keys of objects that a repair has had removed, by the audit trail. */
async function removals(http: GlacierHttp): Promise<unknown[]> {
  const { AuditEntries: entries } = (await http.admin("GET", "/audit")) as { AuditEntries: Line[] };
  return entries.filter((entry) => entry["Operation"] === "RemoveOrphan").map((entry) => entry["Subject"]);
}

describe("orphans of a server with a bucket", { skip: missingEngine("ceph") }, () => {
  let engine: Engine;
  before(async () => {
    engine = await startEngine("ceph");
  });
  after(() => engine[Symbol.asyncDispose]());

  test("an object of a late request is found next to the server, and removed by its next start", async () => {
    await using folder = await temporaryFolder();
    await using proxy = await S3Proxy.start(engine.variables["S3_ENDPOINT"] ?? "");
    const place = s3Place(engine, proxy.url);
    const look = lookInto(place, engine.variables["S3_ENDPOINT"] ?? "");
    const flags = ["--blobs", place.url, ...swept];
    const start = () => startServer({ dataFolder: folder.path, flags, environment: place.environment });
    const verify = (...more: string[]) =>
      orphanLines("verify", ["--data", folder.path, "--blobs", place.url, ...more], place.environment);
    const repair = (...more: string[]) =>
      orphanLines("repair", [folder.path, "--blobs", place.url, ...more], place.environment);
    const archives = new Map<string, Buffer>();
    const orphans = () => look.unreferenced(archives.keys());
    let key = "";
    {
      await using server = await start();
      const http = new GlacierHttp(server.url);
      await http.createVault(vault);
      for (const sizeBytes of [1000, 9 * mebibyte]) {
        archives.set(
          await http.uploadArchive(vault, contentOf(sizeBytes, sizeBytes), "kept"),
          contentOf(sizeBytes, sizeBytes),
        );
      }
      await makeOrphan(http, proxy);
      [key = ""] = await orphans();
      assert.notEqual(key, "");
      const young = await verify();
      assert.deepEqual([young.code, young.named, young.summary["young"]], [0, [], 1]);
      proxy.fault = later;
      const found = await verify();
      assert.equal(found.code, 1);
      assert.deepEqual(
        found.named.map(({ code, object, archive }) => [code, object, archive]),
        [["object-orphan", key, key.slice("segments/ab/cd/".length).split(".")[0]]],
      );
      assert.match(
        String(found.named[0]?.["message"]),
        /^no row knows the object; it ends as an archive of 5000 bytes, "late", written 20/,
      );
      const { objects, segments, findings, isComplete } = found.summary;
      assert.deepEqual(
        { objects, segments, findings, isComplete },
        { objects: 3, segments: 2, findings: 1, isComplete: true },
      );
      const planned = await repair("--restored", "never");
      assert.deepEqual([planned.code, planned.named.map(({ code }) => code)], [1, ["orphan-removed"]]);
      const refused = await runOrphans("repair", [folder.path, "--blobs", place.url, "--apply"], place.environment);
      assert.deepEqual([refused.code, refused.stdout], [2, ""]);
      assert.match(refused.stderr, /is in use by its server: stop it first/);
      http.close();
      await server.stop();
    }
    for (const restored of [[], ["--restored", new Date(Date.now() + 1000).toISOString()]]) {
      const undecided = await repair("--apply", ...restored);
      assert.deepEqual([undecided.code, undecided.named.map(({ code }) => code)], [1, ["orphan-undecided"]]);
    }
    {
      await using server = await start();
      await server.stop();
      assert.deepEqual(await orphans(), [key], "it stays until it is said that no newer database knew it");
    }
    const removed = await repair("--apply", "--restored", "never");
    assert.deepEqual([removed.code, removed.named.map(({ code }) => code)], [0, ["orphan-removed"]]);
    assert.deepEqual((await verify()).named, [], "its row knows it");
    await using server = await start();
    const http = new GlacierHttp(server.url);
    await untilTrue("the orphan is swept", async () => (await orphans()).length === 0);
    const clean = await verify();
    assert.deepEqual([clean.code, clean.named], [0, []]);
    assert.deepEqual(await removals(http), [key.slice("segments/".length)]);
    for (const [archiveId, bytes] of archives) {
      assert.ok((await http.retrieve(vault, archiveId)).equals(bytes));
    }
    http.close();
    look.close();
  });

  test("repairs nothing by a database that was restored, until its server has started with it", async () => {
    await using folder = await temporaryFolder();
    const place = s3Place(engine);
    const flags = ["--blobs", place.url];
    const runOnce = async () =>
      (await startServer({ dataFolder: folder.path, flags, environment: place.environment })).stop();
    const repair = () =>
      runOrphans("repair", [folder.path, ...flags, "--restored", "never", "--apply"], place.environment);
    const database = join(folder.path, "moraine.db");
    await runOnce();
    await copyFile(database, `${database}.copy`);
    await runOnce();
    await runOnce();
    await rename(`${database}.copy`, database);
    const { code, stdout, stderr } = await repair();
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /was restored from a copy: start its server once, and give --restored/);
    await runOnce();
    assert.equal((await repair()).code, 0);
  });

  test("refuses a bucket that is not the folder's, and a folder without one", async () => {
    await using folder = await temporaryFolder();
    const [place, other] = [s3Place(engine), s3Place(engine)];
    const bound = join(folder.path, "bound");
    const files = join(folder.path, "files");
    await (
      await startServer({ dataFolder: bound, flags: ["--blobs", place.url], environment: place.environment })
    ).stop();
    await (await startServer({ dataFolder: files })).stop();
    for (const [data, url, message] of [
      [bound, other.url, /are not in s3:\/\/\S+, but in s3:\/\/\S+: give --blobs/],
      [files, place.url, /are not in s3:\/\/\S+, but in no bucket yet/],
    ] as const) {
      for (const [name, args] of [
        ["verify", ["--data", data]],
        ["repair", [data, "--apply"]],
      ] as const) {
        const { code, stdout, stderr } = await runOrphans(name, [...args, "--blobs", url], place.environment);
        assert.deepEqual([code, stdout], [2, ""], stderr);
        assert.match(stderr, message);
      }
    }
    const look = lookInto(place, place.endpoint);
    await look.remove("moraine.json");
    const { code, stderr } = await runOrphans("verify", ["--data", bound, "--blobs", place.url], place.environment);
    assert.equal(code, 2);
    assert.match(stderr, /has no moraine\.json of /);
    look.close();
  });
});

describe("orphans of a cluster", { skip: missingCluster() }, () => {
  test("after a storm of faults two reconciliations leave no orphan, while the nodes serve", async () => {
    await using behind = await startBehindProxy(2);
    const { cluster, store } = behind;
    const { place, databaseUrl, sealingKey } = cluster;
    const look = lookInto(place, place.endpoint);
    const of = ["--database", databaseUrl, "--blobs", place.url];
    const verify = () => orphanLines("verify", of, place.environment);
    const repair = (...more: string[]) =>
      orphanLines("repair", [...of, "--sealing-key", sealingKey, ...more], place.environment);
    const http = new GlacierHttp(cluster.url);
    await http.createVault(vault);
    const archives = new Map<string, Buffer>();
    const random = new Random(71);
    store.fault = (request) =>
      isSegment(request) && random.fraction() < 0.25 ? random.oneOf(faultsOfStorm) : undefined;
    await Promise.all(
      Array.from({ length: 4 }, async (_, worker) => {
        for (let number = 0; number < 6; number += 1) {
          const bytes = contentOf(worker * 100 + number, random.whole(1, 200_000));
          await http.uploadArchive(vault, bytes, `${worker}-${number}`).then(
            (id) => archives.set(id, bytes),
            () => undefined,
          );
        }
      }),
    );
    store.fault = () => undefined;
    await untilTrue("the store counts as there", async () =>
      (await Promise.all(cluster.nodes.map(({ url }) => fetch(`${url}/health/ready`)))).every(({ ok }) => ok),
    );
    await makeOrphan(http, store);
    const orphans = async () => (await verify()).named.filter(({ code }) => code === "object-orphan");
    store.fault = later;
    const made = await orphans();
    assert.ok(made.length > 0);
    const removed = await repair("--apply", "--restored", "never");
    assert.deepEqual([removed.code, removed.named.length], [0, made.length]);
    store.fault = () => undefined;
    await untilTrue("the orphans are swept", async () => {
      const keys = new Set(await look.keys());
      return made.every(({ object }) => !keys.has(String(object)));
    });
    store.fault = later;
    const clean = await verify();
    assert.deepEqual([clean.code, clean.named], [0, []]);
    store.fault = () => undefined;
    for (const [archiveId, bytes] of archives) {
      assert.ok((await http.retrieve(vault, archiveId)).equals(bytes));
    }
    http.close();
    look.close();
  });

  test("missing and foreign objects are named, and what an older database does not know stays", async () => {
    await using behind = await startBehindProxy(1);
    const { cluster, store } = behind;
    const { place, databaseUrl, sealingKey } = cluster;
    const look = lookInto(place, place.endpoint);
    const of = ["--database", databaseUrl, "--blobs", place.url];
    const http = new GlacierHttp(cluster.url);
    await http.createVault(vault);
    const [kept, lost, unknown] = await Promise.all(
      ["kept", "lost", "unknown"].map((name) => http.uploadArchive(vault, contentOf(1, 1000), name)),
    );
    const keyOf = async (id = "") => (await look.keys()).find((key) => key.includes(`/${id}.`)) ?? "";
    await look.remove(await keyOf(lost));
    const foreign = ["other.txt", "other/a", "other/b", "segments/ab/other", "segments/other"];
    for (const name of foreign) {
      await look.put(name, "of others");
    }
    {
      // As a database from before the archive was stored.
      await using database = await connectDirectly(databaseUrl);
      await database.query("delete from archives where description = 'unknown'");
      const { rowCount } = await database.query(
        "delete from segments where not exists (select from archives where id_head = owner_head)",
      );
      assert.equal(rowCount, 1);
    }
    store.fault = later;
    const found = await orphanLines("verify", of, place.environment);
    const expected = [
      ["object-foreign", "other.txt"],
      ["object-foreign", "other/"],
      ["object-foreign", "segments/ab/other"],
      ["object-foreign", "segments/other"],
      ["object-missing", (await keyOf(lost)) || found.named.find(({ archive }) => archive === lost)?.["object"]],
      ["object-orphan", await keyOf(unknown)],
    ];
    const named = found.named.map(({ code, object }) => [code, object]);
    assert.deepEqual(new Set(named.map(String)), new Set(expected.map(String)));
    assert.equal(named.length, expected.length);
    const restored = new Date(Date.now() + 1000).toISOString();
    for (const more of [[], ["--restored", restored]]) {
      const { code, named: kinds } = await orphanLines(
        "repair",
        [...of, "--sealing-key", sealingKey, "--apply", ...more],
        place.environment,
      );
      assert.deepEqual([code, kinds.map((line) => line["code"])], [1, ["orphan-undecided"]]);
      assert.match(String(kinds[0]?.["message"]), /"unknown", written 20/);
    }
    store.fault = () => undefined;
    assert.ok((await http.retrieve(vault, kept ?? "")).equals(contentOf(1, 1000)));
    const keys = await look.keys();
    assert.deepEqual(
      foreign.filter((name) => !keys.includes(name)),
      [],
    );
    assert.notEqual(await keyOf(unknown), "");
    http.close();
    look.close();
  });
});

/** A cluster whose nodes reach the bucket through a proxy, which fails as its fault says. */
async function startBehindProxy(nodeCount: number) {
  const started = new AsyncDisposableStack();
  let proxy: S3Proxy | undefined;
  const cluster = await startCluster(nodeCount, {
    flags: swept,
    endpointOf: async (own) => {
      proxy = started.use(await S3Proxy.start(own));
      return proxy.url;
    },
  });
  started.use(cluster);
  assert.ok(proxy !== undefined);
  return { cluster, store: proxy, [Symbol.asyncDispose]: () => started.disposeAsync() };
}
