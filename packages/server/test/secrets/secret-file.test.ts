import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { secretFile } from "../../src/secrets/secret-file.ts";

const folders: string[] = [];

after(async () => {
  for (const folder of folders) {
    await rm(folder, { recursive: true, force: true });
  }
});

const make = () => randomBytes(32);

test("a missing secret is made for its owner alone, and read from then on", async () => {
  const { folder, path } = await newPath();
  const made = await secretFile(path, 32, make);
  assert.equal((await stat(path)).mode & 0o7777, 0o600);
  assert.deepEqual(await readdir(folder), ["secrets.key"]);
  assert.deepEqual(await secretFile(path, 32, make), made);
  assert.deepEqual(await secretFile(path, 32, null), made);
});

for (const sizeBytes of [0, 31]) {
  test(`a secret of ${sizeBytes} bytes is replaced while nothing is sealed, and refused afterwards`, async () => {
    const { folder, path } = await newPath();
    await writeFile(path, Buffer.alloc(sizeBytes), { mode: 0o600 });
    await assert.rejects(secretFile(path, 32, null), /is damaged: it must hold 32 bytes/);
    assert.equal((await stat(path)).size, sizeBytes);
    const made = await secretFile(path, 32, make);
    assert.deepEqual(await readFile(path), made);
    assert.equal((await stat(path)).mode & 0o7777, 0o600);
    assert.deepEqual(await readdir(folder), ["secrets.key"]);
  });
}

test("a secret that is too long was never ours, and is never replaced", async () => {
  const { path } = await newPath();
  await writeFile(path, Buffer.alloc(33), { mode: 0o600 });
  await assert.rejects(secretFile(path, 32, make), /is damaged/);
  assert.equal((await stat(path)).size, 33);
});

test("a process that ends before the secret is written leaves no file under its name, and the next one makes it", async () => {
  const { folder, path } = await newPath();
  const module = new URL("../../src/secrets/secret-file.ts", import.meta.url).href;
  const script = `const { secretFile } = await import(${JSON.stringify(module)});
    await secretFile(${JSON.stringify(path)}, 32, () => Buffer.alloc(32, 1));`;
  // No file may grow: the process dies, or its write fails, between making the file and filling it.
  const child = spawnSync("sh", ["-c", 'ulimit -f 0; exec "$@"', "sh", process.execPath, "--eval", script], {
    stdio: "ignore",
  });
  assert.notEqual(child.status, 0);
  assert.deepEqual(await readdir(folder), ["secrets.key.partial"]);
  await secretFile(path, 32, make);
  assert.deepEqual(await readdir(folder), ["secrets.key"]);
});

async function newPath(): Promise<{ folder: string; path: string }> {
  const folder = await mkdtemp(join(tmpdir(), "moraine-secret-"));
  folders.push(folder);
  return { folder, path: join(folder, "secrets.key") };
}
