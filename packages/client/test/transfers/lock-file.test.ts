import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, mock, test } from "node:test";
import { LockFile } from "../../src/transfers/lock-file.ts";
import { thisProcess } from "../../src/transfers/lock-owner.ts";

let folder: string;
let path: string;
let locks = 0;
before(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), "moraine-lock-"));
});
after(() => fs.rm(folder, { recursive: true }));
afterEach(() => {
  mock.restoreAll();
  syncBuiltinESMExports();
});

/** A lock that is held so; and its path. */
async function held(text: string): Promise<string> {
  path = join(folder, `lock-${locks++}`);
  await fs.writeFile(path, text);
  return path;
}

const { pid: endedId } = spawnSync(process.execPath, ["--version"]);
const ended = { ...thisProcess(), processId: endedId, start: "1" };
const endedText = JSON.stringify(ended);
const names = async () => (await fs.readdir(folder)).filter((name) => join(folder, name).startsWith(path));

function withoutLinks(code: string): void {
  mock.method(fs, "link", () => Promise.reject(Object.assign(new Error(code), { code })));
  syncBuiltinESMExports();
}

test("a lock keeps others off until it is given back, and leaves nothing", async () => {
  await held("");
  await fs.rm(path);
  {
    await using _ = await LockFile.take(path);
    await assert.rejects(LockFile.take(path), { name: "TransferBusyError", message: /is at work/ });
  }
  assert.deepEqual(await names(), []);
});

test("the lock of a process that has ended is taken over", async () => {
  await using _ = await LockFile.take(await held(endedText));
  await assert.rejects(LockFile.take(path), { name: "TransferBusyError" });
  assert.equal((await names()).length, 1);
});

test("of two that find the lock of an ended process one gets it, also when the other is in between", async () => {
  await held(endedText);
  const { readFile } = fs;
  const taken: LockFile[] = [];
  // The second one takes it after the first has read who had it.
  mock.method(fs, "readFile", async (name: string) => {
    mock.restoreAll();
    syncBuiltinESMExports();
    const text = await readFile(name, "utf8");
    taken.push(await LockFile.take(path));
    return text;
  });
  syncBuiltinESMExports();
  await assert.rejects(LockFile.take(path), { name: "TransferBusyError" });
  assert.equal(taken.length, 1);
  await assert.rejects(LockFile.take(path), { name: "TransferBusyError" }, "and it keeps it");
  assert.equal((await names()).length, 1);
  await taken[0]?.[Symbol.asyncDispose]();
  assert.deepEqual(await names(), []);
});

for (const [where, differing] of [
  ["host", { host: "elsewhere.example" }],
  ["machine of the same name", { machineId: "another" }],
  ["start of a container", { bootId: "another", processNamespace: "pid:[1]" }],
  ["container", { processNamespace: "pid:[1]" }],
] as const) {
  test(`the lock of another ${where} is not judged, and the file to remove is named`, async () => {
    const text = JSON.stringify({ ...ended, ...differing });
    await assert.rejects(LockFile.take(await held(text)), ({ name, message }: Error) => {
      assert.equal(name, "TransferBusyError");
      assert.ok(message.includes(`the lock ${path}. Remove that file`), message);
      return true;
    });
    assert.equal(await fs.readFile(path, "utf8"), text);
  });
}

for (const code of ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]) {
  test(`a file system that answers ${code} to hard links has locks all the same`, async () => {
    withoutLinks(code);
    await using _ = await LockFile.take(await held(endedText));
    await assert.rejects(LockFile.take(path), { name: "TransferBusyError", message: /is at work/ });
    assert.equal((await names()).length, 1);
  });
}

test("an empty lock is about to be written, unless it is old", async () => {
  await held("");
  await assert.rejects(LockFile.take(path), { name: "TransferBusyError", message: /is taking the lock/ });
  await fs.utimes(path, 1, 1);
  await using _ = await LockFile.take(path);
  await assert.rejects(LockFile.take(path), { name: "TransferBusyError" });
});
