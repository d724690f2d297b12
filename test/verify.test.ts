import assert from "node:assert/strict";
import { readdir, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import type { Finding } from "../packages/server/src/verify/finding.ts";
import type { Level } from "../packages/server/src/verify/verification.ts";
import { flipBit } from "../packages/server/test/support/flip-bit.ts";
import { contentOf } from "./support/content.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";
import { damages } from "./support/verify/damages.ts";
import { ids } from "./support/verify/filled-folder.ts";
import { copyOf, type Folders, filledFolders } from "./support/verify/folders.ts";
import { fileOf, findingsIn, stateOf } from "./support/verify/look.ts";

// A folder that a server has filled, verified as it is and with one thing damaged at a time.

const levels: readonly Level[] = ["quick", "deep"];

let folders: Folders;
before(async () => {
  folders = await filledFolders();
});
after(() => folders[Symbol.asyncDispose]());

for (const level of levels) {
  test(`a sound folder has no findings, and is not changed: ${level}`, async () => {
    for (const path of [folders.stopped, folders.killed]) {
      const before = await stateOf(path);
      assert.deepEqual(await findingsIn(path, level), [], path);
      assert.deepEqual(await stateOf(path), before, path);
    }
  });
}

for (const { what, damage, named, level = "quick" } of damages) {
  test(`named: ${what}`, async () => {
    await using place = await temporaryFolder();
    const path = join(place.path, "data");
    await copyOf(folders.stopped, path);
    await damage(path);
    const at = levels.indexOf(level);
    for (const [index, tried] of levels.entries()) {
      const findings = (await findingsIn(path, tried)).filter(({ code }) => code !== "row-changed");
      const expected = index < at ? [] : named();
      const shown = findings.map((finding, place) =>
        Object.fromEntries(Object.keys(expected[place] ?? finding).map((key) => [key, finding[key as keyof Finding]])),
      );
      assert.deepEqual(shown, expected, `${tried}: ${JSON.stringify(findings)}`);
      const own = new Set(expected.map(({ archive }) => archive));
      const others = [ids.single, ids.parts, ids.other].filter((id) => !own.has(id));
      assert.ok(findings.every(({ archive }) => archive === undefined || !others.includes(archive)));
    }
  });
}

for (const [table, edit] of [
  ["vaults", "UPDATE vaults SET lock_policy = replace(lock_policy, 'Deny', 'Allow') WHERE lock_policy IS NOT NULL"],
  ["vaults", `UPDATE vaults SET tags = '{"hold":"no"}' WHERE name = 'photos'`],
  ["archives", "UPDATE archives SET created_at = created_at + 1 WHERE description = 'single'"],
] as const) {
  test(`an edit that no other row contradicts is named: ${edit}`, async () => {
    await using place = await temporaryFolder();
    const path = join(place.path, "data");
    await copyOf(folders.stopped, path);
    const database = new DatabaseSync(join(path, "moraine.db"));
    assert.equal(database.prepare(edit).run().changes, 1);
    database.close();
    const [first, ...others] = await findingsIn(path, "quick");
    assert.equal(first?.code, "row-changed");
    assert.match(first.message, new RegExp(`^a row of the table ${table} is not as it was stored: `));
    assert.ok(others.every(({ code }) => code === "row-changed"));
  });
}

test("a log that is lost or damaged is named", async () => {
  for (const { change, code } of [
    { change: (path: string) => truncate(join(path, "moraine.db-wal")), code: "log-lost" },
    { change: (path: string) => flipBit(join(path, "moraine.db-wal"), 17), code: "log-damaged" },
  ]) {
    await using place = await temporaryFolder();
    const path = join(place.path, "data");
    await copyOf(folders.killed, path);
    await change(path);
    const before = await stateOf(path);
    const [first] = await findingsIn(path, "quick");
    assert.equal(first?.code, code);
    assert.deepEqual(await stateOf(path), before);
  }
});

test("next to a running server under load nothing is found, and damage is", async () => {
  await using place = await temporaryFolder();
  const path = join(place.path, "data");
  await copyOf(folders.stopped, path);
  await using server = await startServer({ dataFolder: path, flags: ["--deleted-grace", "0"] });
  const http = new GlacierHttp(server.url);
  let isLoaded = true;
  const load = Promise.all(
    [1, 2].map(async (worker) => {
      for (let round = 0; isLoaded; round += 1) {
        const id = await http.uploadArchive("other", contentOf(worker * 1000 + round, 2000), `load ${round}`);
        await http.deleteArchive("other", id);
      }
      return true;
    }),
  );
  try {
    // The server makes its ballast meanwhile.
    const names = async () => (await readdir(path)).filter((name) => name !== "ballast").sort();
    const before = await names();
    for (const level of [...levels, ...levels]) {
      assert.deepEqual(await findingsIn(path, level), [], level);
    }
    assert.deepEqual(await names(), before);
    await rm(await fileOf(path, ids.single));
    const [finding, ...others] = await findingsIn(path, "quick");
    assert.deepEqual([finding?.code, finding?.archive, others], ["segment-missing", ids.single, []]);
  } finally {
    isLoaded = false;
    assert.deepEqual(await load, [true, true]);
    http.close();
  }
});
