import assert from "node:assert/strict";
import { open, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { readArguments, usage } from "../packages/server/src/repair/arguments.ts";
import { Shell } from "./support/command.ts";
import { DiskRig, type FaultRule } from "./support/disk-rig/rig.ts";
import { archivesIn, repair } from "./support/repair.ts";
import { startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";
import { arn, ids } from "./support/verify/filled-folder.ts";
import { copyOf, type Folders, filledFolders } from "./support/verify/folders.ts";
import { findingsIn, stateOf } from "./support/verify/look.ts";

// The words, flags and exit codes of `moraine repair`, and its interruption anywhere.

let folders: Folders;
before(async () => {
  folders = await filledFolders();
});
after(() => folders[Symbol.asyncDispose]());

async function place() {
  const folder = await temporaryFolder();
  const path = join(folder.path, "data");
  await copyOf(folders.stopped, path);
  const shell = new Shell(folder.path, {});
  return { path, folder: folder.path, shell, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

test("lists what is to be done, does it with --apply, and says by its exit code whether anything is left", async () => {
  await using at = await place();
  await rm(join(at.path, "moraine.db"));
  const planned = await at.shell.run(["repair", at.path]);
  assert.deepEqual([planned.code, planned.stderr], [1, ""]);
  assert.match(
    planned.stdout,
    new RegExp(`archive-linked: .*\n  vault: ${arn("photos")}\n  archive: ${ids.single}\n  note: .*\n`),
  );
  assert.match(
    planned.stdout,
    /\n\d+ actions to do; nothing was changed: --apply makes the changes\n4 archives linked, 0 /,
  );
  const done = await at.shell.run(["repair", "--apply", "--json"], { environment: { MORAINE_DATA: at.path } });
  assert.deepEqual([done.code, done.stderr], [0, ""]);
  const lines = done.stdout.trim().split("\n");
  const actions = lines.map((line) => JSON.parse(line));
  assert.deepEqual([actions[0].type, actions[0].code], ["action", "database-rebuilt"]);
  assert.match(actions[0].consequence, /locks/);
  assert.deepEqual(actions.at(-1), {
    ...{ type: "summary", actions: actions.length - 1, archives: 4, left: 0, isApplied: true },
  });
  const again = await at.shell.run(["repair", at.path, "--apply"]);
  assert.deepEqual([again.code, again.stdout, again.stderr], [0, "nothing to repair\n", ""]);
});

test("exits with 2 and one line when it cannot run, and changes nothing", async () => {
  await using at = await place();
  for (const args of [[join(at.folder, "none")], [at.folder], ["--nonsense"], [at.path, "other"]]) {
    const { code, stdout, stderr } = await at.shell.run(["repair", ...args]);
    assert.deepEqual([code, stdout], [2, ""], args.join(" "));
    assert.match(stderr, /^moraine: [^\n]+\n$/);
  }
  assert.throws(() => readArguments(["--apply=yes"], {}));
  assert.equal(readArguments(["--help"], {}), null);
  assert.match(usage(60), /^moraine repair /);
  await using server = await startServer({ dataFolder: at.path });
  for (const flags of [[], ["--apply"]]) {
    const { code, stderr } = await at.shell.run(["repair", at.path, ...flags]);
    assert.equal(code, 2);
    assert.match(stderr, /^moraine: .* is in use by its server: stop it first\n$/);
  }
  await server.stop();
});

test("a damaged database is not replaced without --rebuild", async () => {
  await using at = await place();
  const file = await open(join(at.path, "moraine.db"), "r+");
  await file.write(Buffer.alloc(100, 0xff), 0, 100, 6 * 4096);
  await file.close();
  const before = await stateOf(at.path);
  const { code, stderr } = await at.shell.run(["repair", at.path, "--apply"]);
  assert.equal(code, 2);
  assert.match(stderr, /^moraine: .*--rebuild.*\n$/);
  assert.deepEqual(await stateOf(at.path), before);
});

const interruptions: ReadonlyArray<Omit<FaultRule, "count">> = [
  { call: "write", pattern: "*/moraine.db.rebuilding*", first: 3, outcome: "killed before" },
  { call: "rename", pattern: "*/quarantine/*", first: 1, outcome: "killed after" },
  { call: "rename", pattern: "*/data/moraine.db", first: 1, outcome: "killed before" },
  { call: "rename", pattern: "*/history.json", first: 1, outcome: "killed before" },
  { call: "rename", pattern: "*/quarantine/*", first: 3, outcome: "killed before" },
];

for (const rule of interruptions) {
  test(`interrupted and run again, it has the same result: ${rule.outcome} ${rule.call} ${rule.first} of ${rule.pattern}`, async () => {
    await using at = await place();
    await writeFile(join(at.path, "moraine.db"), "no database");
    const rig = await DiskRig.create(at.folder, null);
    await rig.fail({ ...rule, count: 1 });
    const killed = await at.shell.run(["repair", at.path, "--apply"], { environment: rig.environment });
    assert.equal(killed.signal, "SIGKILL", killed.stderr);
    await rig.lift();
    assert.equal((await repair(at.path)).left, 0);
    assert.deepEqual(await findingsIn(at.path, "deep"), []);
    assert.deepEqual(archivesIn(at.path), await uninterrupted());
    assert.ok((await readdir(join(at.path, "quarantine"))).includes("moraine.db"), "the old database is kept");
    assert.ok(!(await readdir(at.path)).some((name) => name.includes("rebuilding")));
  });
}

let expected: ReturnType<typeof archivesIn> | undefined;
async function uninterrupted(): Promise<ReturnType<typeof archivesIn>> {
  if (expected === undefined) {
    await using at = await place();
    await rm(join(at.path, "moraine.db"));
    await repair(at.path);
    expected = archivesIn(at.path);
    assert.equal(expected.length, 4);
  }
  return expected;
}
