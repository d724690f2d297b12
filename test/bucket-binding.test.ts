import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  cleanEnvironment,
  type Ending,
  endingOf,
  runServer,
  serverProgram,
  startServer,
  within,
} from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// A data folder whose archives are in a bucket: what does not reach the bucket says so, and reports nothing else.

let folder: Awaited<ReturnType<typeof temporaryFolder>>;

before(async () => {
  folder = await temporaryFolder();
  await (await startServer({ dataFolder: folder.path })).stop();
  const binding = { id: "0", place: "s3://bucket/archives", isBound: true };
  await writeFile(join(folder.path, "blobs.json"), `${JSON.stringify(binding)}\n`);
});
after(() => folder[Symbol.asyncDispose]());

function run(name: string, ...args: string[]): Promise<Ending> {
  const program = serverProgram(name);
  const child = spawn(process.execPath, ["--conditions=@moraine/source", program, ...args], {
    env: cleanEnvironment(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  return within(30_000, endingOf(child), name);
}

for (const [name, ...args] of [
  ["verify", "--quick"],
  ["verify", "--deep"],
  ["repair"],
  ["repair", "--rebuild"],
] as const) {
  test(`${[name, ...args].join(" ")} refuses archives in a bucket`, async () => {
    const { code, stdout, stderr } = await run(name, ...(name === "verify" ? ["--data"] : []), folder.path, ...args);
    assert.deepEqual([code, stdout], [2, ""], stderr);
    assert.match(stderr, /^moraine: The archives of \S+ are in s3:\/\/bucket\/archives: [^\n]+\n$/);
  });
}

test("backup refuses archives in a bucket, and leaves nothing in the place of backups", async () => {
  await using backups = await temporaryFolder();
  const target = join(backups.path, "backups");
  const { code, stdout, stderr } = await run("backup", target, "--data", folder.path);
  assert.deepEqual([code, stdout], [2, ""], stderr);
  assert.match(stderr, /^moraine: The archives of \S+ are in s3:\/\/bucket\/archives: [^\n]+\n$/);
});

test("a server refuses the folder without the bucket, and with a mirror or another bucket", async () => {
  const start = (...flags: string[]) => runServer(["--data", folder.path, "--listen", "127.0.0.1:0", ...flags]);
  for (const flags of [[], ["--mirror", `${folder.path}-mirror`], ["--blobs", "s3://bucket/others"]]) {
    const { code, stderr } = await start(...flags);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /are in s3:\/\/bucket\/archives.*: give --blobs s3:\/\/bucket\/archives\n$/);
  }
});

test("a damaged note of the bucket is an error, and never taken for none", async () => {
  await using copy = await temporaryFolder();
  await (await startServer({ dataFolder: copy.path })).stop();
  for (const text of ["", "{}", '{"id":1,"place":"s3://bucket/archives","isBound":true}']) {
    await writeFile(join(copy.path, "blobs.json"), text);
    const { code, stderr } = await runServer(["--data", copy.path, "--listen", "127.0.0.1:0"]);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /blobs\.json is damaged/);
    assert.match((await run("verify", "--data", copy.path)).stderr, /blobs\.json is damaged/);
  }
});
