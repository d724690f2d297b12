import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { contentOf, treeHashOf } from "../support/content.ts";
import { startCluster } from "../support/engines/cluster.ts";
import { ColdProxy } from "../support/engines/cold-proxy.ts";
import {
  ColdService,
  initiateUpload,
  minute,
  uploadInParts,
  uploadPart,
  vault,
} from "../support/engines/cold-service.ts";
import { type Engine, missingEngine, startEngine } from "../support/engines/engine.ts";
import { s3Place } from "../support/engines/s3-place.ts";
import { GlacierHttp, RefusedError } from "../support/glacier-http.ts";
import { untilTrue } from "../support/sdk-client.ts";

// Archives in a class of S3 from which they have to be restored: Ceph, and before it a proxy that adds what AWS does with such classes.

const mebibyte = 1024 ** 2;
const day = 24 * 60 * minute;
/** Claims of one account in one lane. */
const claimsMax = 8;
const classes = "GLACIER DEEP_ARCHIVE";

describe("a service whose archives become cold", { skip: missingEngine("ceph") }, () => {
  let engine: Engine;
  let proxy: ColdProxy;

  before(async () => {
    engine = await startEngine("ceph", { CEPH_STORAGE_CLASSES: classes });
    proxy = await ColdProxy.start(engine.variables["S3_ENDPOINT"] ?? "");
  });
  after(async () => {
    await proxy[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    proxy.finishRestores();
    proxy.lapse();
    proxy.restores.length = 0;
    proxy.refuse = () => undefined;
    proxy.beforeCopy = async () => undefined;
  });

  const startService = (place: ReturnType<typeof s3Place>, ...flags: string[]) =>
    ColdService.start(proxy, place, flags);
  const placeOf = (settings = "&storage-class=DEEP_ARCHIVE&cold-after=0") => s3Place(engine, proxy.url, settings);

  test("archives move to the class, lists of parts and inventories stay, and what is deleted is removed", async () => {
    await using service = await startService(placeOf(), "--deleted-grace", "0");
    const { http } = service;
    const classOf = (owner: string) => service.classesOf(owner);
    const small = await http.uploadArchive(vault, contentOf(1, 1000), "small");
    const large = await http.uploadArchive(vault, contentOf(2, 9 * mebibyte), "large");
    const inParts = await uploadInParts(http, contentOf(3, 3 * mebibyte), 2 * mebibyte);
    const inventoryJob = await http.initiateJob(vault, { Type: "inventory-retrieval" });
    await http.jobSucceeded(vault, inventoryJob);
    await uploadPart(http, await initiateUpload(http, mebibyte), contentOf(4, mebibyte), 0);
    await service.untilMoved(inParts, 2);
    await untilTrue("the other archives have moved, too", async () =>
      [await classOf(small), await classOf(large)].every((found) => found.join() === "DEEP_ARCHIVE"),
    );
    assert.equal((await classOf(inParts)).length, 3);
    assert.deepEqual(await classOf(inventoryJob), ["STANDARD"]);
    assert.equal((await service.keys()).length, 1 + 1 + 3 + 1 + 1);
    assert.equal(service.coldKeys().length, 1 + 1 + 2, "the part of an unfinished upload stays");
    await untilTrue("the moves are counted", async () => /^moraine_cold_moves_total 4$/m.test(await service.metrics()));
    assert.ok((await http.jobOutput(vault, inventoryJob)).length > 0);
    await http.deleteArchive(vault, small);
    await service.advance(minute);
    await untilTrue("the deleted archive is removed", async () => (await classOf(small)).length === 0);
  });

  test("an archive that is deleted and removed while it is copied is removed again", async () => {
    await using service = await startService(placeOf(), "--deleted-grace", "0");
    const archiveId = await service.http.uploadArchive(vault, contentOf(1, 1000), "");
    const [key = ""] = await service.keys();
    let copies = 0;
    proxy.beforeCopy = async () => {
      copies += 1;
      await service.http.deleteArchive(vault, archiveId);
      await untilTrue("it is removed", async () => {
        await service.advance(minute);
        return (await service.keys()).length === 0;
      });
      // As if the store had read it before.
      await service.put(key, "STANDARD");
    };
    await service.advance(10 * minute);
    await untilTrue("it was copied", async () => copies === 1 && service.coldKeys().length === 1);
    await untilTrue("it is removed again", async () => {
      await service.advance(minute);
      return (await service.keys()).length === 0;
    });
  });

  test("a server that is stopped does not wait for a copy", async () => {
    await using service = await startService(placeOf());
    const archiveId = await service.http.uploadArchive(vault, contentOf(1, 1000), "");
    const copying = Promise.withResolvers<void>();
    const stopped = Promise.withResolvers<void>();
    proxy.beforeCopy = () => {
      copying.resolve();
      return stopped.promise;
    };
    await service.advance(10 * minute);
    await copying.promise;
    const began = performance.now();
    await service.stop();
    assert.ok(performance.now() - began < 10_000);
    stopped.resolve();
    await service.restart();
    await service.untilMoved(archiveId);
  });

  test("archives move when they have the age, and not before", async () => {
    await using service = await startService(placeOf("&storage-class=DEEP_ARCHIVE&cold-after=1d"));
    const archiveId = await service.http.uploadArchive(vault, contentOf(1, 1000), "");
    proxy.resetCounts();
    for (const rounds of [1, 2]) {
      await service.advance(60 * minute);
      await untilTrue("the store was listed again", async () => proxy.counts.lists >= rounds);
    }
    assert.deepEqual(await service.classesOf(archiveId), ["STANDARD"]);
    proxy.ageMilliseconds = day * 1000;
    try {
      await service.advance(60 * minute);
      await untilTrue("it has moved", async () => (await service.classesOf(archiveId)).includes("DEEP_ARCHIVE"));
    } finally {
      proxy.ageMilliseconds = 0;
    }
  });

  test("a job waits for the restore without a runner, over a kill too, and its bytes are verified", async () => {
    await using service = await startService(placeOf());
    const bytes = contentOf(1, 3 * mebibyte);
    const archiveId = await uploadInParts(service.http, bytes, 2 * mebibyte);
    await service.untilMoved(archiveId, 2);
    const jobs: string[] = [];
    for (let index = 0; index <= claimsMax; index += 1) {
      jobs.push(await service.retrieval(archiveId, "Standard"));
    }
    await untilTrue("both parts are asked for", async () => proxy.ongoing.length === 2);
    assert.deepEqual(
      proxy.restores.map(({ tier, days }) => ({ tier, days })),
      [
        { tier: "Standard", days: 2 },
        { tier: "Standard", days: 2 },
      ],
      "the output's day, and some hours",
    );
    // All claims of the account would be taken if a job that waits kept its own.
    const warm = await service.http.uploadArchive(vault, contentOf(2, 1000), "");
    assert.ok((await service.http.retrieve(vault, warm)).equals(contentOf(2, 1000)));
    await service.kill();
    await service.restart();
    await service.advance(minute);
    await untilTrue("the job was looked at again", async () => proxy.counts.heads > 0);
    const [job = ""] = jobs;
    assert.equal(await service.status(job), "InProgress");
    proxy.finishRestores();
    await service.untilSucceeded(jobs);
    assert.ok((await service.http.jobOutput(vault, job)).equals(bytes));
    assert.equal(proxy.restores.length, 2, "nothing was asked for twice");
  });

  test("a restored copy is kept longer for a later job, and restored again once it has expired", async () => {
    await using service = await startService(placeOf());
    const { http } = service;
    const bytes = contentOf(1, 2 * mebibyte);
    const archiveId = await http.uploadArchive(vault, bytes, "");
    await service.untilMoved(archiveId);
    const first = await service.restored(archiveId);
    assert.ok((await http.jobOutput(vault, first)).equals(bytes));
    proxy.lapse(60 * 60 * 1000);
    const second = await service.retrieval(archiveId);
    await service.untilSucceeded([second]);
    assert.deepEqual([proxy.restores.length, proxy.ongoing.length], [2, 0], "its days were extended");
    proxy.lapse();
    await service.restart();
    await assert.rejects(
      service.http.jobOutput(vault, second),
      (error) =>
        error instanceof RefusedError && error.status === 500 && /Initiate another retrieval/.test(error.message),
    );
    const third = await service.restored(archiveId);
    assert.ok((await service.http.jobOutput(vault, third)).equals(bytes));
    const metrics = await service.metrics();
    assert.match(metrics, /^moraine_damaged_archives 0$/m);
    assert.match(metrics, /^moraine_suspect_segments 0$/m);
  });

  test("tiers are those that the class has, and Expedited without capacity becomes Standard", async () => {
    for (const [storageClass, tier, given] of [
      ["DEEP_ARCHIVE", "Expedited", "Standard"],
      ["DEEP_ARCHIVE", "Bulk", "Bulk"],
      ["GLACIER", "Expedited", "Expedited"],
    ] as const) {
      await using service = await startService(placeOf(`&storage-class=${storageClass}`));
      const archiveId = await service.http.uploadArchive(vault, contentOf(1, 1000), "");
      await service.untilMoved(archiveId, 1, storageClass);
      await service.restored(archiveId, tier);
      assert.deepEqual([proxy.restores.pop()?.tier, proxy.restores.length], [given, 0], `${tier} of ${storageClass}`);
      proxy.lapse();
      proxy.refuse = (asked) =>
        asked.tier === "Expedited" ? { status: 503, code: "GlacierExpeditedRetrievalNotAvailable" } : undefined;
      await service.restored(archiveId, tier);
      assert.equal(proxy.restores.pop()?.tier, given === "Expedited" ? "Standard" : given);
      proxy.refuse = () => undefined;
    }
  });

  test("a store that refuses to restore is asked again, and other jobs run meanwhile", async () => {
    await using service = await startService(placeOf());
    const { http } = service;
    const archiveId = await http.uploadArchive(vault, contentOf(1, 1000), "");
    await service.untilMoved(archiveId);
    let refused = 0;
    proxy.refuse = () => {
      refused += 1;
      return { status: 503, code: "SlowDown" };
    };
    const jobs: string[] = [];
    for (let index = 0; index <= claimsMax; index += 1) {
      jobs.push(await service.retrieval(archiveId));
    }
    await untilTrue("it was refused", async () => refused > 0);
    const warm = await http.uploadArchive(vault, contentOf(2, 1000), "");
    await http.retrieve(vault, warm);
    assert.equal(await service.status(jobs[0] ?? ""), "InProgress");
    proxy.refuse = () => undefined;
    await service.advance(minute);
    await untilTrue("it was asked again", async () => proxy.ongoing.length === 1);
    proxy.finishRestores();
    await service.untilSucceeded(jobs);
  });

  test("a range of a cold archive is retrieved, and has no tree hash before it is restored", async () => {
    await using service = await startService(placeOf());
    const { http } = service;
    const bytes = contentOf(1, 4 * mebibyte);
    const archiveId = await http.uploadArchive(vault, bytes, "");
    await service.untilMoved(archiveId);
    const range = { RetrievalByteRange: `0-${mebibyte - 1}` };
    const job = await http.initiateJob(vault, { Type: "archive-retrieval", ArchiveId: archiveId, ...range });
    await untilTrue("it is asked for", async () => proxy.ongoing.length === 1);
    proxy.finishRestores();
    await service.untilSucceeded([job]);
    const answer = await http.demand({ method: "GET", path: `/-/vaults/${vault}/jobs/${job}/output` });
    assert.ok(answer.body.equals(bytes.subarray(0, mebibyte)));
    assert.equal(answer.headers["x-amz-sha256-tree-hash"], treeHashOf(answer.body));
  });

  test("objects that others have moved are restored without the setting", async () => {
    const place = placeOf();
    await using service = await startService(place);
    const bytes = contentOf(1, 1000);
    const archiveId = await service.http.uploadArchive(vault, bytes, "");
    await service.untilMoved(archiveId);
    await service.restart({ ...place, url: place.url.replace(/&storage-class.*$/, "") });
    const job = await service.restored(archiveId);
    assert.ok((await service.http.jobOutput(vault, job)).equals(bytes));
  });

  test("the scrub counts cold segments apart, and finds a missing one and one of another length damaged", async () => {
    const place = placeOf();
    await using service = await startService(place);
    const { http } = service;
    const kept = await http.uploadArchive(vault, contentOf(1, 1000), "kept");
    const lost = await http.uploadArchive(vault, contentOf(2, 1000), "lost");
    await service.untilMoved(kept);
    await service.untilMoved(lost);
    await service.removeSegments(lost);
    const replaced = await http.uploadArchive(vault, contentOf(3, 1000), "replaced");
    await service.untilMoved(replaced);
    await service.put((await service.keysOf(replaced))[0] ?? "", "DEEP_ARCHIVE");
    await service.advance(5 * 60 * minute);
    await untilTrue("new segments are read back", async () =>
      /^moraine_scrub_segments_total\{outcome="damaged"\} 2$/m.test(await service.metrics()),
    );
    assert.match(await service.metrics(), /^moraine_scrub_segments_total\{outcome="cold"\} 1$/m);
    assert.match(await service.metrics(), /^moraine_scrub_segments_total\{outcome="unread"\} 0$/m);
    assert.match(await service.metrics(), /^moraine_damaged_archives 2$/m);
  });

  test("an orphan that is cold is named, and stays", async () => {
    const place = placeOf();
    await using service = await startService(place);
    const archiveId = await service.http.uploadArchive(vault, contentOf(1, 1000), "");
    await service.untilMoved(archiveId);
    const [key = ""] = await service.keys();
    await service.put(`${key.slice(0, -16)}${"A".repeat(16)}`, "DEEP_ARCHIVE");
    proxy.ageMilliseconds = 2 * day * 1000;
    try {
      const verified = await service.orphans("verify");
      assert.match(verified, /"code":"object-orphan".*it has to be restored before it can be read/);
      assert.match(verified, /"findings":1,/);
      assert.match(
        await service.orphans("repair", "--restored", "never"),
        /"code":"orphan-undecided".*has to be restored/,
      );
    } finally {
      proxy.ageMilliseconds = 0;
    }
  });
});

test("another node moves the archives, and ends the job of one that died while the store restored them", {
  skip: missingEngine("postgres") || missingEngine("ceph"),
}, async () => {
  let proxy: ColdProxy | undefined;
  const endpointOf = async (own: string) => {
    proxy = await ColdProxy.start(own);
    return proxy.url;
  };
  const blobSettings = "&storage-class=DEEP_ARCHIVE";
  await using cluster = await startCluster(2, { endpointOf, blobSettings, storageClasses: classes });
  await using cold = proxy as unknown as ColdProxy;
  const http = new GlacierHttp(cluster.nodes[0]?.url ?? "");
  await http.createVault(vault);
  const bytes = contentOf(1, mebibyte);
  const archiveId = await http.uploadArchive(vault, bytes, "");
  http.close();
  await cluster.nodes[0]?.stop();
  await cluster.replace(0);
  await untilTrue("the second node has moved it", async () => [...cold.classes.values()].join() === "DEEP_ARCHIVE", 60);
  const second = new GlacierHttp(cluster.nodes[1]?.url ?? "");
  const jobId = await second.initiateJob(vault, { Type: "archive-retrieval", ArchiveId: archiveId });
  await untilTrue("it is asked for", async () => cold.ongoing.length === 1);
  second.close();
  await cluster.nodes[1]?.kill();
  cold.finishRestores();
  const first = new GlacierHttp(cluster.nodes[0]?.url ?? "");
  await first.jobSucceeded(vault, jobId, 60);
  assert.ok((await first.jobOutput(vault, jobId)).equals(bytes));
  first.close();
});
