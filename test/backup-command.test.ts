import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { copyFile, cp, mkdir, readdir, readFile, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { readArguments, usage } from "../packages/server/src/backup/arguments.ts";
import { openForBackup } from "../packages/server/src/backup/backup-folder.ts";
import { flipBit } from "../packages/server/test/support/flip-bit.ts";
import { backUp, backupFindings, runProgram } from "./support/backups/programs.ts";
import { type States, twoStates } from "./support/backups/states.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";
import { ids } from "./support/verify/filled-folder.ts";
import { copyOf } from "./support/verify/folders.ts";
import { fileOf, stateOf } from "./support/verify/look.ts";

// The words, flags and exit codes of `moraine backup`, and the layout of a folder of backups.

let states: States;
before(async () => {
  states = await twoStates();
});
after(() => states[Symbol.asyncDispose]());

async function copies() {
  const place = await temporaryFolder();
  const [data, target] = [join(place.path, "data"), join(place.path, "backups")];
  await cp(states.backups, target, { recursive: true, preserveTimestamps: true });
  return {
    place: place.path,
    data,
    target,
    names: await readdir(join(target, "backups")),
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  };
}

async function segmentFiles(target: string): Promise<number> {
  const files = await readdir(join(target, "blobs"), { recursive: true, withFileTypes: true });
  return files.filter((file) => file.isFile()).length;
}

test("copies bytes: a backup shares no file with the data folder, and has no key", async () => {
  await using at = await copies();
  await backUp({ dataFolder: states.late, target: at.target });
  const files = await readdir(at.target, { recursive: true });
  assert.deepEqual(
    files.filter((name) => /key/.test(name)),
    [],
  );
  for (const id of states.lateIds) {
    const [copy, original] = [await fileOf(at.target, id), await fileOf(states.late, id)];
    assert.ok((await readFile(copy)).equals(await readFile(original)));
    assert.notEqual((await stat(copy)).ino, (await stat(original)).ino);
    assert.equal((await stat(copy)).mode & 0o777, 0o400);
  }
});

test("changes nothing in the data folder, and nothing of an earlier backup", async () => {
  await using at = await copies();
  await copyOf(states.late, at.data);
  const [data, earlier] = [await stateOf(at.data), await stateOf(at.target)];
  await backUp({ dataFolder: at.data, target: at.target });
  assert.deepEqual(await stateOf(at.data), data);
  const now = await stateOf(at.target);
  for (const [name, state] of Object.entries(earlier)) {
    const isFile = !state.endsWith(" ");
    assert.ok(!isFile || now[name] === state, name);
  }
});

test("keeps the given number of complete backups, all that they refer to, and files of others", async () => {
  await using at = await copies();
  await writeFile(join(at.target, "notes.txt"), "");
  await writeFile(join(at.target, "blobs", "notes.txt"), "");
  const third = await backUp({ dataFolder: states.late, target: at.target, keep: 2 });
  assert.deepEqual(third.removed, { backups: [at.names[0]], segments: 0, failure: null });
  assert.deepEqual(await readdir(join(at.target, "backups")), [at.names[1], third.manifest.name]);
  assert.deepEqual(await backupFindings(at.target, "deep"), []);
  const before = await segmentFiles(at.target);
  const fourth = await backUp({ dataFolder: states.late, target: at.target, keep: 1 });
  assert.deepEqual(fourth.removed.backups, [at.names[1], third.manifest.name].reverse());
  assert.deepEqual(await backupFindings(at.target, "deep"), []);
  // One file is not the backups' own. Three archives of the early state were deleted before the late one.
  const left = await segmentFiles(at.target);
  assert.deepEqual([left, before - left], [fourth.manifest.segments.count + 1, fourth.removed.segments]);
  assert.ok(fourth.removed.segments >= 3);
  await stat(join(at.target, "notes.txt"));
});

test("removes nothing while it cannot read what another backup needs, and says so", async () => {
  await using at = await copies();
  // SQLite alone would not notice this bit.
  await flipBit(join(at.target, "backups", String(at.names[1]), "moraine.db"), 96);
  const before = await segmentFiles(at.target);
  const ran = await runProgram("backup", [at.target, "--data", states.late, "--keep", "2"]);
  assert.equal(ran.code, 1);
  assert.match(ran.stdout, /^what is too old could not be removed: /m);
  assert.equal(await segmentFiles(at.target), before + Number(/(\d+) of them new/.exec(ran.stdout)?.[1]));
});

for (const [what, spoil, reason] of [
  [
    "a database that is none",
    (path: string) => mkdir(path).then(() => writeFile(join(path, "moraine.db"), "no database")),
    "file is not a database",
  ],
  ["a file in place of a folder", (path: string) => writeFile(path, ""), "ENOTDIR: not a directory"],
] as const) {
  test(`names an old backup that it cannot remove, and what to do about it: ${what}`, async () => {
    await using at = await copies();
    const path = join(at.target, "expired", "2026-01-01T000000Z");
    await spoil(path);
    const ran = await runProgram("backup", [at.target, "--data", states.late, "--keep", "1"]);
    assert.equal(ran.code, 1, ran.stderr);
    assert.match(ran.stdout, /^the backup \S+ is complete$/m);
    const failure = `what is too old could not be removed: the old backup ${path} cannot be removed (${reason}`;
    assert.ok(ran.stdout.includes(failure), ran.stdout);
    assert.match(ran.stdout, /: make it readable, or remove it by hand, /);
    await rm(path, { recursive: true });
    assert.equal(
      (await runProgram("backup", [at.target, "--data", states.late])).code,
      0,
      "the next one removes the rest",
    );
    assert.deepEqual(await readdir(join(at.target, "expired")), []);
  });
}

test("a backup that lacks segments says so, and pushes no complete one out", async () => {
  await using at = await copies();
  await copyOf(states.late, at.data);
  const lost = await fileOf(at.data, states.lateIds[0] ?? "");
  const damaged = await fileOf(at.data, states.lateIds[1] ?? "");
  await rename(lost, `${at.place}/aside`);
  await flipBit(damaged, 100);
  const ran = await runProgram("backup", [at.target, "--data", at.data, "--keep", "2", "--json"]);
  assert.equal(ran.code, 1);
  const lines = ran.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const missing = lines.filter(({ type }) => type === "missing");
  assert.deepEqual(missing.map(({ file }) => join(at.data, file)).sort(), [lost, damaged].sort());
  assert.deepEqual([lines.at(-1).type, lines.at(-1).missingSegments, lines.at(-1).removedBackups], ["backup", 2, []]);
  const codes = (await backupFindings(at.target, "quick")).map(({ code }) => code);
  assert.deepEqual(codes, ["backup-incomplete", "backup-segment", "backup-segment"]);
  await rename(`${at.place}/aside`, lost);
  await flipBit(damaged, 100);
  const next = await backUp({ dataFolder: at.data, target: at.target, keep: 2 });
  assert.equal(next.manifest.missingSegments, 0);
  assert.deepEqual(next.removed.backups, [at.names[0]]);
  // The next backup has the segments that the incomplete one lacked.
  assert.deepEqual(
    (await backupFindings(at.target, "deep")).map(({ code }) => code),
    ["backup-incomplete"],
  );
});

test("a segment that only an earlier backup still has is in the next one too", async () => {
  await using at = await copies();
  await copyOf(states.early, at.data);
  await rm(await fileOf(at.data, ids.single));
  const { manifest, missing } = await backUp({ dataFolder: at.data, target: at.target });
  assert.deepEqual([manifest.missingSegments, missing], [0, []]);
  assert.deepEqual(await backupFindings(at.target, "deep"), []);
});

const damages: ReadonlyArray<{
  readonly what: string;
  readonly code: string;
  readonly level: "quick" | "deep";
  damage(target: string, newest: string): Promise<void>;
}> = [
  {
    what: "a bit of a segment",
    code: "backup-segment",
    level: "deep",
    damage: async (target) => flipBit(await fileOf(target, ids.single), 1_500_000),
  },
  {
    what: "a bit of a footer",
    code: "backup-segment",
    level: "deep",
    damage: async (target) =>
      flipBit(await fileOf(target, ids.other), (await stat(await fileOf(target, ids.other))).size - 60),
  },
  {
    what: "the place of two segments",
    code: "backup-segment",
    level: "deep",
    async damage(target) {
      const files = await Promise.all([0, 1, 2, 3].map((index) => fileOf(target, ids.parts, index)));
      const sized = await Promise.all(files.map(async (file) => ({ file, size: (await stat(file)).size })));
      const [one = "", other = ""] = sized.sort((first, second) => second.size - first.size).map(({ file }) => file);
      await rm(one);
      await copyFile(other, one);
    },
  },
  {
    what: "the end of a segment",
    code: "backup-segment",
    level: "quick",
    damage: async (target) => truncate(await fileOf(target, ids.other), 90),
  },
  {
    what: "a segment",
    code: "backup-segment",
    level: "quick",
    damage: async (target) => rm(await fileOf(target, ids.single)),
  },
  {
    what: "a bit of the database",
    code: "backup-database",
    level: "quick",
    damage: (target, newest) => flipBit(join(target, "backups", newest, "moraine.db"), 50_000),
  },
  {
    what: "the database",
    code: "backup-database",
    level: "quick",
    damage: (target, newest) => rm(join(target, "backups", newest, "moraine.db")),
  },
  {
    what: "a digit of the manifest",
    code: "backup-manifest",
    level: "quick",
    async damage(target, newest) {
      const file = join(target, "backups", newest, "manifest.json");
      await writeFile(file, (await readFile(file, "utf8")).replace(/"generation": (\d+)/, '"generation": 1$1'));
    },
  },
  {
    what: "the manifest",
    code: "backup-manifest",
    level: "quick",
    damage: (target, newest) => rm(join(target, "backups", newest, "manifest.json")),
  },
];

for (const { what, code, level, damage } of damages) {
  test(`--check names a backup that has lost ${what}`, async () => {
    await using at = await copies();
    const newest = at.names[1] ?? "";
    await damage(at.target, newest);
    for (const tried of ["quick", "deep"] as const) {
      const findings = await backupFindings(at.target, tried);
      const isFound = tried === "deep" || level === "quick";
      assert.deepEqual([...new Set(findings.map((finding) => finding.code))], isFound ? [code] : [], tried);
      assert.ok(findings.every(({ backup, file }) => backup === newest && (file ?? "").length > 0));
    }
  });
}

test("reports a check as lines or as JSON, and damage by its exit code", async () => {
  await using at = await copies();
  const sound = await runProgram("backup", [at.target, "--check"]);
  assert.deepEqual([sound.code, sound.stderr], [0, ""]);
  assert.match(sound.stdout, /^no damage found\nchecked 2 backups with \d+ segments of \d+ bytes; every byte read\n$/);
  await rm(await fileOf(at.target, ids.single));
  const lines = await runProgram("backup", ["--check", "--quick", at.target]);
  assert.equal(lines.code, 1);
  assert.match(
    lines.stdout,
    new RegExp(
      `^backup-segment: the segment's file is missing\n {2}backup: \\w+\n {2}file: blobs/.*${ids.single}.*\n1 finding: damage found\n`,
    ),
  );
  const json = await runProgram("backup", ["--check", at.target, "--json"]);
  const [finding, summary] = json.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual([json.code, finding.type, finding.code], [1, "finding", "backup-segment"]);
  assert.deepEqual([summary.type, summary.backups, summary.findings, summary.level], ["summary", 2, 1, "deep"]);
});

test("copies the key to a file of its own, and never over another key or next to what it opens", async () => {
  await using at = await copies();
  await copyOf(states.early, at.data);
  const key = join(at.place, "key");
  for (const _ of [1, 2]) {
    await backUp({ dataFolder: at.data, target: at.target, keyTo: key });
    assert.ok((await readFile(key)).equals(await readFile(join(at.data, "secrets.key"))));
    assert.equal((await stat(key)).mode & 0o777, 0o600);
  }
  const inside = { dataFolder: at.data, target: at.target, keyTo: join(at.target, "key") };
  await assert.rejects(backUp(inside), /lies in the folder of backups/);
  await writeFile(key, Buffer.alloc(32));
  await assert.rejects(backUp({ ...inside, keyTo: key }), /holds another key/);
  await rm(join(at.data, "secrets.key"));
  await assert.rejects(backUp({ ...inside, keyTo: join(at.place, "new") }), /--sealing-key/);
  const { manifest } = await backUp({ dataFolder: at.data, target: at.target });
  assert.equal(manifest.sealingKey, "elsewhere");
});

test("refuses a data folder that does not continue the newest backup, until the loss is accepted", async () => {
  await using at = await copies();
  await backUp({ dataFolder: states.late, target: at.target });
  const older = { dataFolder: states.early, target: at.target };
  await assert.rejects(backUp(older), /does not have entry \d+ of the backup .* --accept-loss once/);
  const accepted = await backUp({ ...older, acceptLoss: true });
  await backUp(older);
  // Names sort by age, also when the clock was set back.
  const again = await backUp({ ...older, now: () => new Date(0) });
  assert.ok(again.manifest.name > accepted.manifest.name);
});

test("exits with 2 and one line for what it cannot do", async () => {
  await using at = await copies();
  const foreign = join(at.place, "foreign");
  await mkdir(foreign);
  await writeFile(join(foreign, "photo.jpg"), "");
  await copyOf(states.early, at.data);
  for (const [args, message] of [
    [[], /Expected one place, and got 0/],
    [["ftp://bucket/backups"], /Invalid place "ftp:.*": expected a folder, or s3:/],
    [["s3://bucket/backups?acl=public"], /Unknown setting "acl"/],
    [["s3://bucket/backups?endpoint=nowhere"], /Invalid endpoint "nowhere"/],
    [[foreign, "--data", at.data], /not a folder of backups: it holds other files \(photo\.jpg\)/],
  ] as const) {
    const { code, stdout, stderr } = await runProgram("backup", args);
    assert.deepEqual([code, stdout], [2, ""], args.join(" "));
    assert.match(stderr, /^moraine: [^\n]+\n$/);
    assert.match(stderr, message);
  }
  for (const [target, dataFolder, message] of [
    [at.data, at.data, /lie in one another/],
    [join(at.data, "backups"), at.data, /lie in one another/],
    [at.place, at.data, /lie in one another/],
    [join(at.place, "no", "parent"), at.data, /make its parent first, or mount the disk/],
    [at.target, join(at.place, "none"), /data folder .* cannot be opened/],
    [at.target, foreign, /is not a data folder/],
  ] as const) {
    await assert.rejects(backUp({ target, dataFolder }), message);
  }
  await assert.rejects(backupFindings(foreign, "quick"), /has no folder "backups"/);
  await assert.rejects(backupFindings(join(at.place, "none"), "quick"), /cannot be opened/);
  for (const args of [
    "a b",
    "a --keep 0",
    "a --keep x",
    "a --max-rate 0",
    "a --max-rate x",
    "a --quick",
    "a --check --keep 1",
    "a --check --data x",
    "a --nonsense",
  ]) {
    assert.throws(() => readArguments(args.split(" "), {}), Error, args);
  }
});

test("makes one backup at a time in a folder, and checks none meanwhile", async () => {
  await using at = await copies();
  using _held = await openForBackup(at.target, states.late);
  await assert.rejects(backUp({ dataFolder: states.late, target: at.target }), /in use by another process/);
  await assert.rejects(backupFindings(at.target, "quick"), /in use by another process/);
});

test("each segment's copy has the bytes of its name in every backup", async () => {
  await using at = await copies();
  await backUp({ dataFolder: states.late, target: at.target });
  const hashes = async (folder: string) => {
    const found = new Map<string, string>();
    for (const file of await readdir(join(folder, "blobs"), { recursive: true, withFileTypes: true })) {
      if (file.isFile()) {
        found.set(
          file.name,
          createHash("sha256")
            .update(await readFile(join(file.parentPath, file.name)))
            .digest("hex"),
        );
      }
    }
    return found;
  };
  const copied = await hashes(at.target);
  for (const folder of [states.early, states.late]) {
    for (const [name, hash] of await hashes(folder)) {
      assert.equal(copied.get(name), hash, name);
    }
  }
});

test("keeps its help to 40 columns", () => {
  for (const line of usage(40).split("\n")) {
    assert.ok(line.length <= 40 || !/\S \S/.test(line.trim()), line);
  }
});
