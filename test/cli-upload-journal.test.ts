import assert from "node:assert/strict";
import { mkdir, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { asRoot, Shell } from "./support/command.ts";
import { contentOf } from "./support/content.ts";
import { DiskRig } from "./support/disk-rig/rig.ts";
import { endingOf, region } from "./support/server-process.ts";
import { UploadRig } from "./support/upload-rig.ts";

// Uploads by the command, killed at the worst moment or on a disk that fills up: one archive each, and its id is printed.

const mebibyte = 1024 ** 2;
const small = contentOf(51, 700_000);
const large = contentOf(52, 2 * mebibyte + 77);
const line = ["upload", "commands", "content", "--part-size", "1MiB"];

let rig: UploadRig;
let shell: Shell;
let state: string;
before(async () => {
  rig = await UploadRig.start("commands");
  state = join(rig.folder, "moraine", "uploads");
  const environment = { AWS_ENDPOINT_URL_GLACIER: rig.proxy.url, AWS_REGION: region, XDG_STATE_HOME: rig.folder };
  shell = new Shell(rig.folder, environment);
});
beforeEach(async () => {
  rig.proxy.change = () => undefined;
  await rm(state, { recursive: true, force: true });
  await mkdir(state, { recursive: true });
});
after(() => rig[Symbol.asyncDispose]());

const file = () => join(rig.folder, "content");
const journals = async () => (await readdir(state)).filter((name) => name.endsWith(".journal"));

test("a file of one part whose upload is killed once it is stored is not stored again by the same command", async () => {
  await writeFile(file(), small);
  const before = await rig.archiveIds();
  const from = rig.proxy.passed.length;
  rig.proxy.change = ({ method, path }) =>
    method === "POST" && path.endsWith("/archives") ? { swallowed: true } : undefined;
  const child = shell.start(line);
  const ended = endingOf(child);
  while (!rig.proxy.passed.slice(from).some(({ status }) => status === 201)) {
    assert.equal(child.exitCode, null);
    await sleep(2);
  }
  child.kill("SIGKILL");
  await ended;
  rig.proxy.change = () => undefined;
  const id = (await shell.done([...line, "--quiet"])).trim();
  assert.deepEqual(
    (await rig.archiveIds()).filter((each) => !before.includes(each)),
    [id],
  );
  assert.deepEqual(await journals(), []);
});

for (const [kind, bytes, records] of [
  ["in one request", small, 2],
  ["in parts", large, 3],
] as const) {
  test(`the id of an archive that was uploaded ${kind} is printed though the journal has no room for it`, async () => {
    await writeFile(file(), bytes);
    const disk = await DiskRig.create(rig.folder, state);
    await disk.fail({ call: "write", pattern: "*.journal", first: records + 1, outcome: "ENOSPC" });
    const { code, stdout, stderr } = await shell.run([...line, "--quiet"], {
      environment: { ...asRoot, ...disk.environment },
    });
    assert.equal(await disk.faultCount(), 1);
    const id = stdout.trim();
    assert.ok((await rig.archiveIds()).includes(id), stderr);
    assert.match(
      stderr,
      new RegExp(
        `^moraine: warning: Archive ${id} is stored, but its id could not be written to the journal \\(.*ENOSPC`,
      ),
    );
    assert.equal(code, 0);
  });

  test(`the id of an archive that was uploaded ${kind} is printed though nothing can be removed any more`, async () => {
    await writeFile(file(), bytes);
    const disk = await DiskRig.create(rig.folder, state);
    // The draft of a lock is removed when the lock is taken, the lock itself when all is done.
    await disk.fail(
      { call: "unlink", pattern: "*.journal", outcome: "EPERM" },
      { call: "unlink", pattern: "*.lock", outcome: "EPERM" },
    );
    const { code, stdout, stderr } = await shell.run([...line, "--quiet"], {
      environment: { ...asRoot, ...disk.environment },
    });
    assert.equal(await disk.faultCount(), 2);
    assert.deepEqual([code, (await rig.archiveIds()).includes(stdout.trim())], [0, true], stderr);
    assert.match(
      stderr,
      /^moraine: warning: Archive \S+ is stored, but a file of the upload could not be closed or removed: EPERM/,
    );
  });
}

test("no room for the journal at the start is said before anything is sent", async () => {
  await writeFile(file(), large);
  const disk = await DiskRig.create(rig.folder, state);
  await disk.fail({ call: "write", pattern: "*.journal", first: 2, outcome: "ENOSPC" });
  const [passed, ids] = [rig.proxy.passed.length, await rig.archiveIds()];
  await shell.refused(line, 1, /ENOSPC.*\nmoraine: Free some disk space/, {
    environment: { ...asRoot, ...disk.environment },
  });
  assert.deepEqual(rig.proxy.parts(passed), []);
  assert.equal(await shell.done(["upload", "list", "commands", "--quiet"]), "", "no upload is left at the service");
  assert.deepEqual(await rig.archiveIds(), ids);
});

test("a changed file is uploaded again where --if-changed says so, as a nightly job needs it", async () => {
  await writeFile(file(), large);
  const refusal = { status: 403, code: "AccessDeniedException", message: "no" };
  rig.proxy.change = ({ range }) => (range?.startsWith(`${mebibyte}-`) ? { refusal } : undefined);
  await shell.refused([...line, "--if-changed", "restart"], 5, /AccessDenied/);
  rig.proxy.change = () => undefined;
  await utimes(file(), 1, 1);
  await shell.refused(line, 1, /its source differs.*\nmoraine: .*--if-changed restart/);
  const { code, stdout, stderr } = await shell.run([...line, "--if-changed", "restart", "--quiet"]);
  assert.equal(code, 0);
  assert.match(
    stderr,
    /^moraine: warning: The upload in the journal is not resumed, since its source differs: a new one starts\n$/,
  );
  assert.ok((await rig.archiveIds()).includes(stdout.trim()));
  await shell.refused([...line, "--if-changed", "wait"], 2, /Allowed choices are restart, fail/);
});
