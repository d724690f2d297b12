import assert from "node:assert/strict";
import { rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Finding } from "../packages/server/src/verify/finding.ts";
import type { Level } from "../packages/server/src/verify/verification.ts";
import { flipBit } from "../packages/server/test/support/flip-bit.ts";
import { Shell } from "./support/command.ts";
import { contentOf } from "./support/content.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";
import { damages } from "./support/verify/damages.ts";
import { arn, ids } from "./support/verify/filled-folder.ts";
import { copyOf, type Folders, filledFolders } from "./support/verify/folders.ts";
import { fileOf, findingsIn, stateOf } from "./support/verify/look.ts";

// A folder that a server has filled, verified as it is and with one thing damaged at a time.

const mebibyte = 1024 ** 2;
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
      const findings = await findingsIn(path, tried);
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

test("the command reports findings as lines or as JSON, and says by its exit code how it went", async () => {
  await using place = await temporaryFolder();
  const path = join(place.path, "data");
  await copyOf(folders.stopped, path);
  const shell = new Shell(place.path, {});
  const sound = await shell.run(["verify", "--data", path]);
  assert.equal(sound.code, 0, sound.stderr);
  assert.match(
    sound.stdout,
    /^no damage found\nchecked 3 vaults, 3 archives, 8 segments, \d+ audit entries; footers read \(--deep reads the bytes\); no server runs\n$/,
  );
  await rm(await fileOf(path, ids.single));
  const lines = await shell.run(["verify", "--quick", "--data", path]);
  assert.equal(lines.code, 1);
  assert.match(
    lines.stdout,
    new RegExp(
      `^segment-missing: .*\n  archive: ${ids.single}\n  vault: ${arn("photos")}\n  file: blobs/.*\n  to do: restore the file.*\n1 finding: damage found\n`,
    ),
  );
  const json = await shell.run(["verify", "--deep", "--json", "--data", path]);
  assert.equal(json.code, 1);
  const [finding, summary] = json.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual([finding.type, finding.code, finding.archive], ["finding", "segment-missing", ids.single]);
  assert.deepEqual([summary.type, summary.findings, summary.isComplete], ["summary", 1, true]);
  assert.ok(summary.bytes > 3 * mebibyte);
  for (const args of [
    ["--data", join(place.path, "none")],
    ["--subset", "3/2"],
    ["--quick", "--deep"],
    ["--nonsense"],
  ]) {
    const { code, stdout, stderr } = await shell.run(["verify", ...args]);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /^moraine: [^\n]+\n$/);
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
    for (const level of [...levels, ...levels]) {
      assert.deepEqual(await findingsIn(path, level), [], level);
    }
    await rm(await fileOf(path, ids.single));
    const [finding, ...others] = await findingsIn(path, "quick");
    assert.deepEqual([finding?.code, finding?.archive, others], ["segment-missing", ids.single, []]);
  } finally {
    isLoaded = false;
    assert.deepEqual(await load, [true, true]);
    http.close();
  }
});
