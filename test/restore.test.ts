import assert from "node:assert/strict";
import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { readArguments, usage } from "../packages/server/src/restore/arguments.ts";
import { flipBit } from "../packages/server/test/support/flip-bit.ts";
import { backUp, restored, runProgram } from "./support/backups/programs.ts";
import { type States, twoStates } from "./support/backups/states.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";
import { ids } from "./support/verify/filled-folder.ts";
import { copyOf } from "./support/verify/folders.ts";
import { fileOf, findingsIn, stateOf } from "./support/verify/look.ts";

// The words, flags and exit codes of `moraine restore`, and the histories that it refuses.

let states: States;
before(async () => {
  states = await twoStates();
});
after(() => states[Symbol.asyncDispose]());

async function copies() {
  const place = await temporaryFolder();
  const target = join(place.path, "backups");
  await cp(states.backups, target, { recursive: true, preserveTimestamps: true });
  const { manifest } = await backUp({ dataFolder: states.late, target });
  return {
    place: place.path,
    target,
    to: join(place.path, "to"),
    newest: manifest,
    names: await readdir(join(target, "backups")),
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  };
}

test("restores the newest backup, says what is in it, and changes nothing in the backups", async () => {
  await using at = await copies();
  const before = await stateOf(at.target);
  const made = await runProgram("restore", [at.target, at.to]);
  assert.deepEqual([made.code, made.stderr], [0, ""]);
  const { name, startedAt, auditHead, segments } = at.newest;
  const lines = [
    `restored the backup ${name} to ${at.to}`,
    `it holds what was acknowledged before ${startedAt}, up to audit entry ${auditHead.sequence}, of account 123456789012 in region us-east-1: ${segments.count} segments of ${segments.bytes} bytes`,
    `before a server can start: copy secrets.key to ${at.to}/secrets.key, with mode 0600`,
    "no damage found",
  ];
  assert.deepEqual(made.stdout.split("\n").slice(0, 4), lines);
  assert.deepEqual(await stateOf(at.target), before);
  for (const file of ["moraine.db", "history.json"]) {
    assert.equal((await stat(join(at.to, file))).mode & 0o777, 0o600);
  }
  assert.equal((await stat(at.to)).mode & 0o777, 0o700);
  const json = await runProgram("restore", [at.target, join(at.place, "json"), "--json"]);
  const [result, summary] = json.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    [json.code, result.type, result.name, result.lost, result.hasKey],
    [0, "restore", name, null, false],
  );
  assert.deepEqual([summary.type, summary.level, summary.findings], ["summary", "deep", 0]);
});

test("a restored folder starts with its key, and its trail has an entry about it", async () => {
  await using at = await copies();
  await restored({ source: at.target, dataFolder: at.to, keyFile: join(states.late, "secrets.key") });
  await using server = await startServer({ dataFolder: at.to });
  const http = new GlacierHttp(server.url);
  const { AuditEntries } = (await http.admin("GET", "/audit")) as {
    AuditEntries: ReadonlyArray<Record<string, unknown>>;
  };
  http.close();
  const entry = AuditEntries.find(({ Operation }) => Operation === "RestoreBackup");
  assert.deepEqual([entry?.["Subject"], entry?.["Sequence"]], [at.newest.name, at.newest.auditHead.sequence + 1]);
  await server.stop();
  assert.deepEqual(await findingsIn(at.to, "deep"), []);
  // The restored history continues the one of its backup.
  await backUp({ dataFolder: at.to, target: at.target });
});

test("refuses an older backup while a newer one is known, until the loss is accepted and recorded", async () => {
  await using at = await copies();
  const older = { source: at.target, dataFolder: at.to, backup: at.names[0] ?? "" };
  await assert.rejects(
    restored(older),
    new RegExp(`the backup ${at.newest.name} knows entry ${at.newest.auditHead.sequence}: .* add --accept-loss`),
  );
  assert.deepEqual(await readdir(at.place).then((names) => names.includes("to")), false);
  const { newer } = await restored({ ...older, acceptLoss: true });
  assert.equal(newer?.sequence, at.newest.auditHead.sequence);
  assert.deepEqual(await findingsIn(at.to, "deep"), []);
  await assert.rejects(backUp({ dataFolder: at.to, target: at.target }), /--accept-loss once/);
});

