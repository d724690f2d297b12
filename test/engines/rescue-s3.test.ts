import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { checkExitCode } from "../../packages/cli/src/manifest/check/check-result.ts";
import { checkTarget } from "../../packages/cli/src/manifest/check-target.ts";
import { finishManifest } from "../../packages/cli/src/manifest/finish-manifest.ts";
import { ManifestWriter } from "../../packages/cli/src/manifest/manifest-writer.ts";
import { parseBucketUrl } from "../../packages/cli/src/targets/s3/bucket-url.ts";
import { S3Calls } from "../../packages/cli/src/targets/s3/s3-calls.ts";
import { connectBucket } from "../../packages/cli/src/targets/s3/s3-connection.ts";
import { S3Lock } from "../../packages/cli/src/targets/s3/s3-lock.ts";
import { S3Objects } from "../../packages/cli/src/targets/s3/s3-objects.ts";
import { S3Target } from "../../packages/cli/src/targets/s3/s3-target.ts";
import type { StoreOptions } from "../../packages/cli/src/targets/target.ts";
import { targetContract } from "../../packages/cli/test/contract/target.ts";
import { archiveOf, outputOf } from "../../packages/cli/test/support/archive-in-memory.ts";
import { storeUntilKilled } from "../../packages/cli/test/support/killed-store.ts";
import { entryFor, textOf } from "../../packages/cli/test/support/manifest-entries.ts";
import { type Engine, missingEngine, startEngine } from "../support/engines/engine.ts";
import { lookInto } from "../support/engines/s3-keys.ts";
import { s3Place } from "../support/engines/s3-place.ts";
import { type S3Fault, S3Proxy, type S3Request } from "../support/engines/s3-proxy.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

// Copies of archives in real stores: Ceph's S3, and Swift's as the poorest dialect.

const mebibyte = 1024 ** 2;
const never = new AbortController().signal;
const options: StoreOptions = { signal: never, onBytes: () => undefined };

