import assert from "node:assert/strict";
import { chmod, copyFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { openSource, openTarget, originOf } from "../packages/server/src/copy/open-ends.ts";
import type { CopyTarget } from "../packages/server/src/copy/place.ts";
import { type CopyFinding, type CopyResult, type CopyTotals, runCopy } from "../packages/server/src/copy/run-copy.ts";
import { readCopyMark, removeCopyMark } from "../packages/server/src/storage/copy-mark.ts";
import { flipBit } from "../packages/server/test/support/flip-bit.ts";
import { contentOf } from "./support/content.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { sealRowsOf } from "./support/row-secret.ts";
import { runServer, startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";
import { complete, fill, ids, initiate, putPart } from "./support/verify/filled-folder.ts";
import { copyOf } from "./support/verify/folders.ts";
import { fileOf, findingsIn } from "./support/verify/look.ts";

// The copy of `moraine admin copy`, between two folders: what it does does not depend on the engines.

const mebibyte = 1024 ** 2;

let filled: Awaited<ReturnType<typeof temporaryFolder>>;
let parent: Awaited<ReturnType<typeof temporaryFolder>>;
let folders = 0;

before(async () => {
  [filled, parent] = await Promise.all([temporaryFolder(), temporaryFolder()]);
  await withServer(join(filled.path, "data"), fill);
});
after(() => Promise.all([filled, parent].map((folder) => folder[Symbol.asyncDispose]())));

async function withServer(dataFolder: string, work: (http: GlacierHttp) => Promise<unknown>): Promise<void> {
  await using server = await startServer({ dataFolder, flags: ["--inventory-delay", "0"] });
  const http = new GlacierHttp(server.url);
  try {
    await work(http);
    await server.stop();
  } finally {
    http.close();
  }
}

/** A folder with data, and the name of one that does not exist. */
async function makeEnds(): Promise<{ from: string; to: string }> {
  folders += 1;
  const [from, to] = [join(parent.path, `from-${folders}`), join(parent.path, `to-${folders}`)];
  await copyOf(join(filled.path, "data"), from);
  return { from, to };
}

interface Options {
  readonly acceptsDamage?: boolean;
  /** Throws to interrupt the copy. */
  progress?(totals: Readonly<CopyTotals>): void;
  /** Replaces methods of the target. */
  target?(target: CopyTarget): Partial<CopyTarget>;
}

async function copy({ from, to }: { from: string; to: string }, options: Options = {}) {
  const { acceptsDamage = false, progress = () => undefined } = options;
  await using temporary = await temporaryFolder();
  const place = { kind: "folder", path: from, blobs: null } as const;
  await using source = await openSource(place, () => temporary.path);
  const origin = await originOf(source, { from: place, sealingKeyFile: null });
  await using opened = await openTarget({ kind: "folder", path: to, blobs: null }, origin);
  assert.ok(opened);
  const target = { ...opened, ...options.target?.(opened) };
  const findings: CopyFinding[] = [];
  const finding = (found: CopyFinding) => void findings.push(found);
  const result: CopyResult = await runCopy(
    { source, target, origin },
    { acceptsDamage, readsFootersOnly: false, finding, progress },
  );
  return { ...result, findings };
}

const interruptAfter = (segments: number) => (totals: Readonly<CopyTotals>) => {
  if (totals.segments === segments) {
    throw new Error("interrupted");
  }
};

async function assertSound(to: string, from: string): Promise<void> {
  await copyFile(join(from, "secrets.key"), join(to, "secrets.key"));
  assert.deepEqual(await findingsIn(to, "deep"), []);
}

test("a copy that was interrupted has no server before it is complete, and continues", async () => {
  const ends = await makeEnds();
  for (const segments of [1, 3, 5]) {
    await assert.rejects(copy(ends, { progress: interruptAfter(segments) }), /interrupted/);
    const { code, stderr } = await runServer(["--data", ends.to, "--listen", "127.0.0.1:0"]);
    assert.notEqual(code, 0);
    assert.match(stderr, /The data folder \S+ is the target of a copy from \S+ that is not complete/);
    await assert.rejects(findingsIn(ends.to, "quick"), /is the target of a copy/);
  }
  const { isComplete, findings } = await copy(ends);
  assert.deepEqual([isComplete, findings], [true, []]);
  await assertSound(ends.to, ends.from);
});

test("a copy is refused once another one of the same source is complete, whose mark stays", async () => {
  const ends = await makeEnds();
  const first = `${ends.to}-first`;
  let isBegun = false;
  const target = ({ write }: CopyTarget): Partial<CopyTarget> => ({
    async write(work) {
      if (!isBegun) {
        isBegun = true;
        assert.equal((await copy({ from: ends.from, to: first })).isComplete, true);
      }
      await write(work);
    },
  });
  const message = new RegExp(`was copied to ${first} meanwhile: serve that copy`);
  await assert.rejects(copy(ends, { target }), message);
  assert.equal(readCopyMark(ends.from)?.other, first);
  const { stderr } = await runServer(["--data", ends.to, "--listen", "127.0.0.1:0"]);
  assert.match(stderr, /is the target of a copy from \S+ that is not complete/);
  await assertSound(first, ends.from);
});

test("a folder with an older database than its history says is not copied before its server has started", async () => {
  const ends = await makeEnds();
  const [database, older] = [join(ends.from, "moraine.db"), join(parent.path, "older.db")];
  await copyFile(database, older);
  await withServer(ends.from, (http) => http.createVault("later"));
  await copyFile(older, database);
  await assert.rejects(copy(ends), /it was restored from a copy\. Start its server once/);
});

test("a source that changes between two runs is copied as it is at the last one", async () => {
  const ends = await makeEnds();
  const policy = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "glacier:List*", Resource: "*" }] };
  await withServer(ends.from, async (http) => {
    await http.createVault("short");
    await http.admin("PUT", "/users/ada");
    await http.admin("PUT", "/users/ada/policies/reads", { Policy: JSON.stringify(policy) });
  });
  await assert.rejects(
    copy(ends, { target: () => ({ finish: () => Promise.reject(new Error("interrupted")) }) }),
    /interrupted/,
  );
  // As an operator does who gives the copy up for a while.
  await removeCopyMark(ends.from);
  await withServer(ends.from, async (http) => {
    await http.demand({ method: "DELETE", path: "/-/vaults/short" });
    await http.admin("DELETE", "/users/ada/policies/reads");
    await http.admin("DELETE", "/users/ada");
    await http.admin("PUT", "/users/ada");
    await http.deleteArchive("photos", ids.single);
    await putPart(http, ids.upload, 0, contentOf(31, mebibyte));
    await complete(http, ids.upload, Buffer.concat([contentOf(31, mebibyte), contentOf(9, mebibyte)]));
    await putPart(http, await initiate(http), 0, contentOf(32, mebibyte));
    await http.uploadArchive("other", contentOf(33, 100), "new");
    await http.demand({ method: "DELETE", path: `/-/vaults/other/archives/${ids.other}` });
    await http.inventory("photos");
  });
  const { isComplete } = await copy(ends);
  assert.ok(isComplete);
  await assertSound(ends.to, ends.from);
});

