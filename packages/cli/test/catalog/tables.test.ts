import assert from "node:assert/strict";
import { test } from "node:test";
import { Catalog } from "../../src/catalog/catalog.ts";
import { textKey } from "../../src/catalog/packed-id.ts";
import { archiveOfNumber, catalogFile, flat, idOfNumber, temporaryCatalog, vault } from "../support/catalogs.ts";

const at = (hour: number) => new Date(Date.UTC(2026, 0, 1, hour));

test("a job is followed from its request to its output, and a second one takes its place", async () => {
  using opened = temporaryCatalog();
  const { jobs } = opened.catalog;
  jobs.requested(1, "job-1", "Bulk", at(1));
  jobs.requested(1, "job-1", "Bulk", at(2));
  jobs.requested(2, "job-2", "Standard", at(1));
  assert.deepEqual(jobs.countByState(), { requested: 2, ready: 0, failed: 0, expired: 0, fetched: 0 });
  assert.equal(jobs.ready("job-1", at(5)), true);
  assert.equal(jobs.ready("job-3", at(5)), false);
  assert.deepEqual(jobs.of(1), {
    number: 1,
    jobId: "job-1",
    tier: "Bulk",
    state: "ready",
    requestedAt: at(1),
    completedAt: at(5),
    error: null,
    requestCount: 1,
  });
  jobs.expired("job-1");
  jobs.failed("job-2", "The archive is gone");
  assert.equal(jobs.byId("job-2")?.error, "The archive is gone");
  jobs.requested(1, "job-4", "Bulk", at(30));
  assert.equal(jobs.byId("job-1"), null);
  assert.equal(jobs.of(1)?.requestCount, 2);
  assert.deepEqual(jobs.countByState(), { requested: 1, ready: 0, failed: 1, expired: 0, fetched: 0 });
  assert.deepEqual(
    (await flat(jobs.inState("requested"))).map(({ jobId }) => jobId),
    ["job-4"],
  );
});

test("jobs that change while they are listed are listed once", async () => {
  using opened = temporaryCatalog();
  const { jobs } = opened.catalog;
  for (let number = 1; number <= 25; number += 1) {
    jobs.requested(number, `job-${number}`, "Bulk", at(1));
  }
  const listed: string[] = [];
  for await (const batch of jobs.inState("requested", { batchSize: 10 })) {
    for (const { jobId } of batch) {
      listed.push(jobId);
      jobs.ready(jobId, at(2));
    }
  }
  assert.equal(listed.length, 25);
  assert.equal(jobs.countByState().ready, 25);
});

test("each copy has a path of its own, and no file has the name of another's folder", () => {
  using opened = temporaryCatalog();
  const { archives, copies } = opened.catalog;
  const imitated = `d (2026-01-01 010000 ${idOfNumber(11)})`;
  const wanted = [
    ...["a/b.txt", "A/B.TXT", "a", "a/b.txt/c", "a/b.txt/d", "a/b (folder).txt/c", "a/b.txt", "d"],
    ...["d (2026-01-01 010000)", imitated, "d", "d/e/f"],
  ];
  archives.addInventory(
    wanted.map((_, index) => archiveOfNumber(index + 1, { createdAt: at(1) })),
    null,
  );
  const target = copies.of("file:///rescued");
  assert.deepEqual(
    wanted.map((path, index) => target.plan(index + 1, path)),
    [
      "a/b.txt",
      "A/B (2026-01-01 010000).TXT",
      "a (2026-01-01 010000)",
      "a/b (folder).txt/c",
      "a/b (folder).txt/d",
      "a/b (folder).txt/c (2026-01-01 010000)",
      `a/b (2026-01-01 010000 ${idOfNumber(7)}).txt`,
      "d",
      "d (2026-01-01 010000)",
      imitated,
      `d 2 (2026-01-01 010000 ${idOfNumber(11)})`,
      "d (folder)/e/f",
    ],
  );
});

test("a plan is kept, for each target by itself", () => {
  using opened = temporaryCatalog();
  const { archives, copies } = opened.catalog;
  archives.addInventory([archiveOfNumber(1), archiveOfNumber(2)], null);
  const one = copies.of("file:///one");
  assert.equal(one.plan(1, "a"), "a");
  assert.equal(one.plan(1, "b"), "a");
  assert.equal(copies.of("file:///two").plan(2, "a"), "a");
  assert.notEqual(copies.of("file:///one").plan(2, "a"), "a");
  assert.deepEqual(copies.targetUrls(), ["file:///one", "file:///two"]);
  assert.throws(() => one.plan(3, "c"), /no archive 3/);
  assert.throws(() => one.setState(3, "verified"), /no planned copy/);
});