for (const name of ["ceph", "swift"] as const) {
  describe(`over ${name}`, { skip: missingEngine(name) }, () => {
    let engine: Engine;
    before(async () => {
      engine = await startEngine(name);
    });
    after(() => engine[Symbol.asyncDispose]());

    targetContract(`S3 of ${name}`, async () => {
      const place = await placeIn(engine);
      const { store } = place;
      return {
        open: () => S3Target.open(place.url, place.options),
        intruder: {
          write: async (location, bytes) => void (await store.put(location, bytes)),
          remove: async (location) => void (await store.remove(location)),
          read: (location) => store.read(location),
        },
        [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
      };
    });
  });
}

/** A place of its own in the bucket of an engine, with a look into it past all code of ours. */
async function placeIn(engine: Engine, endpoint?: string) {
  const place = s3Place(engine, endpoint);
  const folder = await temporaryFolder();
  const stateFolder = join(folder.path, "state");
  const store = lookInto(place, engine.variables["S3_ENDPOINT"] ?? "");
  return {
    url: place.url,
    store,
    stateFolder,
    options: { credentials: credentialsOf(engine), stateFolder },
    async [Symbol.asyncDispose]() {
      store.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function credentialsOf({ variables }: Engine) {
  return async () => ({
    accessKeyId: variables["S3_ACCESS_KEY"] ?? "",
    secretAccessKey: variables["S3_SECRET_KEY"] ?? "",
  });
}

async function* piecesOf(...texts: readonly string[]): AsyncGenerator<string, void, void> {
  yield* texts;
}

describe("over Ceph, in detail", { skip: missingEngine("ceph") }, () => {
  let engine: Engine;
  let proxy: S3Proxy;
  before(async () => {
    engine = await startEngine("ceph");
    proxy = await S3Proxy.start(engine.variables["S3_ENDPOINT"] ?? "");
  });
  after(async () => {
    await proxy[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
  });

  /** A target that reaches the store by the proxy, which fails so for the first requests for which the fault is given. */
  async function failing(fault: (request: S3Request) => S3Fault | undefined, times = 1) {
    await using stack = new AsyncDisposableStack();
    const place = stack.use(await placeIn(engine, proxy.url));
    const target = stack.use(await S3Target.open(place.url, place.options));
    let left = times;
    const requests: S3Request[] = [];
    proxy.fault = (request) => {
      requests.push(request);
      const found = left > 0 ? fault(request) : undefined;
      left -= found === undefined ? 0 : 1;
      return found;
    };
    stack.defer(() => {
      proxy.fault = () => undefined;
    });
    const whole = stack.move();
    return {
      place,
      target,
      requests,
      assertFailed: () => assert.ok(left < times, "the fault has been"),
      [Symbol.asyncDispose]: () => whole[Symbol.asyncDispose](),
    };
  }

  test("a process that is killed again and again stores one object, and sends few parts again", async () => {
    await using place = await placeIn(engine);
    const sizeBytes = 80 * mebibyte + 5;
    const { S3_ACCESS_KEY, S3_SECRET_KEY } = engine.variables;
    const environment = {
      MORAINE_TARGET_ACCESS_KEY_ID: S3_ACCESS_KEY ?? "",
      MORAINE_TARGET_SECRET_ACCESS_KEY: S3_SECRET_KEY ?? "",
    };
    const run = { url: place.url, stateFolder: place.stateFolder, sizeBytes, environment };
    let receivedBytes = 0;
    for (const killAfterBytes of [45 * mebibyte, 45 * mebibyte, Number.POSITIVE_INFINITY]) {
      receivedBytes += await storeUntilKilled(run, killAfterBytes);
    }
    const expected = archiveOf(77, sizeBytes);
    assert.deepEqual(await place.store.keys(), ["killed/archive"]);
    assert.ok((await place.store.read("killed/archive")).equals(expected.bytes));
    assert.deepEqual(await place.store.unfinished(), []);
    // Four parts of 8 MiB are in progress at each kill.
    assert.ok(receivedBytes < sizeBytes + 2 * 37 * mebibyte, `${receivedBytes} bytes were received`);
  });

  test("an upload whose journal was lost is aborted, and the archive is sent from its beginning", async () => {
    await using place = await placeIn(engine);
    await using target = await S3Target.open(place.url, place.options);
    const archive = archiveOf(1, 48 * mebibyte);
    await assert.rejects(target.store(archive.facts, outputOf(archive, 36 * mebibyte).output, options));
    assert.equal((await place.store.unfinished()).length, 1);
    await using other = await S3Target.open(place.url, {
      ...place.options,
      stateFolder: join(place.stateFolder, "new"),
    });
    await other.store(archive.facts, outputOf(archive).output, options);
    assert.deepEqual(await place.store.unfinished(), []);
    assert.ok((await place.store.read(archive.facts.path)).equals(archive.bytes));
  });

  test("a part whose journal says another hash than the archive's is found out before the object has its name", async () => {
    await using place = await placeIn(engine);
    await using target = await S3Target.open(place.url, place.options);
    const archive = archiveOf(2, 48 * mebibyte);
    const wrong = { ...archive, bytes: archiveOf(3, 48 * mebibyte).bytes };
    await assert.rejects(target.store(archive.facts, outputOf(wrong, 36 * mebibyte).output, options), {
      name: "OutputExpiredError",
    });
    await assert.rejects(target.store(archive.facts, outputOf(archive).output, options), { name: "VerificationError" });
    assert.deepEqual([await place.store.keys(), await place.store.unfinished()], [[], []]);
    await target.store(archive.facts, outputOf(archive).output, options);
  });

  test("an archive that is given up leaves no parts in the store", async () => {
    await using place = await placeIn(engine);
    await using target = await S3Target.open(place.url, place.options);
    const archive = archiveOf(4, 48 * mebibyte);
    await assert.rejects(target.store(archive.facts, outputOf(archive, 36 * mebibyte).output, options));
    await target.abandon(archive.facts, never);
    assert.deepEqual(await place.store.unfinished(), []);
  });

  for (const [words, sizeBytes] of [
    ["of one request", 100_000],
    ["in parts", 17 * mebibyte],
  ] as const) {
    test(`an archive ${words} survives lost responses, altered bytes and busy stores`, async () => {
      const archive = archiveOf(sizeBytes, sizeBytes);
      const isWrite = ({ method }: S3Request) => method !== "GET" && method !== "HEAD";
      const faults: ReadonlyArray<(request: S3Request) => S3Fault | undefined> = [
        (request) => (isWrite(request) ? { reset: "after" } : undefined),
        (request) => (isWrite(request) ? { reset: "before" } : undefined),
        ({ method }) => (method === "PUT" ? { flipSent: 50_000 } : undefined),
        ({ method, key }) => (method === "GET" && key !== "" ? { cutAfter: 20_000 } : undefined),
        () => ({ refuse: 503 }),
      ];
      for (const fault of faults) {
        await using rig = await failing(fault, 2);
        const { location } = await rig.target.store(archive.facts, outputOf(archive).output, options);
        assert.ok((await rig.place.store.read(location)).equals(archive.bytes), String(fault));
        assert.deepEqual(await rig.place.store.unfinished(), []);
        assert.equal(await rig.target.check({ ...archive.facts, location, sha256: null }, never), "sound");
        rig.assertFailed();
      }
    });

    test(`a store that only says that it has an archive ${words} is found out`, async () => {
      const archive = archiveOf(sizeBytes + 1, sizeBytes);
      const isLast = ({ method, query }: S3Request) =>
        method === "POST" ? query.has("uploadId") : method === "PUT" && !query.has("partNumber");
      await using rig = await failing((request) => (isLast(request) ? { isFalseSuccess: true } : undefined), 100);
      await assert.rejects(rig.target.store(archive.facts, outputOf(archive).output, options));
      rig.assertFailed();
    });
  }

  test("an error inside of a Complete's success is an error", async () => {
    const archive = archiveOf(5, 9 * mebibyte);
    const fault = ({ method, query }: S3Request) =>
      method === "POST" && query.has("uploadId") ? { errorInside: "InternalError" } : undefined;
    await using rig = await failing(fault, 2);
    await rig.target.store(archive.facts, outputOf(archive).output, options);
    assert.ok((await rig.place.store.read(archive.facts.path)).equals(archive.bytes));
    rig.assertFailed();
  });

  test("an object that appears while an archive is fetched is kept", async () => {
    for (const sizeBytes of [100_000, 9 * mebibyte]) {
      await using place = await placeIn(engine);
      await using target = await S3Target.open(place.url, place.options);
      const archive = archiveOf(6, sizeBytes, "contended");
      const { output } = outputOf(archive);
      const open: typeof output.open = async (range, signal) => {
        await place.store.put("contended", "of somebody else");
        return output.open(range, signal);
      };
      await assert.rejects(target.store(archive.facts, { ...output, open }, options), { name: "TargetOccupiedError" });
      assert.equal((await place.store.read("contended")).toString(), "of somebody else");
    }
  });

  test("a store that is down, a wrong key and a missing bucket are reasons to wait, and no archive's fault", async () => {
    await using place = await placeIn(engine, proxy.url);
    const archive = archiveOf(7, 1000);
    const unavailable = { name: "TargetUnavailableError", message: /^Cannot use s3:\/\/\S+: \w/ };
    const wrongKey = async () => ({ ...(await credentialsOf(engine)()), secretAccessKey: "wrong" });
    await using refused = await S3Target.open(place.url, { ...place.options, credentials: wrongKey });
    await assert.rejects(refused.find(archive.facts, never), unavailable);
    const elsewhere = place.url.replace(/s3:\/\/[^/]+/, "s3://no-such-bucket");
    await using homeless = await S3Target.open(elsewhere, place.options);
    await assert.rejects(homeless.lock(never), unavailable);
    proxy.isDown = true;
    try {
      await using down = await S3Target.open(place.url, place.options);
      await assert.rejects(down.find(archive.facts, never), unavailable);
    } finally {
      proxy.isDown = false;
    }
    const full = ({ method }: S3Request) => (method === "PUT" ? { refuse: 403, code: "QuotaExceeded" } : undefined);
    await using rig = await failing(full, 1);
    await assert.rejects(rig.target.store(archive.facts, outputOf(archive).output, options), {
      name: "TargetFullError",
    });
  });

  test("a document of many pieces is read from any byte, joined, and appended to again", async () => {
    await using place = await placeIn(engine);
    const line = (index: number) => `${index} ${"x".repeat(40_000)}\n`;
    const lines = Array.from({ length: 10 }, (_, index) => line(index));
    const whole = lines.join("");
    {
      await using target = await S3Target.open(place.url, place.options);
      for (const each of lines.slice(0, 6)) {
        await target.documents.append("MANIFEST.jsonl", each);
      }
    }
    await using target = await S3Target.open(place.url, place.options);
    for (const each of lines.slice(6)) {
      await target.documents.append("MANIFEST.jsonl", each);
    }
    const pieces = async () => (await place.store.keys()).filter((key) => key.includes(".pieces/")).length;
    assert.ok((await pieces()) >= 4);
    for (const firstByte of [0, 1, 40_003, 120_010, 200_000, whole.length - 1, whole.length]) {
      assert.equal(await textOf(await target.documents.read("MANIFEST.jsonl", firstByte)), whole.slice(firstByte));
    }
    await target.documents.join("MANIFEST.jsonl");
    assert.equal(await pieces(), 0);
    assert.equal((await place.store.read("MANIFEST.jsonl")).toString(), whole);
    assert.equal(await target.documents.append("MANIFEST.jsonl", "more\n"), whole.length + 5);
    assert.equal(await textOf(await target.documents.read("MANIFEST.jsonl", 5)), `${whole}more\n`.slice(5));
    await target.documents.write("SHA256SUMS", piecesOf(...Array.from({ length: 230 }, () => whole.slice(0, 80_000))));
    assert.equal((await place.store.read("SHA256SUMS")).length, 230 * 80_000);
  });

  test("a document whose joining was interrupted has each line once", async () => {
    const isRemoval = ({ method }: S3Request) =>
      method === "DELETE" ? { refuse: 400, code: "MalformedXML" } : undefined;
    await using rig = await failing(isRemoval, 1);
    const { documents } = rig.target;
    await documents.append("MANIFEST.jsonl", "one\n");
    await assert.rejects(documents.join("MANIFEST.jsonl"), /MalformedXML/);
    assert.equal(await textOf(await documents.read("MANIFEST.jsonl")), "one\n");
    assert.equal(await documents.append("MANIFEST.jsonl", "two\n"), 8);
    assert.equal(await textOf(await documents.read("MANIFEST.jsonl")), "one\ntwo\n");
    await documents.join("MANIFEST.jsonl");
    assert.equal((await rig.place.store.read("MANIFEST.jsonl")).toString(), "one\ntwo\n");
    rig.assertFailed();
  });

  test("a document is not appended to once another process has the target", async () => {
    await using place = await placeIn(engine);
    await using target = await S3Target.open(place.url, place.options);
    await target.documents.append("MANIFEST.jsonl", "one\n");
    const lost = new AbortController();
    target.documents.endWith(lost.signal);
    await target.documents.append("MANIFEST.jsonl", "two\n");
    lost.abort(new Error("another process stores there"));
    await assert.rejects(target.documents.append("MANIFEST.jsonl", "three\n"), /another process stores there/);
    assert.equal(await textOf(await target.documents.read("MANIFEST.jsonl")), "one\ntwo\n");
  });

  test("the lock of another machine is respected while it is renewed, and taken over when it is not", async () => {
    await using place = await placeIn(engine);
    const objects = new S3Objects(new S3Calls(await connectBucket(parseBucketUrl(place.url), credentialsOf(engine))));
    const times = { renewMilliseconds: 100, abandonedMilliseconds: 1500, lookMilliseconds: 50 };
    const take = (machine: string) => S3Lock.take(objects, join(place.stateFolder, machine), never, times);
    const first = await take("one");
    await assert.rejects(take("other"), { name: "TransferBusyError", message: /stores there/ });
    await first[Symbol.asyncDispose]();
    assert.deepEqual(await place.store.keys(), []);
    const left = { machine: "dead", host: "dead.example", owner: randomUUID(), renewals: 3 };
    await place.store.put(".moraine/lock", JSON.stringify(left));
    const second = await take("other");
    const lost = new Promise((resolve) => second.lost.addEventListener("abort", () => resolve(second.lost.reason)));
    await place.store.put(".moraine/lock", JSON.stringify(left));
    assert.match(String(await lost), /TransferBusyError: .*dead\.example stores there/);
    await second[Symbol.asyncDispose]();
    assert.deepEqual(await place.store.keys(), [".moraine/lock"], "another's lock is left");
    objects.close();
  });

  test("a rescue's manifest is finished and checked in the bucket", async () => {
    await using place = await placeIn(engine);
    await using target = await S3Target.open(place.url, place.options);
    const writer = new ManifestWriter(target);
    const archives = ["a", "b/c", "d", "e"].map((path, index) => archiveOf(index, 1000 + index, path));
    for (const { facts, bytes } of archives) {
      const { location, sha256 } = await target.store(facts, outputOf({ facts, bytes }).output, options);
      await writer.append(entryFor(facts.path, bytes, { archiveId: facts.archiveId, location, sha256 }));
    }
    const facts = {
      vault: "photos",
      target: place.url,
      reportedAt: new Date(0),
      states: [],
      costs: [],
      currency: "USD",
    };
    await finishManifest(target, { facts, failures: [], key: null });
    assert.equal((await place.store.read("SHA256SUMS")).toString().split("\n").length, 5);
    const check = async () => {
      const findings: string[] = [];
      const result = await checkTarget(target, {
        journal: join(place.stateFolder, "check.sqlite"),
        trustedKey: null,
        signal: never,
        onFinding: ({ finding, location }) => findings.push(`${finding} ${location}`),
        onProgress: () => undefined,
      });
      return { code: checkExitCode(result), findings: new Set(findings) };
    };
    assert.deepEqual(await check(), { code: 0, findings: new Set() });
    await place.store.put("a", "A".repeat(1000));
    await place.store.put("new", "x");
    await place.store.remove("d");
    assert.deepEqual(await check(), { code: 4, findings: new Set(["changed a", "extra new", "missing d"]) });
  });
});
