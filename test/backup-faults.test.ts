import assert from "node:assert/strict";
import { cp, readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { namesIn } from "../packages/server/src/backup/backup-folder.ts";
import { backUp, backupFindings, restored, runProgram } from "./support/backups/programs.ts";
import { type States, twoStates } from "./support/backups/states.ts";
import { DiskRig, type FaultRule } from "./support/disk-rig/rig.ts";
import { Random } from "./support/random.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";
import { findingsIn } from "./support/verify/look.ts";

// Backups and restores that are killed, and disks that fail meanwhile.

const seed = Number(process.env["BACKUP_SEED"] ?? Date.now() % 1_000_000);
const killsMade = Number(process.env["BACKUP_KILLS"] ?? 6);

let states: States;
before(async () => {
  states = await twoStates();
});
after(() => states[Symbol.asyncDispose]());

/** A copy of the folder with two backups, and a rig that watches it. */
async function rigged() {
  const place = await temporaryFolder();
  const target = join(place.path, "backups");
  await cp(states.backups, target, { recursive: true, preserveTimestamps: true });
  const rig = await DiskRig.create(place.path, place.path);
  return { place: place.path, target, rig, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() };
}

const argumentsOf = (target: string) => [target, "--data", states.late, "--keep", "1", "--json"];

/** The numbers of calls at which to kill: the first, the last, and seeded ones between them. */
function pointsUntil(last: number): number[] {
  const random = new Random(seed);
  const between = Array.from({ length: killsMade - 2 }, () => random.whole(1, last));
  return [1, ...between.sort((one, other) => one - other), last];
}

const changing = new Set(["write", "sync", "truncate", "create", "link", "unlink", "rename", "mkdir"]);

/** How many calls a run makes that change something. */
async function callsOf(rig: DiskRig): Promise<number> {
  return (await rig.events()).filter(({ kind }) => changing.has(kind)).length;
}

test(`killed at any call, a backup leaves the earlier ones whole, and the next one continues: seed ${seed}`, async () => {
  const calls = await (async () => {
    await using run = await rigged();
    assert.equal((await runProgram("backup", argumentsOf(run.target), run.rig.environment)).code, 0);
    return callsOf(run.rig);
  })();
  assert.ok(calls > 50, String(calls));
  const earlier = await readdir(join(states.backups, "backups"));
  for (const first of pointsUntil(calls)) {
    await using run = await rigged();
    await run.rig.fail({ call: "any", pattern: `${run.target}/*`, first, count: 1, outcome: "killed before" });
    await runProgram("backup", argumentsOf(run.target), run.rig.environment);
    const names = await readdir(join(run.target, "backups"));
    const isNew = names.some((name) => !earlier.includes(name));
    assert.ok(isNew || names.length === earlier.length, `${first}: ${names}`);
    assert.deepEqual(await backupFindings(run.target, "deep"), [], `killed at ${first} of ${calls}`);
    const next = await backUp({ dataFolder: states.late, target: run.target, keep: 1 });
    assert.deepEqual([next.missing, next.removed.failure], [[], null]);
    assert.deepEqual(await backupFindings(run.target, "deep"), []);
    await assertNothingLeft(run.target, next.manifest.segments.count);
  }
});

/** Nothing but the last backup: no folder of an interrupted one, and no segment of the early state. */
async function assertNothingLeft(target: string, segments: number): Promise<void> {
  assert.deepEqual(await readdir(join(target, "unfinished")), []);
  assert.deepEqual(await readdir(join(target, "expired")), []);
  const files = await readdir(join(target, "blobs"), { recursive: true, withFileTypes: true });
  assert.equal(files.filter((file) => file.isFile()).length, segments);
}

test(`killed at any call, a restore leaves a folder that no server takes, and continues: seed ${seed}`, async () => {
  const argumentsTo = (to: string) => [states.backups, to, "--json"];
  const calls = await (async () => {
    await using run = await rigged();
    assert.equal((await runProgram("restore", argumentsTo(join(run.place, "to")), run.rig.environment)).code, 0);
    return callsOf(run.rig);
  })();
  for (const first of pointsUntil(calls)) {
    await using run = await rigged();
    const to = join(run.place, "to");
    await run.rig.fail({ call: "any", pattern: `${to}*`, first, count: 1, outcome: "killed before" });
    await runProgram("restore", argumentsTo(to), run.rig.environment);
    const names = await namesIn(to);
    assert.ok(names.includes("moraine.db") || names.length === 0 || names.includes("restoring"), `${first}: ${names}`);
    if (names.length === 0 || names.includes("restoring")) {
      await restored({ source: states.backups, dataFolder: to });
    }
    assert.deepEqual(await findingsIn(to, "deep"), [], `killed at ${first} of ${calls}`);
    assert.deepEqual(
      (await readdir(to)).filter((name) => /partial|restoring/.test(name)),
      [],
    );
  }
});

/** Copies of segments that are not complete: 28 digits. */
const ofSegments = `*/unfinished/*/${"?".repeat(28)}.partial`;

const faults: ReadonlyArray<[what: string, rule: Omit<FaultRule, "pattern"> & { readonly pattern: string }]> = [
  [
    "the database's copy finds no room",
    { call: "write", pattern: "*/moraine.db.partial", first: 3, outcome: "ENOSPC" },
  ],
  ["a segment finds no room", { call: "write", pattern: ofSegments, outcome: "ENOSPC" }],
  ["a segment cannot be synced", { call: "sync", pattern: ofSegments, outcome: "EIO" }],
  ["a segment gets no name", { call: "rename", pattern: "*/blobs/*", outcome: "EIO" }],
  ["a folder of segments cannot be synced", { call: "sync", pattern: "*/blobs/??/??", outcome: "EIO" }],
  ["the manifest finds no room", { call: "write", pattern: "*/manifest.json", outcome: "ENOSPC" }],
  ["the manifest cannot be synced", { call: "sync", pattern: "*/manifest.json", outcome: "EIO" }],
  ["the quota is used up", { call: "create", pattern: "*/unfinished/*", first: 2, outcome: "EDQUOT" }],
];

for (const [what, rule] of faults) {
  test(`no backup is reported, and the earlier ones stay, when ${what}`, async () => {
    await using run = await rigged();
    await run.rig.fail({ ...rule, pattern: `${run.target}${rule.pattern}` });
    const failed = await runProgram("backup", argumentsOf(run.target), run.rig.environment);
    assert.deepEqual([failed.code, failed.stdout], [2, ""]);
    assert.match(failed.stderr, /^moraine: [^\n]+\n$/);
    assert.ok((await run.rig.faultCount()) > 0);
    assert.equal((await readdir(join(run.target, "backups"))).length, 2);
    assert.deepEqual(await backupFindings(run.target, "deep"), []);
    await run.rig.lift();
    const next = await backUp({ dataFolder: states.late, target: run.target, keep: 1 });
    await assertNothingLeft(run.target, next.manifest.segments.count);
  });
}