test("refuses a backup that is older than a signed anchor, or of another history", async () => {
  await using at = await copies();
  const data = join(at.place, "data");
  await copyOf(states.late, data);
  const anchors = join(at.place, "anchors.jsonl");
  const server = await startServer({ dataFolder: data, flags: ["--audit-anchor", anchors] });
  const http = new GlacierHttp(server.url);
  await http.createVault("new");
  http.close();
  // The end of a run is anchored.
  await server.stop();
  const options = { source: at.target, dataFolder: at.to, anchorFile: anchors };
  await assert.rejects(restored(options), /the anchor of \S+Z knows entry \d+: .* add --accept-loss/);
  await restored({ ...options, acceptLoss: true });
  await backUp({ dataFolder: data, target: at.target });
  const again = join(at.place, "again");
  await restored({ ...options, dataFolder: again });
  const text = await readFile(anchors, "utf8");
  await writeFile(anchors, text.replace(/"Hash":"./, '"Hash":"x'));
  await assert.rejects(restored(options), /The anchor in line \d is not signed by/);
  await writeFile(anchors, text);
  await assert.rejects(restored({ ...options, publicKey: "A".repeat(43) }), /is not signed by AAAA/);
  await writeFile(anchors, "nothing\n");
  await assert.rejects(restored(options), /Line 1 of the file of anchors is not an anchor/);
});

test("refuses a backup whose trail has another entry than an anchor names", async () => {
  await using at = await copies();
  const branch = join(at.place, "branch");
  await copyOf(states.early, branch);
  const anchors = join(at.place, "anchors.jsonl");
  const server = await startServer({ dataFolder: branch, flags: ["--audit-anchor", anchors] });
  const http = new GlacierHttp(server.url);
  await http.createVault("branch");
  http.close();
  await server.stop();
  await assert.rejects(
    restored({ source: at.target, dataFolder: at.to, anchorFile: anchors, acceptLoss: true }),
    /has another entry \d+ than the anchor of \S+Z: it was changed/,
  );
});

test("names what a damaged backup lacks, restores the rest, and says so by its exit code", async () => {
  await using at = await copies();
  await flipBit(await fileOf(at.target, ids.single), 5000);
  const made = await runProgram("restore", [at.target, at.to, "--json"]);
  assert.equal(made.code, 1);
  const lines = made.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    lines.map(({ type, code, archive }) => [type, code, archive].filter((value) => value !== undefined)),
    [["missing"], ["restore"], ["finding", "segment-missing", ids.single], ["summary"]],
  );
  await using server = await startServer({
    dataFolder: at.to,
    flags: ["--sealing-key", join(states.late, "secrets.key")],
  });
  const http = new GlacierHttp(server.url);
  assert.equal((await http.retrieve("other", ids.other)).length, 100);
  http.close();
});

test("continues an interrupted restore of the same backup, and refuses another", async () => {
  await using at = await copies();
  await mkdir(join(at.to, "blobs", "00", "00"), { recursive: true });
  await writeFile(join(at.to, "restoring"), `${at.names[0]}\n`);
  await assert.rejects(restored({ source: at.target, dataFolder: at.to }), /continue it with --backup \w+, or choose/);
  await writeFile(join(at.to, "restoring"), `${at.newest.name}\n`);
  await restored({ source: at.target, dataFolder: at.to });
  assert.deepEqual(await findingsIn(at.to, "deep"), []);
});

test("exits with 2 and one line for what it cannot do", async () => {
  await using at = await copies();
  const used = join(at.place, "used");
  await mkdir(used);
  await writeFile(join(used, "photo.jpg"), "");
  await writeFile(join(at.place, "key"), Buffer.alloc(32));
  for (const [args, message] of [
    [[], /Expected two folders, and got 0/],
    [[at.target, "s3://bucket/x"], /a bucket cannot be a data folder/],
    [[at.target, used], /is not empty \(it holds photo\.jpg\)/],
  ] as const) {
    const { code, stdout, stderr } = await runProgram("restore", args);
    assert.deepEqual([code, stdout], [2, ""], args.join(" "));
    assert.match(stderr, /^moraine: [^\n]+\n$/);
    assert.match(stderr, message);
  }
  const none = join(at.place, "none");
  for (const [given, message] of [
    [{ dataFolder: join(at.target, "blobs", "x") }, /lie in one another/],
    [{ source: used }, /not a folder of backups/],
    [{ backup: "20200101T000000Z" }, /There is no backup 20200101T000000Z; there are: \w+, \w+, \w+/],
    [{ keyFile: none }, /ENOENT.*none/],
    [{ anchorFile: none }, /ENOENT.*none/],
  ] as const) {
    await assert.rejects(restored({ source: at.target, dataFolder: at.to, ...given }), message);
  }
  assert.throws(() => readArguments(["a", "b", "--public-key", "x"]), /--public-key needs --anchor/);
  const options = { source: at.target, dataFolder: at.to };
  await flipBit(join(at.target, "backups", at.newest.name, "moraine.db"), 50_000);
  await assert.rejects(restored(options), /does not have its hash: choose another with --backup/);
  await rm(join(at.target, "backups", at.newest.name, "manifest.json"));
  await assert.rejects(restored(options), /cannot be used: ENOENT.*the newest readable one is --backup/);
  assert.deepEqual(await readdir(at.place), ["backups", "key", "used"]);
});

test("keeps its help to 40 columns", () => {
  for (const line of usage(40).split("\n")) {
    assert.ok(line.length <= 40 || !/\S \S/.test(line.trim()), line);
  }
});
