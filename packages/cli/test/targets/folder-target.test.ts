import assert from "node:assert/strict";
import { link, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { sha256Of } from "../../../../test/support/content.ts";
import { memoryFolder, temporaryFolder } from "../../../../test/support/temporary-folder.ts";
import { FolderTarget } from "../../src/targets/folder/folder-target.ts";
import { partialName } from "../../src/targets/folder/partial-folder.ts";
import type { StoreOptions } from "../../src/targets/target.ts";
import { archiveOf, outputOf } from "../support/archive-in-memory.ts";

const mebibyte = 1024 ** 2;
const never = new AbortController().signal;
const options: StoreOptions = { signal: never, onBytes: () => undefined };

/** An empty target, locked, and a folder next to it that nothing may be written to. */
async function opened() {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryFolder(memoryFolder));
  const [root, outside] = [join(path, "target"), join(path, "outside")];
  await mkdir(outside);
  const target = stack.use(await FolderTarget.open(root, { create: true }));
  stack.use(await target.lock(never));
  const whole = stack.move();
  return { root, outside, target, [Symbol.asyncDispose]: () => whole[Symbol.asyncDispose]() };
}

const partialNames = (root: string) => readdir(join(root, ".moraine", "partial"));

for (const [words, sizeBytes] of [
  ["of one request", 1000],
  ["fetched in order", 9 * mebibyte + 1],
  ["fetched in ranges", 33 * mebibyte + 1],
] as const) {
  test(`an archive ${words} becomes a file with its bytes and its time, and nothing else stays`, async () => {
    await using place = await opened();
    const archive = archiveOf(1, sizeBytes, "a/b/c.bin");
    let receivedBytes = 0;
    const onBytes = (count: number) => {
      receivedBytes += count;
    };
    const copy = await place.target.store(archive.facts, outputOf(archive).output, { ...options, onBytes });
    assert.deepEqual(copy, { location: "a/b/c.bin", sha256: sha256Of(archive.bytes) });
    assert.ok((await readFile(join(place.root, "a/b/c.bin"))).equals(archive.bytes));
    assert.equal((await stat(join(place.root, "a/b/c.bin"))).mtime.getTime(), archive.facts.modifiedAt?.getTime());
    assert.deepEqual(await partialNames(place.root), []);
    assert.equal(receivedBytes, sizeBytes);
    assert.equal(await place.target.check({ ...archive.facts, ...copy }, never), "sound");
  });

  test(`wrong bytes of an archive ${words} get no name`, async () => {
    await using place = await opened();
    const archive = archiveOf(2, sizeBytes);
    const wrong = { ...archive, bytes: archiveOf(3, sizeBytes).bytes };
    await assert.rejects(place.target.store(archive.facts, outputOf(wrong).output, options), /VerificationError/);
    assert.deepEqual(await readdir(place.root), [".moraine"]);
  });
}

test("a probe finds a folder full for an archive that does not fit, and unusable once it is another folder", async () => {
  await using place = await opened();
  const { target, root } = place;
  await assert.rejects(target.probe(2 ** 52), {
    name: "TargetFullError",
    message: /the next archive has 4503599627370496$/,
  });
  await rename(root, `${root}.away`);
  await mkdir(root);
  await assert.rejects(target.probe(1), { name: "TargetUnavailableError", message: /is its disk mounted\?$/ });
  await rm(root, { recursive: true });
  await rename(`${root}.away`, root);
  await target.probe(1);
});

test("a file that is the archive already counts as stored; any other content is kept, and refused", async () => {
  await using place = await opened();
  const archive = archiveOf(4, 5000, "same");
  await writeFile(join(place.root, "same"), archive.bytes);
  const { ino } = await stat(join(place.root, "same"));
  const copy = { location: "same", sha256: sha256Of(archive.bytes) };
  assert.deepEqual(await place.target.find(archive.facts, never), copy);
  assert.deepEqual(await place.target.store(archive.facts, outputOf(archive).output, options), copy);
  assert.equal((await stat(join(place.root, "same"))).ino, ino);
  const other = archiveOf(5, 5000, "same");
  await assert.rejects(place.target.find(other.facts, never), { name: "TargetOccupiedError" });
  await assert.rejects(place.target.store(other.facts, outputOf(other).output, options), {
    name: "TargetOccupiedError",
  });
  assert.ok((await readFile(join(place.root, "same"))).equals(archive.bytes));
  assert.deepEqual(await partialNames(place.root), []);
});

