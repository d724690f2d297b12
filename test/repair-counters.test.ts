import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { repair } from "./support/repair.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";
import { arn } from "./support/verify/filled-folder.ts";
import { copyOf, type Folders, filledFolders } from "./support/verify/folders.ts";
import { findingsIn, stateOf } from "./support/verify/look.ts";

// Counters of vaults that somebody changed: put right where the row's own MAC proves what they were, and nowhere else.

let folders: Folders;
before(async () => {
  folders = await filledFolders();
});
after(() => folders[Symbol.asyncDispose]());

async function edited(from: string, place: string, ...statements: readonly string[]): Promise<string> {
  const path = join(place, "data");
  await copyOf(from, path);
  const database = new DatabaseSync(join(path, "moraine.db"));
  database.exec("PRAGMA foreign_keys = OFF");
  for (const statement of statements) {
    assert.ok(database.prepare(statement).run().changes > 0, statement);
  }
  database.close();
  return path;
}

for (const edit of [
  "archive_count = archive_count + 1",
  "archive_count = 7, archive_bytes = 7, archive_sum = zeroblob(32)",
]) {
  test(`changed counters are listed, and put right only with --apply: ${edit}`, async () => {
    await using place = await temporaryFolder();
    const path = await edited(folders.stopped, place.path, `UPDATE vaults SET ${edit} WHERE name = 'photos'`);
    assert.ok((await findingsIn(path, "quick")).some(({ code }) => code === "row-changed"));
    const state = await stateOf(path);
    const planned = await repair(path, { isApplied: false });
    assert.deepEqual(
      planned.actions.map(({ code, vault }) => [code, vault]),
      [["vault-counted", arn("photos")]],
    );
    assert.match(
      planned.actions[0]?.message ?? "",
      /; those of the vault are 2 of \d+ bytes, with which the row has its MAC$/,
    );
    assert.deepEqual(await stateOf(path), state);
    const done = await repair(path);
    assert.deepEqual([done.actions, done.left], [planned.actions, 0]);
    assert.deepEqual(await findingsIn(path, "deep"), []);
    assert.deepEqual((await repair(path)).actions, []);
  });
}

for (const [what, ...statements] of [
  ["other columns", `UPDATE vaults SET tags = '{"hold":"no"}' WHERE name = 'photos'`],
  [
    "the counters and another column",
    "UPDATE vaults SET archive_count = 9, revision = revision + 1 WHERE name = 'photos'",
  ],
  [
    "the counters and an archive",
    "UPDATE vaults SET archive_count = 9 WHERE name = 'photos'",
    "UPDATE archives SET size_bytes = 1 WHERE description = 'single'",
  ],
  [
    "the counters, with an archive removed",
    "UPDATE vaults SET archive_count = 1 WHERE name = 'photos'",
    "DELETE FROM archives WHERE description = 'single'",
  ],
] as const) {
  test(`nothing is put right where the MAC does not prove it: ${what}`, async () => {
    await using place = await temporaryFolder();
    const path = await edited(folders.stopped, place.path, ...statements);
    const { actions } = await repair(path, { isApplied: false });
    assert.deepEqual(
      actions.filter(({ code }) => code === "vault-counted"),
      [],
    );
  });
}
