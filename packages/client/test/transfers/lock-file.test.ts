import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, mock, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { LockFile } from "../../src/transfers/journal/lock-file.ts";
import { thisProcess } from "../../src/transfers/journal/lock-owner.ts";

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

/** Creates a lock with this owner; returns its path. */
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
    await assert.rejects(LockFile.take(path), { name: "TransferBusyError", message: /works on the same/ });
  }
  assert.deepEqual(await names(), []);
});

test("the lock of a process that has ended is taken over", async () => {
  await using _ = await LockFile.take(await held(endedText));
  await assert.rejects(LockFile.take(path), { name: "TransferBusyError" });
  assert.equal((await names()).length, 1);
});

test("the lock of an ended process is taken over by one of two processes, even when their steps interleave", async () => {
  await held(endedText);
  const { readFile } = fs;
  const taken: LockFile[] = [];
  // The second one takes it after the first has read its owner.
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

const quick = { heartbeatMilliseconds: 50, abandonedMilliseconds: 300 };
/** Outlasts the heartbeats of a busy machine. */
const patient = { heartbeatMilliseconds: 50, abandonedMilliseconds: 20_000 };

test("host names do not matter for processes with the same boot id", async () => {
  const renamed = { ...thisProcess(), host: "renamed.example", machineId: "of-an-image" };
  await assert.rejects(LockFile.take(await held(JSON.stringify(renamed))), { name: "TransferBusyError" });
  await using _ = await LockFile.take(await held(JSON.stringify({ ...ended, host: "renamed.example" })));
});

const unseen = [
  ["host", { host: "elsewhere.example", bootId: "another" }],
  ["machine of the same name", { machineId: "another", bootId: "another" }],
  ["start of a container", { bootId: "another", processNamespace: "pid:[1]" }],
  ["container", { processNamespace: "pid:[1]" }],
  ["container under another name", { host: "elsewhere.example", processNamespace: "pid:[1]" }],
  ["renamed host that does not tell its starts", { host: "elsewhere.example", bootId: null, start: null }],
] as const;

for (const [where, differing] of unseen) {
  const text = JSON.stringify({ ...thisProcess(), ...differing });

  test(`the lock of another ${where} is taken over once it is silent`, async () => {
    const messages: string[] = [];
    const onWait = (message: string) => messages.push(message);
    await using lock = await LockFile.take(await held(text), { ...quick, onWait });
    await lock.assertHeld();
    assert.equal(messages.length, 1);
    assert.match(messages[0] ?? "", /is taken over unless its owner writes to it within 1 s$/);
  });

  test(`the lock of another ${where} stays as long as its owner shows that it is alive`, async () => {
    await held(text);
    const alive = setInterval(() => void fs.writeFile(path, text, { flag: "r+" }), 20);
    try {
      const message = /^Process \d+ of \S+, another machine or container, works on the same transfer/;
      await assert.rejects(LockFile.take(path, patient), { name: "TransferBusyError", message });
    } finally {
      clearInterval(alive);
    }
    assert.equal(await fs.readFile(path, "utf8"), text);
  });
}

test("an old lock is watched for one heartbeat, for a process that was suspended is alive", async () => {
  const text = JSON.stringify({ ...thisProcess(), processNamespace: "pid:[1]" });
  await held(text);
  await fs.utimes(path, 1, 1);
  const patient = { heartbeatMilliseconds: 5000, abandonedMilliseconds: 20_000 };
  const wakes = (): void => void fs.writeFile(path, text, { flag: "r+" });
  await assert.rejects(LockFile.take(path, { ...patient, onWait: wakes }), { name: "TransferBusyError" });
});

test("a wait for a silent owner ends with the signal", async () => {
  const signal = AbortSignal.abort(new Error("stop"));
  await held(JSON.stringify({ ...thisProcess(), processNamespace: "pid:[1]" }));
  await assert.rejects(LockFile.take(path, { signal }), { name: "AbortError" });
});

test("a lock is written to at intervals while it is held", async () => {
  await held("");
  await fs.rm(path);
  await using _ = await LockFile.take(path, quick);
  for (let beat = 0; beat < 2; beat += 1) {
    await fs.utimes(path, 1, 1);
    while ((await fs.stat(path)).mtimeMs === 1000) {
      await sleep(5);
    }
  }
});

for (const [what, change] of [
  ["taken over by another process", () => fs.writeFile(path, "another")],
  ["removed", () => fs.rm(path)],
] as const) {
  test(`the owner of a lock is notified when it was ${what}`, async () => {
    await held("");
    await fs.rm(path);
    await using lock = await LockFile.take(path, quick);
    const lost = once(lock.lost, "abort");
    await change();
    await lost;
    assert.match(String(lock.lost.reason), new RegExp(`^TransferBusyError: The lock ${path} was ${what}`));
    await assert.rejects(lock.assertHeld(), { name: "TransferBusyError" });
  });
}

for (const code of ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]) {
  test(`a file system that answers ${code} to hard links has locks all the same`, async () => {
    withoutLinks(code);
    await using _ = await LockFile.take(await held(endedText));
    await assert.rejects(LockFile.take(path), { name: "TransferBusyError", message: /works on the same/ });
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
