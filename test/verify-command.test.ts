import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { chmod, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { readArguments, usage } from "../packages/server/src/verify/arguments.ts";
import { advice, type Finding } from "../packages/server/src/verify/finding.ts";
import { textTo } from "../packages/server/src/verify/report.ts";
import { verifyFolder } from "../packages/server/src/verify/verify-folder.ts";
import { Shell } from "./support/command.ts";
import { repositoryRoot } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";
import { arn, ids } from "./support/verify/filled-folder.ts";
import { copyOf, type Folders, filledFolders } from "./support/verify/folders.ts";
import { fileOf, findingsIn } from "./support/verify/look.ts";

// The words, flags and exit codes of `moraine verify`.

const mebibyte = 1024 ** 2;

let folders: Folders;
before(async () => {
  folders = await filledFolders();
});
after(() => folders[Symbol.asyncDispose]());

test("reports findings as paragraphs or as JSON, and whether it found any by its exit code", async () => {
  await using place = await temporaryFolder();
  const path = join(place.path, "data");
  await copyOf(folders.stopped, path);
  const shell = new Shell(place.path, {});
  const sound = await shell.run(["verify", "--data", path]);
  assert.deepEqual([sound.code, sound.stderr], [0, ""]);
  assert.match(
    sound.stdout,
    /^no damage found\nchecked 3 vaults, 3 archives, 11 segments, \d+ audit entries; footers read \(--deep reads the bytes\); no server runs\n$/,
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
  const json = await shell.run(["verify", "--deep", "--json"], { environment: { MORAINE_DATA: path } });
  assert.equal(json.code, 1);
  const [finding, summary] = json.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual([finding.type, finding.code, finding.archive], ["finding", "segment-missing", ids.single]);
  assert.deepEqual([summary.type, summary.findings, summary.isComplete], ["summary", 1, true]);
  assert.ok(summary.bytes > 3 * mebibyte);
  await truncate(join(path, "moraine.db"));
  const lost = await shell.run(["verify", "--data", path]);
  assert.equal(lost.code, 1);
  assert.match(
    lost.stdout,
    /^database-unreadable: the database is missing or empty, .*\n {2}file: moraine\.db\n {2}to do: /,
  );
});

test("exits with 2 and one line when it cannot check", async () => {
  await using place = await temporaryFolder();
  const shell = new Shell(place.path, {});
  for (const args of [
    ["--data", join(place.path, "none")],
    ["--data", place.path],
    ["--quick", "--deep"],
    ["--data", "--deep"],
    ["--nonsense"],
  ]) {
    const { code, stdout, stderr } = await shell.run(["verify", ...args]);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /^moraine: [^\n]+\n$/);
  }
  for (const args of [["--subset", "3/2"], ["--subset", "0/2"], ["--max-duration", "soon"], ["photos"]]) {
    assert.throws(() => readArguments(args, {}), Error, args.join(" "));
  }
});

test("names the file that it may not read", async () => {
  await using place = await temporaryFolder();
  const path = join(place.path, "data");
  await copyOf(folders.stopped, path);
  await chmod(place.path, 0o755);
  await chmod(path, 0o755);
  await chmod(join(path, "moraine.db"), 0o000);
  process.seteuid?.(65_534);
  try {
    await assert.rejects(findingsIn(path, "quick"), /^Error: EACCES: permission denied, open '.*moraine\.db'$/);
  } finally {
    process.seteuid?.(0);
  }
});

test("each part of a subset reads other bytes, and all parts read every byte once", async () => {
  await using place = await temporaryFolder();
  const bytesOf = async (subset: { index: number; count: number } | null) => {
    let bytes = 0;
    const options = { level: "deep", subset, deadline: Infinity, makeTemporaryFolder: () => place.path } as const;
    const report = {
      finding: () => assert.fail(),
      summary(totals: { readonly bytes: number }) {
        bytes = totals.bytes;
      },
    };
    assert.equal(await verifyFolder(folders.stopped, options, report), 0);
    return bytes;
  };
  const parts = [
    await bytesOf({ index: 1, count: 3 }),
    await bytesOf({ index: 2, count: 3 }),
    await bytesOf({ index: 3, count: 3 }),
  ];
  const whole = await bytesOf(null);
  assert.equal(
    parts.reduce((sum, bytes) => sum + bytes),
    whole,
  );
  assert.ok(Math.max(...parts) < whole);
});

test("says that it was stopped before everything was checked", async () => {
  await using place = await temporaryFolder();
  const lines: string[] = [];
  const options = { level: "deep", subset: null, deadline: 0, makeTemporaryFolder: () => place.path } as const;
  assert.equal(
    await verifyFolder(
      folders.stopped,
      options,
      textTo((line) => lines.push(line), 80),
    ),
    0,
  );
  assert.match(lines.join("\n"), /stopped by --max-duration before everything was checked/);
});

test("keeps to 40 columns, and shows no control characters of a changed row", () => {
  const lines: string[] = [];
  const report = textTo((line) => lines.push(...line.split("\n")), 40);
  const finding: Finding = {
    code: "audit-chain",
    message: "entry \u001b[2J\n\u202e7 was changed, and the one after it as well",
    vault: arn("photos"),
  };
  report.finding(finding);
  const totals = { vaults: 1, archives: 1, segments: 1, cold: 2, bytes: 1, auditEntries: 1, findings: 1 };
  report.summary(totals, {
    source: "no server runs",
    level: "deep",
    subset: { index: 1, count: 2 },
    mirror: "unread",
    hasRowKey: false,
    isComplete: false,
  });
  assert.match(lines.join("\n"), /\\u001b\[2J\\u000a\\u202e7 was/);
  for (const line of [...lines, ...usage(40).split("\n")]) {
    assert.ok(line.length <= 40 || !/\S \S/.test(line.trim().replace(/^[\w ]+: /, "")), line);
  }
});

test("the page of operation has each code", () => {
  const page = readFileSync(join(repositoryRoot, "docs/operating.md"), "utf8");
  const missing = Object.keys(advice).filter((code) => !page.includes(`\`${code}\``));
  assert.deepEqual(missing, []);
});
