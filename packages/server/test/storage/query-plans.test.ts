import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { temporaryFolder } from "../../../../test/support/temporary-folder.ts";
import { migrate } from "../../src/storage/metadata/migrations/migrate.ts";
import { beginGeneration } from "../../src/storage/metadata/sqlite/generation.ts";
import { type Connection, openWriting } from "../../src/storage/metadata/sqlite/sqlite-connection.ts";
import { inMemory } from "../../src/storage/metadata/sqlite/sqlite-database.ts";
import { metadataStoreContract } from "../contract/metadata-store.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { testSecret } from "../support/row-secret.ts";

// Every statement that the driver tests run is explained: none may visit all rows of a table, or sort more than a page.

const statements = new Set<string>();
const { prepare } = DatabaseSync.prototype;
let isNoting = false;

before(() => {
  DatabaseSync.prototype.prepare = function (this: DatabaseSync, ...given) {
    if (isNoting) {
      statements.add(given[0]);
    }
    return prepare.apply(this, given);
  };
});
after(() => {
  DatabaseSync.prototype.prepare = prepare;
});

metadataStoreContract("whose statements are noted", async () => {
  isNoting = false;
  const store = await openInlineStore(inMemory);
  isNoting = true;
  return store;
});

/** Steps that visit every row of a table or an index, or sort, and why they may. */
const allowed: Readonly<Record<string, RegExp>> = {
  "has one row, or few":
    /^SCAN (trusted_time|installation|data_keys|scrub|scrub_ranges|scrub_queue)$|TEMP B-TREE .* "(data_keys|capacity_units)"/,
  "takes the next rows of a queue that is emptied at once": /^SCAN (releases|removed_vaults)$/,
  "counts damage, of which there is little":
    /^SCAN damage USING( COVERING)? INDEX |TEMP B-TREE FOR count\(DISTINCT\) of .* from "damage"/,
  "looks only at rows that wait for something, by an index that has no others":
    /^SCAN (segments|jobs|notifications|access_keys|orphaned) USING (COVERING )?INDEX \w+_(pending|waiting|leased|unwrapped|of_inventories)$/,
  "counts for metrics, on the thread for lists":
    /^SCAN (accounts|users|vaults|notifications|uploads|segments|jobs) USING COVERING INDEX |^SCAN page$/,
  "has a row for each account with jobs in progress": /^SCAN jobs_in_progress$/,
};

test("no statement visits all rows of a table, or sorts more than a few", async () => {
  const steps = await planned();
  const costly = steps.filter(({ step }) => /^SCAN|TEMP B-TREE/.test(step));
  const refused = costly.filter(({ step, statement }) => {
    const named = step.startsWith("SCAN") ? step : `${step} of ${statement}`;
    return !Object.values(allowed).some((pattern) => pattern.test(named));
  });
  assert.deepEqual(refused, []);
});

for (const [what, statement, step] of [
  ["the sum of jobs that a retrieval policy counts", /sum\(\(range_last_byte/, /^SEARCH jobs USING .*jobs_counted/],
  [
    "a page of jobs",
    /^select \* from "jobs" where "vault_id" = .*limit/,
    /jobs_by_vault \(vault_id=\? AND state=\? AND/,
  ],
  [
    "a page of uploads",
    /^select \* from "uploads" where "vault_id" = .*"active_at"/,
    /^SEARCH uploads USING INDEX uploads_listed/,
  ],
  [
    "a page of an inventory",
    /^select \* from "archives" where "vault_id" = /,
    /archives_listed \(vault_id=\? AND \(created_at,id_head\)>\(\?,\?\) AND created_at<\?\)/,
  ],
  [
    "the deleted archives that are listed",
    /"listed" = 1 and "deleted_at" is not null and "vault_id" >/,
    /archives_leaving/,
  ],
  ["the inventories that are being written", /"action" = 'InventoryRetrieval'/, /USING INDEX jobs_listing/],
  ["the active keys of a root", /^select count.*"access_keys" .*"user_id" is null/, /USING INDEX access_keys_of_root/],
  ["secrets of the first form", /substr\(sealed_secret/, /USING INDEX access_keys_unwrapped/],
] as const) {
  test(`an index has just the rows of ${what}`, async () => {
    const steps = (await planned()).filter((planned) => statement.test(planned.statement));
    assert.notEqual(steps.length, 0);
    assert.ok(
      steps.some((planned) => step.test(planned.step)),
      JSON.stringify(steps),
    );
  });
}

test("a start visits segments only by indices of those that were not finished", async () => {
  await using folder = await temporaryFolder();
  const connection = openWriting(join(folder.path, "moraine.db"), true);
  await migrate(connection, { mayCreate: true, secret: testSecret });
  connection.database.exec("INSERT INTO uploads VALUES ('u', 'v', x'01', x'02', '', 1, 1, 1, 'open', NULL, 0, NULL)");
  const markerFile = join(folder.path, "history.json");
  const options = { dataFolder: folder.path, markerFile, openedAt: 1, shelfSeed: "seed", isLogTorn: false };
  const earlier = new Set(statements);
  isNoting = true;
  await beginGeneration(connection, options);
  await beginGeneration(connection, { ...options, isLogTorn: true });
  await rm(markerFile);
  const report = await beginGeneration(connection, options);
  isNoting = false;
  assert.notEqual(report.restored, null);
  const own = [...statements].filter((statement) => !earlier.has(statement) && statement.includes('from "segments"'));
  const steps = own.flatMap((statement) => plan(connection, statement)).filter((step) => step.includes("segments"));
  connection.database.close();
  assert.equal(steps.length, 4);
  for (const step of steps) {
    assert.match(step, /USING (COVERING )?INDEX segments_(pending|dead|by_place \(owner_head=\?)/);
  }
});

async function planned(): Promise<{ step: string; statement: string }[]> {
  isNoting = false;
  const connection = await emptyDatabase();
  const own = [...statements].filter((statement) => /^(select|insert|update|delete)\b/.test(statement));
  assert.ok(own.length > 100, `${own.length} statements`);
  const steps = own.flatMap((statement) => plan(connection, statement).map((step) => ({ step, statement })));
  connection.database.close();
  return steps;
}

async function emptyDatabase(): Promise<Connection> {
  const connection = openWriting(inMemory, true);
  await migrate(connection, { mayCreate: true, secret: testSecret });
  return connection;
}

function plan({ database }: Connection, statement: string): string[] {
  return prepare
    .call(database, `EXPLAIN QUERY PLAN ${statement}`)
    .all()
    .map(({ detail }) => String(detail));
}
