import assert from "node:assert/strict";
import { chmod, copyFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { readCopyMark } from "../../packages/server/src/storage/copy-mark.ts";
import { flipBit } from "../../packages/server/test/support/flip-bit.ts";
import { contentOf } from "../support/content.ts";
import { missingCluster } from "../support/engines/cluster.ts";
import {
  assertRetrievable,
  contentsOf,
  endOf,
  fillService,
  copyFlags as flags,
  isMarked,
  newDatabase,
  runCopy,
  startCopy,
  withServer,
} from "../support/engines/copies.ts";
import { type Engine, startEngine } from "../support/engines/engine.ts";
import { type S3Place, s3Place } from "../support/engines/s3-place.ts";
import { Random } from "../support/random.ts";
import { untilTrue } from "../support/sdk-client.ts";
import { runServer, startServer } from "../support/server-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { storedArchives } from "../support/verify/filled-folder.ts";
import { fileOf, findingsIn } from "../support/verify/look.ts";

// `moraine admin copy`, from data folders to clusters of PostgreSQL and Ceph and back.

const kills = Number(process.env["KILLS"] ?? 6);
const anyPort = ["--listen", "127.0.0.1:0"];

describe("a copy of everything", { skip: missingCluster() }, () => {
  let postgres: Engine;
  let ceph: Engine;

  before(async () => {
    [postgres, ceph] = await Promise.all([startEngine("postgres"), startEngine("ceph")]);
  });
  after(async () => {
    await Promise.all([postgres, ceph].map((engine) => engine?.[Symbol.asyncDispose]()));
  });

  /** A folder with data, and a cluster without; the sealing key is the folder's. */
  async function makeEnds(parent: string) {
    const [data, back, database] = [join(parent, "data"), join(parent, "back"), await newDatabase(postgres)];
    const place = s3Place(ceph);
    const sealingKey = join(data, "secrets.key");
    return {
      ...{ data, back, database, place, sealingKey },
      there: ["--data", data, "--to", database, "--blobs", place.url],
      andBack: ["--database", database, "--from-blobs", place.url, "--sealing-key", sealingKey, "--to", back],
      node: ["--database", database, "--blobs", place.url, "--sealing-key", sealingKey, ...flags],
    };
  }

  const startNode = (node: readonly string[], { environment }: S3Place) =>
    startServer({ dataFolder: null, flags: node, environment });

  test("reads the same through a node, and again from a folder that it is copied back to", async () => {
    await using parent = await temporaryFolder();
    const { data, back, place, sealingKey, there, andBack, node } = await makeEnds(parent.path);
    const before = await withServer(await startServer({ dataFolder: data, flags }), async (http) => {
      await fillService(http);
      return contentsOf(http);
    });
    assert.deepEqual(await endOf(there, place), [0, ""]);
    const refused = await runServer(["--data", data, ...anyPort]);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /was copied to postgres:\/\/\S+ at \S+, and is to be served from there/);
    const again = await runCopy(there, place);
    assert.deepEqual([again.code, again.stderr], [0, ""]);
    assert.match(again.stdout, /is complete already/);
    const through = await withServer(await startNode(node, place), async (http) => {
      const contents = await contentsOf(http);
      await assertRetrievable(http);
      return contents;
    });
    assert.deepEqual(through, before);
    assert.deepEqual(await endOf(andBack, place), [0, ""]);
    const away = await runServer([...node, ...anyPort], place.environment);
    assert.match(away.stderr, /was copied to \S+back at \S+, and is to be served from there/);
    await copyFile(sealingKey, join(back, "secrets.key"));
    assert.deepEqual(await findingsIn(back, "deep"), []);
    await withServer(await startServer({ dataFolder: back, flags }), async (http) => {
      await assertRetrievable(http);
      await http.uploadArchive("photos", contentOf(99, 300_000), "after");
    });
    assert.deepEqual(await findingsIn(back, "deep"), []);
  });

  test(`killed ${kills} times each way at any moment, it continues, and no server accepts either end between`, {
    timeout: 600_000,
  }, async (context) => {
    await using parent = await temporaryFolder();
    const { data, back, database, place, sealingKey, there, andBack, node } = await makeEnds(parent.path);
    const seed = Number(process.env["SEED"] ?? Date.now() % 1e6);
    context.diagnostic(`SEED=${seed}`);
    const random = new Random(seed);
    const before = await withServer(await startServer({ dataFolder: data, flags }), async (http) => {
      await fillService(http);
      for (let first = 100; first < 400; first += 10) {
        await Promise.all(
          Array.from({ length: 10 }, (_, index) =>
            http.uploadArchive("other", contentOf(first + index, random.whole(1, 300_000)), `archive ${first + index}`),
          ),
        );
      }
      return contentsOf(http);
    });
    const unfinished = await killed(there, place, random);
    if (await isMarked(database)) {
      const refused = await runServer([...node, ...anyPort], place.environment);
      assert.match(refused.stderr, /is the target of a copy from \S+ that is not complete/);
    }
    assert.deepEqual(await endOf(there, place), [0, ""]);
    assert.deepEqual(await withServer(await startNode(node, place), contentsOf), before);
    const unfinishedBack = await killed(andBack, place, random);
    if (readCopyMark(back) !== null) {
      assert.match((await runServer(["--data", back, ...anyPort])).stderr, /is the target of a copy from \S+/);
    }
    context.diagnostic(JSON.stringify({ unfinished, unfinishedBack }));
    assert.deepEqual(await endOf(andBack, place), [0, ""]);
    await copyFile(sealingKey, join(back, "secrets.key"));
    assert.deepEqual(await findingsIn(back, "deep"), []);
    assert.deepEqual(await withServer(await startServer({ dataFolder: back, flags }), contentsOf), before);
  });

  test("a run that stood still while another completed the copy changes nothing that nodes have done since", async (context) => {
    await using parent = await temporaryFolder();
    const { data, database, place, there, node } = await makeEnds(parent.path);
    await withServer(await startServer({ dataFolder: data, flags }), async (http) => {
      await fillService(http);
      for (let seed = 100; seed < 160; seed += 1) {
        await http.uploadArchive("other", contentOf(seed, 1000), `archive ${seed}`);
      }
    });
    const { child, ending } = startCopy(there, place);
    context.after(() => child.kill("SIGKILL"));
    await untilTrue("the copy has begun", () => isMarked(database));
    child.kill("SIGSTOP");
    assert.deepEqual(await endOf(there, place), [0, ""]);
    await withServer(await startNode(node, place), async (http) => {
      const id = await http.uploadArchive("photos", contentOf(98, 100), "new");
      const before = await contentsOf(http);
      child.kill("SIGCONT");
      assert.deepEqual([(await ending).code, (await ending).stdout], [2, ""]);
      assert.deepEqual(await contentsOf(http), before);
      assert.ok((await http.inventory("photos")).some(({ ArchiveId }) => ArchiveId === id));
    });
  });

  /** Kills runs after a while, each time another one. Resolves to the number of those that had not ended. */
  async function killed(args: readonly string[], place: S3Place, random: Random): Promise<number> {
    let unfinished = 0;
    for (let number = 0; number < kills; number += 1) {
      const { signal } = await runCopy(args, place, random.whole(300, 3000));
      unfinished += signal === "SIGKILL" ? 1 : 0;
    }
    return unfinished;
  }

  test("names a damaged segment, copies the others, and is complete once it is repaired, or accepted", async () => {
    await using parent = await temporaryFolder();
    const { data, place, there, node, database } = await makeEnds(parent.path);
    await withServer(await startServer({ dataFolder: data, flags }), fillService);
    const [{ id }] = storedArchives() as [StoredArchive];
    const file = await fileOf(data, id);
    await flipBit(file, 1024 ** 2 + 7);
    const { code, stdout } = await runCopy([...there, "--json"], place);
    const [finding, result, ...more] = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.equal(code, 1);
    assert.equal(finding.code, "segment-damaged");
    assert.ok(file.endsWith(finding.segment), finding.segment);
    assert.match(finding.message, /^bytes 1048576-2097151 of its file do not have their hash$/);
    assert.deepEqual([result.type, result.complete, result.findings, more], ["copy", false, 1, []]);
    const refused = await runServer([...node, ...anyPort], place.environment);
    assert.match(refused.stderr, /is the target of a copy from \S+ that is not complete/);
    // The source is as before: it can be repaired, and serves meanwhile.
    await (await startServer({ dataFolder: data, flags })).stop();
    const accepted = await makeEnds(parent.path);
    assert.deepEqual((await runCopy([...accepted.there, "--accept-damage"], accepted.place)).code, 0);
    await withServer(await startNode(accepted.node, accepted.place), async (http) => {
      const job = await http.initiateJob("photos", { Type: "archive-retrieval", ArchiveId: id, Tier: "Expedited" });
      await assert.rejects(http.jobSucceeded("photos", job), /damaged/);
    });
    await rm(join(data, "copy.json"));
    await flipBit(file, 1024 ** 2 + 7);
    await chmod(file, 0o400);
    assert.deepEqual(await endOf(there, place), [0, ""]);
    await withServer(await startNode(node, place), assertRetrievable);
    assert.deepEqual(await isMarked(database), false);
  });

  test("refuses what is in use, not empty, or another's, and says so in one line", async () => {
    await using parent = await temporaryFolder();
    const { data, back, place, there, andBack, node } = await makeEnds(parent.path);
    const refuses = async (args: readonly string[], message: RegExp) => {
      const { code, stdout, stderr } = await runCopy(args, place);
      assert.deepEqual([code, stdout], [2, ""], stderr);
      assert.match(stderr, /^moraine: [^\n]+\n$/);
      assert.match(stderr, message);
    };
    await refuses(there, /cannot be opened/);
    await withServer(await startServer({ dataFolder: data, flags }), async (http) => {
      await http.createVault("photos");
      await refuses(there, /is in use by its server: stop it first/);
    });
    await refuses([...there, "--sealing-key", process.execPath], /no sealing key|other users/);
    await refuses(andBack, /has no bucket: no server has ever used it/);
    const used = await makeEnds(join(parent.path, "used"));
    await withServer(
      await startNode([...used.node, "--sealing-key", join(data, "secrets.key")], used.place),
      async () => {
        await refuses([...there.slice(0, 2), ...used.there.slice(2)], /is not empty \(its table \w+ has rows\)/);
        const from = ["--database", used.database, "--from-blobs", used.place.url];
        await refuses(
          [...from, "--sealing-key", join(data, "secrets.key"), "--to", back],
          /is in use: its node on \S+ was seen/,
        );
      },
    );
    await refuses(
      [...there.slice(0, 4), "--blobs", used.place.url],
      /is not empty|holds the archives of another store/,
    );
    await writeFile(join(parent.path, "note"), "");
    await refuses(
      [
        "--database",
        used.database,
        "--from-blobs",
        used.place.url,
        "--sealing-key",
        join(data, "secrets.key"),
        "--to",
        parent.path,
      ],
      /is not empty \(it holds/,
    );
    assert.deepEqual(await endOf(there, place), [0, ""]);
    await withServer(await startNode(node, place), async () => undefined);
    const other = await makeEnds(join(parent.path, "other"));
    await refuses(
      [...there.slice(0, 2), ...other.there.slice(2)],
      /was copied to postgres:\/\/\S+: continue or serve that copy/,
    );
  });
});

type StoredArchive = ReturnType<typeof storedArchives>[number];
