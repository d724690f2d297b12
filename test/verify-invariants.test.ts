import assert from "node:assert/strict";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { Shell } from "./support/command.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { accountId, region, startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";
import { copyOf } from "./support/verify/folders.ts";
import { findingsIn } from "./support/verify/look.ts";

// Deletions under a lock, inventories, and rows whose sealing key is elsewhere, as `moraine verify` judges them.

const arn = `arn:aws:glacier:${region}:${accountId}:vaults/kept`;
const daySeconds = 24 * 3600;
const denyUnder = (days: number, more: object = {}) =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "keep",
        Effect: "Deny",
        Principal: "*",
        Action: "glacier:DeleteArchive",
        Resource: arn,
        Condition: { NumericLessThan: { "glacier:ArchiveAgeInDays": String(days) }, ...more },
      },
    ],
  });

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let data: string;
const ids = { before: "", young: "", old: "" };

before(async () => {
  folder = await temporaryFolder();
  data = join(folder.path, "data");
  await using server = await startServer({ dataFolder: data, flags: ["--clock", "manual", "--inventory-delay", "0"] });
  const http = new GlacierHttp(server.url);
  const advance = (days: number) => http.admin("POST", "/clock", { Seconds: days * daySeconds });
  await http.createVault("kept");
  ids.before = await http.uploadArchive("kept", Buffer.from("1"), "before the lock");
  await http.deleteArchive("kept", ids.before);
  const body = Buffer.from(JSON.stringify({ Policy: denyUnder(1).replace("DeleteArchive", "DeleteVault") }));
  const lock = await http.demand({ method: "POST", path: "/-/vaults/kept/lock-policy", body });
  await http.demand({ method: "POST", path: `/-/vaults/kept/lock-policy/${lock.headers["x-amz-lock-id"]}` });
  ids.young = await http.uploadArchive("kept", Buffer.from("2"), "two days");
  await advance(2);
  await http.deleteArchive("kept", ids.young);
  ids.old = await http.uploadArchive("kept", Buffer.from("3"), "ten days");
  await advance(10);
  await http.deleteArchive("kept", ids.old);
  await http.deleteArchive("kept", ids.old);
  await http.uploadArchive("kept", Buffer.from("4"), "kept");
  await http.jobSucceeded("kept", await http.initiateJob("kept", { Type: "inventory-retrieval" }));
  http.close();
  await server.stop();
});
after(() => folder[Symbol.asyncDispose]());

/** Codes and archives, without those of the rows' MACs, after a change by hand. */
async function afterEdit(...edits: ReadonlyArray<readonly [string, ...string[]]>): Promise<unknown[]> {
  await using place = await temporaryFolder();
  const path = join(place.path, "data");
  await copyOf(data, path);
  const database = new DatabaseSync(join(path, "moraine.db"));
  for (const [statement, ...values] of edits) {
    assert.ok(database.prepare(statement).run(...values).changes > 0, statement);
  }
  database.close();
  const findings = await findingsIn(path, "quick");
  return findings.flatMap(({ code, archive }) => (code === "row-changed" ? [] : [[code, archive]]));
}

const withLock = (policy: string) => afterEdit(["UPDATE vaults SET lock_policy = ? WHERE name = 'kept'", policy]);

test("deletions that the lock allowed are no finding, nor are those before it", async () => {
  assert.deepEqual(await findingsIn(data, "deep"), []);
  assert.deepEqual(await withLock(denyUnder(1)), []);
});

test("a deletion that the lock forbids is named, once, and none from before the lock was complete", async () => {
  assert.deepEqual(await withLock(denyUnder(3)), [["lock-violated", ids.young]]);
  assert.deepEqual(await withLock(denyUnder(100)), [
    ["lock-violated", ids.young],
    ["lock-violated", ids.old],
  ]);
});

test("a lock that asks for what the trail does not have is not judged by it", async () => {
  assert.deepEqual(await withLock(denyUnder(100, { StringEquals: { "glacier:ResourceTag/hold": "yes" } })), []);
  assert.deepEqual(await withLock(denyUnder(100, { StringNotEquals: { "glacier:ResourceTag/hold": "no" } })), []);
  const ofAddress = denyUnder(100, { NotIpAddress: { "aws:SourceIp": "10.0.0.0/8" } });
  assert.deepEqual(await withLock(ofAddress), [
    ["lock-violated", ids.young],
    ["lock-violated", ids.old],
  ]);
  assert.deepEqual(await withLock(denyUnder(100, { IpAddress: { "aws:SourceIp": "10.0.0.0/8" } })), []);
});

test("an inventory that does not count the archives of its time is named", async () => {
  for (const column of ["inventory_archive_count", "inventory_archive_bytes"]) {
    const more = `UPDATE vaults SET ${column} = ${column} + 1 WHERE name = 'kept'`;
    assert.deepEqual(await afterEdit([more]), [["vault-counters", undefined]], column);
    // An earlier inventory may have listed archives that are forgotten, but none more than there were.
    const earlier = (change: string) =>
      afterEdit([`UPDATE vaults SET revision = revision + 1, ${column} = ${column} ${change} WHERE name = 'kept'`]);
    assert.deepEqual(await earlier("+ 1"), [], column);
    assert.deepEqual(await earlier("- 1"), [["vault-counters", undefined]], column);
  }
});

test("changed rows are named with a sealing key that lies elsewhere, and the lack of a key is reported", async () => {
  await using place = await temporaryFolder();
  const path = join(place.path, "data");
  await copyOf(data, path);
  const database = new DatabaseSync(join(path, "moraine.db"));
  database.exec(`UPDATE vaults SET tags = '{"hold":"no"}'`);
  database.close();
  const key = join(place.path, "aside.key");
  await rename(join(path, "secrets.key"), key);
  const shell = new Shell(place.path, {});
  const without = await shell.run(["verify", "--data", path]);
  assert.deepEqual(
    [without.code, /rows were not compared with their MACs: give --sealing-key/.test(without.stdout)],
    [0, true],
  );
  const given = await shell.run(["verify", "--data", path, "--sealing-key", key]);
  assert.equal(given.code, 1);
  assert.match(given.stdout, /^row-changed: a row of the table vaults is not as it was stored/);
  assert.doesNotMatch(given.stdout, /not compared/);
  const set = await shell.run(["verify", "--data", path], { environment: { MORAINE_SEALING_KEY_FILE: key } });
  assert.equal(set.code, 1);
  const missing = await shell.run(["verify", "--data", path, "--sealing-key", join(place.path, "none")]);
  assert.deepEqual([missing.code, missing.stdout], [2, ""]);
  await writeFile(key, Buffer.alloc(31));
  const short = await shell.run(["verify", "--data", path, "--sealing-key", key]);
  assert.match(short.stdout, /^secrets: .*aside\.key must have 32 bytes, and has 31/);
});
