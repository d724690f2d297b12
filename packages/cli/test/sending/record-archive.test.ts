import assert from "node:assert/strict";
import { appendFile, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { readManifest } from "../../src/manifest/manifest-reader.ts";
import { ManifestFile } from "../../src/sending/manifest-file.ts";
import { listUnlisted, recordArchive } from "../../src/sending/record-archive.ts";
import { flat, temporaryCatalog } from "../support/catalogs.ts";

const description = '{"path":"a.txt","mtime":"2019-05-01T10:00:59.123Z"}';
const file = {
  kind: "file",
  file: "/a.txt",
  path: "a.txt",
  sizeBytes: 3,
  modifiedAt: new Date("2019-05-01T10:00:59.123Z"),
  permissions: 0o644,
  description,
  decodedPath: "a.txt",
} as const;
const stored = { archiveId: "id", sizeBytes: 3, treeHash: "ab".repeat(32), sha256: "cd".repeat(32), journal: null };
const now = () => new Date("2026-01-02T03:04:05Z");

async function manifestPath(): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await mkdtemp(join(tmpdir(), "moraine-manifest-"));
  const path = join(folder, "m.jsonl");
  return { path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

async function entries(path: string) {
  const bytes = await readFile(path);
  return flat(
    readManifest(
      (async function* () {
        yield bytes;
      })(),
    ),
  );
}

test("an archive is recorded in the catalogue, then in the manifest; a line that is missing is written by the next run", async () => {
  await using place = await manifestPath();
  using opened = temporaryCatalog();
  const { catalog } = opened;
  catalog.uploads.sending({ ...stored, path: "a.txt", invocationId: "one", sentAt: now() });
  const failing = { path: "", append: () => Promise.reject(new Error("killed")) } as unknown as ManifestFile;
  await assert.rejects(recordArchive({ catalog, manifest: failing, now }, file, stored), { message: "killed" });
  assert.equal(catalog.archives.get("id")?.path, "a.txt");
  assert.equal(catalog.uploads.sent("a.txt"), null);
  await using manifest = await ManifestFile.open(place.path);
  await listUnlisted({ catalog, manifest: null });
  assert.equal(catalog.uploads.firstUnlisted(9).length, 1, "a run without a manifest leaves it");
  await listUnlisted({ catalog, manifest });
  assert.deepEqual(catalog.uploads.firstUnlisted(9), []);
  const [entry, ...others] = await entries(place.path);
  assert.deepEqual([entry?.archiveId, entry?.sha256, entry?.path, others.length], ["id", stored.sha256, "a.txt", 0]);
  assert.deepEqual(entry?.verifiedAt, now());
});

/** A handle of a file, which is closed again. */
async function closedHandle(path: string) {
  await using file = await open(path, "a");
  return file;
}

/** Makes the next appends fail in the midst of a line, as a full disk does. */
async function fillDisk(t: TestContext, path: string, times: number): Promise<void> {
  const file = await closedHandle(path);
  const handles = Object.getPrototypeOf(file) as typeof file;
  const mocked = t.mock.method(handles, "appendFile");
  for (let call = 0; call < times; call += 1) {
    mocked.mock.mockImplementationOnce(async function (this: typeof file, text: string | Uint8Array) {
      await this.write(String(text).slice(0, 20));
      throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC", syscall: "write" });
    }, call);
  }
}

test("a line that a full disk has cut short is removed, so that the next line is complete", async (t) => {
  await using place = await manifestPath();
  using opened = temporaryCatalog();
  const { catalog } = opened;
  const record = (archiveId: string) => recordArchive({ catalog, manifest, now }, file, { ...stored, archiveId });
  await using manifest = await ManifestFile.open(place.path);
  await record("one");
  await fillDisk(t, place.path, 1);
  const message = `cannot write the manifest ${place.path}: ENOSPC: no space left on device, write`;
  await assert.rejects(record("two"), { name: "ManifestError", message });
  await record("three");
  await listUnlisted({ catalog, manifest });
  assert.deepEqual(
    (await entries(place.path)).map(({ archiveId }) => archiveId),
    ["one", "three", "two"],
  );
});

test("nothing is appended to a line that could not be removed, and the next run cuts it off", async (t) => {
  await using place = await manifestPath();
  using opened = temporaryCatalog();
  const { catalog } = opened;
  const record = async (archiveId: string) => recordArchive({ catalog, manifest, now }, file, { ...stored, archiveId });
  await using manifest = await ManifestFile.open(place.path);
  await fillDisk(t, place.path, 1);
  const truncating = t.mock.method(Object.getPrototypeOf(await closedHandle(place.path)), "truncate");
  truncating.mock.mockImplementation(() => Promise.reject(new Error("EIO")));
  await assert.rejects(record("one"), { name: "ManifestError" });
  await assert.rejects(record("two"), { name: "ManifestError" });
  truncating.mock.restore();
  await using next = await ManifestFile.open(place.path);
  await listUnlisted({ catalog, manifest: next });
  assert.deepEqual(
    (await entries(place.path)).map(({ archiveId }) => archiveId),
    ["one", "two"],
  );
});

test("lines that a run could not write go to its own manifest, whatever the next run names", async (t) => {
  await using place = await manifestPath();
  using opened = temporaryCatalog();
  const { catalog } = opened;
  await using first = await ManifestFile.open(place.path);
  await listUnlisted({ catalog, manifest: first });
  await fillDisk(t, place.path, 1);
  await assert.rejects(recordArchive({ catalog, manifest: first, now }, file, stored), { name: "ManifestError" });
  const other = `${place.path}-other`;
  await using second = await ManifestFile.open(other);
  await listUnlisted({ catalog, manifest: second });
  await recordArchive({ catalog, manifest: second, now }, file, { ...stored, archiveId: "later" });
  const idsIn = async (path: string) => (await entries(path)).map(({ archiveId }) => archiveId);
  assert.deepEqual([await idsIn(place.path), await idsIn(other)], [["id"], ["later"]]);
});

test("an archive without a manifest needs no line", async () => {
  using opened = temporaryCatalog();
  const { catalog } = opened;
  await recordArchive({ catalog, manifest: null, now }, file, stored);
  assert.deepEqual(catalog.uploads.firstUnlisted(9), []);
});

test("a line that a crash has cut short is removed, and another kind of file is refused unchanged", async () => {
  await using place = await manifestPath();
  using opened = temporaryCatalog();
  const { catalog } = opened;
  const record = async () => {
    await using manifest = await ManifestFile.open(place.path);
    await recordArchive({ catalog, manifest, now }, file, stored);
  };
  await writeFile(place.path, '{"archiveId":"cut sho');
  await record();
  await appendFile(place.path, '{"archiveId":');
  await record();
  assert.deepEqual(
    (await entries(place.path)).map(({ archiveId }) => archiveId),
    ["id", "id"],
  );
  for (const text of ["notes\n", '{"other":1}\n', "notes without an end", `${"x".repeat(100_000)}`]) {
    await writeFile(place.path, text);
    await assert.rejects(ManifestFile.open(place.path), { name: "UsageError", message: /is not a manifest/ });
    assert.equal(await readFile(place.path, "utf8"), text);
  }
});