test("no symbolic link leads a copy out of the target", async () => {
  await using place = await opened();
  const { root, outside, target } = place;
  await symlink(outside, join(root, "folder"));
  await symlink(join(outside, "file"), join(root, "dangling"));
  await mkdir(join(root, "real"));
  await symlink("../../outside", join(root, "real", "inner"));
  for (const path of ["folder/file", "dangling", "real/inner/file", "real/inner/deep/file"]) {
    const archive = archiveOf(6, 100, path);
    await assert.rejects(target.store(archive.facts, outputOf(archive).output, options), path);
  }
  assert.deepEqual(await readdir(outside), []);
});

test("a folder that is replaced by a link while the target is open leads nowhere else", async () => {
  await using place = await opened();
  const { root, outside, target } = place;
  const first = archiveOf(7, 100, "folder/first");
  await target.store(first.facts, outputOf(first).output, options);
  await rename(join(root, "folder"), join(root, "moved"));
  await symlink(outside, join(root, "folder"));
  const second = archiveOf(8, 100, "folder/second");
  await target.store(second.facts, outputOf(second).output, options).catch(() => undefined);
  assert.deepEqual(await readdir(outside), []);
});

test("a link in the place of the target's own folders is refused", async () => {
  await using folder = await temporaryFolder(memoryFolder);
  await mkdir(join(folder.path, "outside"));
  await mkdir(join(folder.path, "target"));
  await symlink(join(folder.path, "outside"), join(folder.path, "target", ".moraine"));
  await using target = await FolderTarget.open(join(folder.path, "target"), { create: true });
  await assert.rejects(target.lock(never), /symbolic link/);
  assert.deepEqual(await readdir(join(folder.path, "outside")), []);
});

test("paths that leave the target, or are its documents, are refused", async () => {
  await using place = await opened();
  for (const path of [
    "../x",
    "/x",
    "a/../../x",
    "a//b",
    ".",
    "",
    "a\\b",
    "a\0b",
    ".moraine/x",
    ".Moraine",
    "MANIFEST.jsonl",
    "sha256sums",
  ]) {
    const archive = archiveOf(9, 100, path);
    await assert.rejects(place.target.store(archive.facts, outputOf(archive).output, options), /Invalid path/, path);
  }
});

test("a large archive whose job expires is resumed with another job, and fetches only what is missing", async () => {
  await using place = await opened();
  const archive = archiveOf(10, 48 * mebibyte);
  const first = outputOf(archive, 16 * mebibyte);
  await assert.rejects(place.target.store(archive.facts, first.output, options), { name: "OutputExpiredError" });
  const second = outputOf(archive);
  const copy = await place.target.store(archive.facts, second.output, options);
  assert.equal(copy.sha256, sha256Of(archive.bytes));
  assert.ok(second.servedBytes < archive.bytes.length, `${second.servedBytes} bytes`);
});

test("a large archive that was named before a crash is complete without another byte", async () => {
  await using place = await opened();
  const archive = archiveOf(11, 33 * mebibyte);
  await place.target.store(archive.facts, outputOf(archive).output, options);
  const name = partialName(archive.facts.archiveId);
  await link(join(place.root, "archive-11"), join(place.root, ".moraine", "partial", name));
  const again = outputOf(archive, 0);
  await place.target.store(archive.facts, again.output, options);
  assert.deepEqual(await partialNames(place.root), []);
});

test("a downloaded file that has changed on the disk is downloaded again", async () => {
  await using place = await opened();
  const archive = archiveOf(16, 33 * mebibyte);
  const damaged = Buffer.from(archive.bytes);
  damaged[20 * mebibyte] = (damaged[20 * mebibyte] ?? 0) ^ 1;
  await writeFile(join(place.root, ".moraine", "partial", partialName(archive.facts.archiveId)), damaged);
  const copy = await place.target.store(archive.facts, outputOf(archive).output, options);
  assert.equal(copy.sha256, sha256Of(archive.bytes));
  assert.ok((await readFile(join(place.root, "archive-16"))).equals(archive.bytes));
});

