import assert from "node:assert/strict";
import { copyFile, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { contentOf } from "../support/content.ts";
import { missingCluster } from "../support/engines/cluster.ts";
import {
  assertRetrievable,
  contentsOf,
  copyFlags,
  endOf,
  fillService,
  isMarked,
  newDatabase,
  runCopy,
  startCopy,
  withServer,
} from "../support/engines/copies.ts";
import { type Engine, startEngine } from "../support/engines/engine.ts";
import { orphanLines, runOrphans } from "../support/engines/orphans.ts";
import { lookInto } from "../support/engines/s3-keys.ts";
import { type S3Place, s3Place } from "../support/engines/s3-place.ts";
import { type S3Fault, S3Proxy, type S3Request } from "../support/engines/s3-proxy.ts";
import { runServer, startServer } from "../support/server-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { ids } from "../support/verify/filled-folder.ts";

// `moraine admin copy` of data folders whose archives are in a bucket, to clusters and back: to other places of it, and where they are.

const anyPort = ["--listen", "127.0.0.1:0"];
const dayMilliseconds = 86_400_000;
const isOfSegment = ({ key }: S3Request) => key.includes("/segments/");
const isBinding = ({ key }: S3Request) => key.endsWith("/moraine.json");
const isRead = ({ method }: S3Request) => method === "GET" || method === "HEAD";
/** Lists as they are two days later: so that all objects are judged as orphans. */
const agedLists = ({ query }: S3Request): S3Fault | undefined =>
  query.get("list-type") === "2" ? { agedMilliseconds: 2 * dayMilliseconds } : undefined;

describe("a copy from a bucket and to one", { skip: missingCluster() }, () => {
  let postgres: Engine;
  let ceph: Engine;
  let proxy: S3Proxy;
  let parent: Awaited<ReturnType<typeof temporaryFolder>>;

  before(async () => {
    [postgres, ceph, parent] = await Promise.all([startEngine("postgres"), startEngine("ceph"), temporaryFolder()]);
    proxy = await S3Proxy.start(ceph.variables["S3_ENDPOINT"] ?? "");
  });
  after(() => Promise.all([proxy, postgres, ceph, parent].map((part) => part?.[Symbol.asyncDispose]())));

  let folders = 0;
  const newFolder = () => {
    folders += 1;
    return join(parent.path, `${folders}`);
  };
  const newPlace = () => s3Place(ceph, proxy.url);
  const look = (place: S3Place) => lookInto(place, ceph.variables["S3_ENDPOINT"] ?? "");

  /** A folder whose server has filled it and a bucket, and a database without anything. */
  async function makeSource() {
    const [data, database, place] = [newFolder(), await newDatabase(postgres), newPlace()];
    const contents = await withServer(await startFolder(data, place), async (http) => {
      await fillService(http);
      return contentsOf(http);
    });
    const key = join(parent.path, `key-${folders}`);
    await copyFile(join(data, "secrets.key"), key);
    return { data, database, place, contents, key, from: ["--data", data, "--from-blobs", place.url] };
  }
  type Source = Awaited<ReturnType<typeof makeSource>>;

  const startFolder = (data: string, { url, environment }: S3Place, ...more: string[]) =>
    startServer({ dataFolder: data, flags: ["--blobs", url, ...copyFlags, ...more], environment });
  const nodeFlags = ({ database, key }: Source, { url }: S3Place) => [
    ...["--database", database, "--blobs", url, "--sealing-key", key, ...copyFlags],
  ];
  const startNode = (source: Source, place: S3Place) =>
    startServer({ dataFolder: null, flags: nodeFlags(source, place), environment: place.environment });

  async function assertRefused(args: readonly string[], place: S3Place, message: RegExp): Promise<void> {
    const { code, stderr } = await runServer([...args, ...anyPort], place.environment);
    assert.notEqual(code, 0);
    assert.match(stderr, message);
  }

  /** Neither command finds an object that it would remove, whatever its age. */
  async function assertNoOrphans(metadata: readonly string[], place: S3Place, key: string): Promise<void> {
    proxy.fault = agedLists;
    const blobs = ["--blobs", place.url];
    const found = await orphanLines("verify", [...metadata, ...blobs], place.environment);
    assert.deepEqual([found.code, found.named, found.summary["young"]], [0, [], 0]);
    const data = metadata[0] === "--data" ? metadata.slice(1) : metadata;
    const repair = [...data, ...blobs, "--sealing-key", key, "--restored", "never", "--apply"];
    assert.deepEqual((await orphanLines("repair", repair, place.environment)).named, []);
    proxy.fault = () => undefined;
  }

  test("reads the same through a node with another prefix, and from a folder with a third one", async () => {
    const source = await makeSource();
    const { data, database, place, contents, key, from } = source;
    const [second, third, back] = [newPlace(), newPlace(), newFolder()];
    const there = [...from, "--to", database, "--blobs", second.url];
    await killedAt(
      there,
      place,
      "before",
      ({ method, key: object }) => method === "PUT" && object.includes("/segments/"),
      6,
    );
    await assertRefused(nodeFlags(source, second), second, /is the target of a copy from \S+ that is not complete/);
    assert.deepEqual(await endOf(there, place), [0, ""]);
    await assertRefused(["--data", data, "--blobs", place.url], place, /was copied to postgres:\/\/\S+ at/);
    assert.match((await runCopy(there, place)).stdout, /is complete already/);
    await withServer(await startNode(source, second), async (http) => {
      assert.deepEqual(await contentsOf(http), contents);
      await assertRetrievable(http);
    });
    await assertNoOrphans(["--database", database], second, key);
    const andBack = [
      ...["--database", database, "--from-blobs", second.url, "--sealing-key", key, "--to", back, "--blobs", third.url],
    ];
    assert.deepEqual(await endOf(andBack, place), [0, ""]);
    await assertRefused(nodeFlags(source, second), second, /was copied to \S+ at/);
    await copyFile(key, join(back, "secrets.key"));
    await withServer(await startFolder(back, third), assertRetrievable);
    await assertNoOrphans(["--data", back], third, key);
    assert.ok((await keysOf(place)).length > 10, "the source's objects are still there");
  });

  test("archives stay in the same bucket and prefix: no object is written or lost, and only the new end accepts them", async () => {
    const source = await makeSource();
    const { data, database, place, contents, key, from } = source;
    const objects = await keysOf(place);
    proxy.requests.length = 0;
    assert.deepEqual(await endOf([...from, "--to", database, "--blobs", place.url], place), [0, ""]);
    assert.deepEqual(
      proxy.requests.filter((request) => isOfSegment(request) && !isRead(request)),
      [],
    );
    assert.deepEqual(await keysOf(place), objects);
    await assertRefused(["--data", data, "--blobs", place.url], place, /was copied to postgres:\/\/\S+ at/);
    await assertNoOrphans(["--database", database], place, key);
    // As an operator does who takes the folder for the one to serve.
    await rm(join(data, "copy.json"));
    const older = ["--data", data, "--blobs", place.url];
    await assertRefused(older, place, /holds the archives of another store/);
    const orphans = await runOrphans("repair", [data, "--blobs", place.url, "--restored", "never"], place.environment);
    assert.deepEqual([orphans.code, orphans.stdout], [2, ""]);
    assert.deepEqual((await endOf([...from, "--to", newFolder(), "--blobs", place.url], place))[0], 2);
    await withServer(await startNode(source, place), async (http) => {
      assert.deepEqual(await contentsOf(http), contents);
      await assertRetrievable(http);
      await http.uploadArchive("other", contentOf(77, 1000), "by a node");
    });
    const [back, later] = [newFolder(), await keysOf(place)];
    const andBack = ["--database", database, "--from-blobs", place.url, "--sealing-key", key, "--to", back];
    assert.deepEqual(await endOf([...andBack, "--blobs", place.url, "--footers-only"], place), [0, ""]);
    assert.deepEqual(await keysOf(place), later);
    await assertRefused(nodeFlags(source, place), place, /was copied to \S+ at/);
    await copyFile(key, join(back, "secrets.key"));
    await assertNoOrphans(["--data", back], place, key);
    await withServer(await startFolder(back, place), assertRetrievable);
  });

  test("killed anywhere, a copy in the same bucket continues, and no server accepts either end once it was fenced", async () => {
    const source = await makeSource();
    const { data, database, place, contents, from } = source;
    const there = [...from, "--to", database, "--blobs", place.url];
    await killedAt(there, place, "before", (request) => isOfSegment(request), 4);
    await withServer(await startFolder(data, place), async () => undefined);
    await killedAt(there, place, "before", (request) => isBinding(request) && request.method === "PUT");
    const refused = async () => {
      await assertRefused(["--data", data, "--blobs", place.url], place, /was copied to postgres:\/\/\S+ at/);
      await assertRefused(nodeFlags(source, place), place, /is the target of a copy from \S+ that is not complete/);
    };
    await refused();
    await killedAt(there, place, "after", (request) => isBinding(request) && request.method === "PUT");
    await refused();
    // The bucket is the target's by now.
    await rm(join(data, "copy.json"));
    await assertRefused(["--data", data, "--blobs", place.url], place, /holds the archives of another store/);
    assert.deepEqual(await endOf(there, place), [0, ""]);
    await withServer(await startNode(source, place), async (http) => {
      assert.deepEqual(await contentsOf(http), contents);
      await assertRetrievable(http);
    });
  });

  test("names a damaged object of the same bucket also when a run continues, and is complete once it is whole, or accepted", async () => {
    const source = await makeSource();
    const { data, database, place, from } = source;
    const there = [...from, "--to", database, "--blobs", place.url];
    const object = (await keysOf(place)).find((name) => name.includes(ids.single)) ?? "";
    const bytes = await using(place, (looking) => looking.read(object));
    const damaged = Buffer.from(bytes);
    damaged[1024 ** 2 + 7] = (damaged[1024 ** 2 + 7] ?? 0) ^ 1;
    await using(place, (looking) => looking.put(object, damaged));
    const assertNamed = async () => {
      const { code, stdout } = await runCopy([...there, "--json"], place);
      const [finding, result] = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
      assert.deepEqual([code, finding.code, `segments/${finding.segment}`], [1, "segment-damaged", object]);
      assert.match(finding.message, /^bytes 1048576-2097151 of its file do not have their hash$/);
      assert.deepEqual([result.complete, result.inPlace, result.findings], [false, true, 1]);
    };
    await assertNamed();
    await withServer(await startFolder(data, place), async () => undefined);
    await killedAt(
      [...there, "--accept-damage"],
      place,
      "before",
      (request) => isBinding(request) && request.method === "PUT",
    );
    await assertNamed();
    // The run that was killed had fenced it.
    await withServer(await startFolder(data, place), async () => undefined);
    await using(place, (looking) => looking.put(object, bytes));
    assert.deepEqual(await endOf(there, place), [0, ""]);
    await withServer(await startNode(source, place), assertRetrievable);
  });

  test("reads no bytes of the same bucket with --footers-only, and names a missing object all the same", async () => {
    const { database, place, from } = await makeSource();
    const there = [...from, "--to", database, "--blobs", place.url, "--footers-only", "--json"];
    const object = (await keysOf(place)).find((name) => name.includes(ids.other)) ?? "";
    const bytes = await using(place, (looking) => looking.read(object));
    await using(place, (looking) => looking.remove(object));
    const first = await runCopy(there, place);
    assert.equal(first.code, 1);
    assert.match(first.stdout, /"code":"segment-damaged","message":"its file is missing"/);
    await using(place, (looking) => looking.put(object, bytes));
    const { code, stdout } = await runCopy(there, place);
    const result = JSON.parse(stdout);
    assert.deepEqual([code, result.readSegments, result.readBytes, result.copiedSegments], [0, 1, 0, 0]);
  });

  test("refuses what does not fit together, and says so in one line", async () => {
    const { data, database, place, from } = await makeSource();
    const [files, other] = [newFolder(), newPlace()];
    await withServer(await startServer({ dataFolder: files }), async () => undefined);
    const refuses = async (args: readonly string[], message: RegExp) => {
      const { code, stdout, stderr } = await runCopy(args, place);
      assert.deepEqual([code, stdout], [2, ""], stderr);
      assert.match(stderr, /^moraine: [^\n]+\n$/);
      assert.match(stderr, message);
    };
    const to = ["--to", database, "--blobs", other.url];
    await refuses(["--data", data, ...to], /are in s3:\/\/\S+: give --from-blobs s3:\/\//);
    await refuses(
      ["--data", data, "--from-blobs", other.url, ...to],
      /are in s3:\/\/\S+, not in s3:\/\/\S+: give --from-blobs/,
    );
    await refuses(
      ["--data", files, "--from-blobs", place.url, ...to],
      /holds its archives as files: leave --from-blobs out/,
    );
    await refuses(["--data", data, "--from-blobs", "bucket", ...to], /Invalid --from-blobs "bucket": expected s3:\/\//);
    await refuses(["--data", files, "--to", newFolder()], /One of both is a cluster, or has a bucket/);
    await refuses([...from, ...to, "--footers-only"], /give the same bucket as --from-blobs and --blobs/);
    await refuses([...from, "--to", newFolder(), "--blobs", "s3://x"], /Invalid place/);
    // Marks of a start with an older database, which only the folder has.
    await mkdir(join(data, "quarantine"));
    await writeFile(join(data, "quarantine", "kept"), "");
    await refuses([...from, "--to", database, "--blobs", place.url], /quarantine\/ of \S+ keeps 1 objects/);
    await rm(join(data, "quarantine"), { recursive: true });
    const half = newFolder();
    await killedAt([...from, "--to", half], place, "before", isOfSegment, 20);
    await refuses([...from, "--to", half, "--blobs", other.url], /holds its archives as files/);
    assert.deepEqual(await endOf([...from, "--to", half], place), [0, ""]);
    assert.equal(await isMarked(database), true);
  });

  /** Kills a copy when the bucket gets a request, before or after it is heard. @param count the number of the request, from 1 on */
  async function killedAt(
    args: readonly string[],
    place: S3Place,
    reset: "before" | "after",
    isMet: (request: S3Request) => boolean,
    count = 1,
  ): Promise<void> {
    let met = 0;
    const { child, ending } = startCopy(args, place);
    proxy.fault = (request) => {
      met += isMet(request) ? 1 : 0;
      if (met < count) {
        return undefined;
      }
      child.kill("SIGKILL");
      return { reset };
    };
    assert.equal((await ending).signal, "SIGKILL");
    proxy.fault = () => undefined;
  }

  async function using<Result>(place: S3Place, work: (looking: ReturnType<typeof lookInto>) => Promise<Result>) {
    const looking = look(place);
    return work(looking).finally(() => looking.close());
  }

  const keysOf = (place: S3Place) => using(place, (looking) => looking.keys());
});