test("places that two segments have exchanged are no conflict", async () => {
  const ends = await makeEnds();
  const unfinished = { finish: () => Promise.reject(new Error("interrupted")) };
  await assert.rejects(copy(ends, { target: () => unfinished }), /interrupted/);
  await removeCopyMark(ends.from);
  // One of the two is copied first, whatever the order.
  const database = new DatabaseSync(join(ends.from, "moraine.db"));
  const places = `UPDATE segments SET first_byte = ? - first_byte WHERE owner_head = (SELECT archive_head FROM uploads WHERE id = ?)
    AND first_byte = ?`;
  for (const [sum, place] of [
    [-1, 0],
    [mebibyte, mebibyte],
    [mebibyte - 1, -1],
  ] as const) {
    assert.equal(database.prepare(places).run(sum, ids.upload, place).changes, 1);
  }
  database.close();
  await sealRowsOf(ends.from);
  const { isComplete, findings } = await copy(ends);
  assert.deepEqual([isComplete, findings], [true, []]);
});

test("a damaged segment is named and has no row, and is copied once it is repaired", async () => {
  const ends = await makeEnds();
  const file = await fileOf(ends.from, ids.single);
  await flipBit(file, mebibyte + 7);
  const { isComplete, findings } = await copy(ends);
  assert.equal(isComplete, false);
  assert.deepEqual(findings, [
    {
      code: "segment-damaged",
      message: "bytes 1048576-2097151 of its file do not have their hash",
      segment: file.slice(-(ids.single.length + "ab/cd/.".length + 16)),
    },
  ]);
  await flipBit(file, mebibyte + 7);
  await chmod(file, 0o400);
  assert.ok((await copy(ends)).isComplete);
  await assertSound(ends.to, ends.from);
});

test("a row that is not as it was stored is named, and copied as it is if that is accepted", async () => {
  const ends = await makeEnds();
  const database = new DatabaseSync(join(ends.from, "moraine.db"));
  database.exec("UPDATE archives SET description = 'another' WHERE description = 'single'");
  database.close();
  const { isComplete, findings } = await copy(ends);
  assert.equal(isComplete, false);
  assert.deepEqual(
    findings.map(({ code }) => code),
    ["row-damaged"],
  );
  assert.match(findings[0]?.message ?? "", /a row of the table archives is not as it was stored: id_head [0-9a-f]+/);
  assert.ok((await copy(ends, { acceptsDamage: true })).isComplete);
  await copyFile(join(ends.from, "secrets.key"), join(ends.to, "secrets.key"));
  const codes = (await findingsIn(ends.to, "quick")).map(({ code }) => code);
  assert.ok(codes.includes("row-changed"), codes.join());
});

test("damage that was accepted is copied after all when it is repaired before the copy is complete", async () => {
  const ends = await makeEnds();
  const file = await fileOf(ends.from, ids.single);
  await flipBit(file, 7);
  const unfinished = { finish: () => Promise.reject(new Error("interrupted")) };
  await assert.rejects(copy(ends, { acceptsDamage: true, target: () => unfinished }), /interrupted/);
  await flipBit(file, 7);
  await chmod(file, 0o400);
  const { isComplete, findings } = await copy(ends);
  assert.deepEqual([isComplete, findings], [true, []]);
  await assertSound(ends.to, ends.from);
});

test("a copy that differs from its source is not complete, and the source is as before", async () => {
  const ends = await makeEnds();
  const lossy = ({ db, write }: CopyTarget): Partial<CopyTarget> => ({
    write: async (work) => {
      await write(work);
      await write(async () => void (await db.deleteFrom("vaults").where("name", "=", "locked").execute()));
    },
  });
  await assert.rejects(copy(ends, { target: lossy }), /vaults has 3 rows at the source, and 2 in the copy/);
  await withServer(ends.from, async () => undefined);
  assert.ok((await copy(ends)).isComplete);
  await assertSound(ends.to, ends.from);
});