test("a target that another process works on, or whose documents are not its own, is refused", async () => {
  await using place = await opened();
  await using second = await FolderTarget.open(place.root, { create: true });
  await assert.rejects(second.lock(never), { name: "TransferBusyError" });
  await writeFile(join(place.outside, "SHA256SUMS"), "somebody's\n");
  await using foreign = await FolderTarget.open(place.outside, { create: true });
  await assert.rejects(foreign.lock(never), /not of a rescue/);
});

test("a target whose folder is another one than at the start takes nothing", async () => {
  await using place = await opened();
  await rename(place.root, `${place.root}-unmounted`);
  await mkdir(place.root);
  const archive = archiveOf(12, 100);
  await assert.rejects(place.target.store(archive.facts, outputOf(archive).output, options), {
    name: "TargetUnavailableError",
  });
  assert.deepEqual(await readdir(place.root), []);
});

test("a folder that was removed meanwhile is created again", async () => {
  await using place = await opened();
  const [first, second] = [archiveOf(13, 100, "a/one"), archiveOf(14, 100, "a/two")];
  await place.target.store(first.facts, outputOf(first).output, options);
  await rm(join(place.root, "a"), { recursive: true });
  await place.target.store(second.facts, outputOf(second).output, options).catch(() => undefined);
  await place.target.store(second.facts, outputOf(second).output, options);
  assert.deepEqual(await readdir(join(place.root, "a")), ["two"]);
});

test("many archives in many folders are stored at once", async () => {
  await using place = await opened();
  const all = Array.from({ length: 300 }, (_, index) => archiveOf(index, 1 + index, `${index % 100}/x/${index}`));
  await Promise.all(all.map((archive) => place.target.store(archive.facts, outputOf(archive).output, options)));
  const found = new Map<string, number>();
  for await (const { location, sizeBytes } of place.target.list(never)) {
    found.set(location, sizeBytes);
  }
  assert.deepEqual(found, new Map(all.map(({ facts }) => [facts.path, facts.sizeBytes])));
});

test("a check tells missing files from changed ones", async () => {
  await using place = await opened();
  const archive = archiveOf(15, 5000, "a/b");
  const copy = { ...archive.facts, ...(await place.target.store(archive.facts, outputOf(archive).output, options)) };
  const file = join(place.root, "a/b");
  const damaged = Buffer.from(archive.bytes);
  damaged[4000] = (damaged[4000] ?? 0) ^ 1;
  await writeFile(file, damaged);
  assert.equal(await place.target.check(copy, never), "changed");
  await writeFile(file, archive.bytes.subarray(1));
  assert.equal(await place.target.check(copy, never), "changed");
  await rm(file);
  assert.equal(await place.target.check(copy, never), "missing");
  await writeFile(join(place.outside, "b"), archive.bytes);
  await symlink(join(place.outside, "b"), file);
  assert.equal(await place.target.check(copy, never), "changed");
});

test("a document loses only an incomplete last line, and is replaced as a whole", async () => {
  await using place = await opened();
  const { documents } = place.target;
  assert.equal(await documents.read("MANIFEST.jsonl"), null);
  await writeFile(join(place.root, "MANIFEST.jsonl"), "first\nsecond, cut of");
  const sizes = await Promise.all([
    documents.append("MANIFEST.jsonl", "third\n"),
    documents.append("MANIFEST.jsonl", "4\n5\n"),
  ]);
  assert.deepEqual(sizes, [12, 16]);
  assert.equal(await readFile(join(place.root, "MANIFEST.jsonl"), "utf8"), "first\nthird\n4\n5\n");
  assert.equal(await textOf(await documents.read("MANIFEST.jsonl", 6)), "third\n4\n5\n");
  assert.equal(await textOf(await documents.read("MANIFEST.jsonl", 99)), "");
  async function* lines() {
    yield "one\n";
    yield "two\n";
  }
  await documents.write("SHA256SUMS", lines());
  await documents.write("REPORT.html", lines());
  assert.equal(await readFile(join(place.root, "SHA256SUMS"), "utf8"), "one\ntwo\n");
  assert.equal(await textOf(await documents.read("REPORT.html")), "one\ntwo\n");
  assert.deepEqual((await readdir(place.root)).toSorted(), [".moraine", "MANIFEST.jsonl", "SHA256SUMS"]);
});

async function textOf(bytes: AsyncIterable<Uint8Array> | null): Promise<string> {
  assert.ok(bytes !== null);
  const pieces: Uint8Array[] = [];
  for await (const piece of bytes) {
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}