test("copies are counted by state, and keep the facts of their attempts", async () => {
  using opened = temporaryCatalog();
  const { archives, copies } = opened.catalog;
  archives.addInventory(
    [1, 2, 3].map((number) => archiveOfNumber(number)),
    null,
  );
  const target = copies.of("s3://bucket/prefix");
  for (const number of [1, 2, 3]) {
    target.plan(number, `f${number}`);
  }
  const sha256 = "ab".repeat(32);
  target.setState(1, "failed", { error: "reset", attempts: 1 });
  target.setState(2, "failed", { error: "reset", attempts: 1 });
  target.setState(2, "verified", { sha256, location: "prefix/f2", attempts: 2, verifiedAt: at(3) });
  assert.deepEqual(target.totals(), {
    planned: { copies: 1, bytes: 3 },
    downloading: { copies: 0, bytes: 0 },
    verified: { copies: 1, bytes: 2 },
    failed: { copies: 1, bytes: 1 },
  });
  assert.deepEqual(await flat(target.inState("verified")), [
    {
      number: 2,
      path: "f2",
      state: "verified",
      sizeBytes: 2,
      sha256,
      location: "prefix/f2",
      error: null,
      attempts: 2,
      verifiedAt: at(3),
      failedAtTarget: false,
    },
  ]);
  target.setState(3, "verified", { sha256, location: "f3", attempts: 1, verifiedAt: at(3) });
  assert.equal(target.get(3)?.location, "f3");
});

test("costs add up, and survive the end of the process", () => {
  using file = catalogFile();
  {
    using catalog = Catalog.open(file.path, vault);
    assert.equal(catalog.costs.add("requests", 2), 2);
    assert.equal(catalog.costs.add("requests", 0.5), 2.5);
  }
  using catalog = Catalog.open(file.path, vault);
  assert.equal(catalog.costs.get("requests"), 2.5);
  assert.equal(catalog.costs.get("bytes"), 0);
  assert.deepEqual([...catalog.costs.all()], [["requests", 2.5]]);
});

test("changes last together or not at all, formats included", () => {
  using opened = temporaryCatalog();
  const { catalog } = opened;
  const add = () => {
    catalog.archives.addUploaded(archiveOfNumber(1, { format: "mt2" }));
    catalog.costs.add("requests", 1);
  };
  assert.throws(
    () =>
      catalog.change(() => {
        add();
        throw new Error("stopped");
      }),
    /stopped/,
  );
  assert.equal(catalog.archives.byNumber(1), null);
  assert.equal(catalog.costs.get("requests"), 0);
  catalog.change(add);
  assert.equal(catalog.archives.byNumber(1)?.format, "mt2");
});

test("uploads are remembered between their first byte and their records", () => {
  using opened = temporaryCatalog();
  const { uploads, archives } = opened.catalog;
  const sent = { path: "a\nb", sizeBytes: 3, treeHash: "ab".repeat(32), invocationId: "one", sentAt: new Date(1) };
  uploads.sending(sent);
  assert.deepEqual(uploads.sent("a\nb"), sent);
  assert.equal(uploads.sent("a"), null);
  uploads.sending({ ...sent, invocationId: "two" });
  assert.equal(uploads.sent("a\nb")?.invocationId, "two");
  uploads.forget("a\nb");
  assert.equal(uploads.sent("a\nb"), null);
  const [first, second] = [1, 2].map((each) => archives.addUploaded(archiveOfNumber(each)));
  uploads.unlisted({ number: first ?? 0, sha256: null });
  uploads.unlisted({ number: second ?? 0, sha256: "cd".repeat(32) });
  assert.deepEqual(uploads.firstUnlisted(1), [{ number: first, sha256: null }]);
  uploads.listed(first ?? 0);
  assert.deepEqual(uploads.firstUnlisted(5), [{ number: second, sha256: "cd".repeat(32) }]);
});

test("archives are found by their exact path", async () => {
  using opened = temporaryCatalog();
  const { archives } = opened.catalog;
  for (const [at, path] of ["a", "a", "a.txt", "a\0", "a/b", "b", ""].entries()) {
    archives.addUploaded(archiveOfNumber(at + 1, { path, description: `description of ${path}` }));
  }
  archives.addUploaded(archiveOfNumber(9, { path: "a", description: "a" }));
  const found = async (path: string) => (await flat(archives.atPath(path))).map(({ sizeBytes }) => sizeBytes);
  assert.deepEqual(await found("a"), [1, 2, 9]);
  assert.deepEqual(await found("a\0"), [4]);
  assert.deepEqual(await found(""), [7]);
  assert.deepEqual(await found("c"), []);
});

test("keys of ids and paths have 48 bits, and no two of 200,000 similar ones are equal", () => {
  const keys = new Set<number>();
  for (let number = 0; number < 100_000; number += 1) {
    keys.add(textKey(`photos/2019/IMG_${number}.JPG`));
    keys.add(textKey(idOfNumber(1).slice(0, -6) + String(number).padStart(6, "0")));
  }
  assert.equal(keys.size, 200_000);
  const all = [...keys];
  assert.ok(all.every((key) => Number.isInteger(key) && key >= 0 && key < 2 ** 48));
  for (let bit = 0; bit < 48; bit += 1) {
    const share = all.filter((key) => Math.floor(key / 2 ** bit) % 2 === 1).length / all.length;
    assert.ok(share > 0.49 && share < 0.51, `bit ${bit}: ${share}`);
  }
});
