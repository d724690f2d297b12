import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { CatalogArchive } from "../../src/catalog/archives/archive-row.ts";
import { assertRoom, FullFolder } from "../../src/sending/fetching/fetch-room.ts";
import { FetchTarget } from "../../src/sending/fetching/fetch-target.ts";
import { FilesProgress } from "../../src/sending/files-progress.ts";
import { FolderTarget } from "../../src/targets/folder/folder-target.ts";
import { partialName } from "../../src/targets/folder/partial-folder.ts";
import { type ArchiveOutput, type StoreOptions, TargetFullError } from "../../src/targets/target.ts";

const { signal } = new AbortController();
const full = new TargetFullError("No room for 5 bytes: ENOSPC");

test("bytes are not needed for files that exist, nor for the part of a download that exists", async () => {
  const root = await mkdtemp(join(tmpdir(), "moraine-room-"));
  try {
    await using folder = await FolderTarget.open(root, { create: true, hasDocuments: false });
    await writeFile(join(root, "present"), "12345");
    const block = 64 * 1024;
    await mkdir(join(root, ".moraine/partial"), { recursive: true });
    await writeFile(join(root, ".moraine/partial", `${partialName("part-id")}.partial`), Buffer.alloc(block, 1));
    const createdAt = new Date(Date.UTC(2026, 0, 2, 3, 4, 5));
    await writeFile(join(root, "dated (2026-01-02 030405)"), "123");
    const archives = [
      { number: 1, archiveId: "present-id", path: "present", sizeBytes: 5, createdAt },
      { number: 2, archiveId: "part-id", path: "part", sizeBytes: block + 1000, createdAt },
      { number: 3, archiveId: "missing-id", path: "missing", sizeBytes: 7, createdAt },
      { number: 4, archiveId: "dated-id", path: "dated", sizeBytes: 3, createdAt },
    ] as CatalogArchive[];
    const paths = ["", "present", "part", "missing", "dated"];
    const copies = { get: (number: number) => ({ path: paths[number] ?? "" }) as never };
    const assertWith = (freeBytes: number) => {
      const narrow = { url: root, freeBytes: async () => freeBytes, bytesToStore: folder.bytesToStore.bind(folder) };
      const batches = (async function* () {
        yield archives;
      })();
      return assertRoom(narrow, copies, batches, { bytes: block + 1015, signal });
    };
    await assertWith(1007);
    await assert.rejects(assertWith(1006), {
      name: "TargetFullError",
      message: `No room in ${root}: 1006 bytes are free, and 1007 are to be fetched; nothing was requested`,
    });
  } finally {
    await rm(root, { recursive: true });
  }
});

for (const endsRun of [true, false]) {
  test(`a folder that becomes full ${endsRun ? "ends the run without a terminal" : "is waited for on a terminal"}`, async () => {
    const watched = new FullFolder({ endsRun });
    const folder = {
      url: "/full",
      find: async () => null,
      store: () => Promise.reject(full),
    } as unknown as FolderTarget;
    const target = new FetchTarget(folder, {
      progress: new FilesProgress(() => undefined),
      namesOf: () => ({ path: "a", names: [] }),
      full: watched,
    });
    const archive = { archiveId: "id", sizeBytes: 5, treeHash: "", path: "a", description: "", modifiedAt: null };
    const options: StoreOptions = { signal, onBytes: () => undefined };
    await assert.rejects(target.store(archive, {} as ArchiveOutput, options), full);
    assert.equal(watched.signal.reason, endsRun ? full : undefined);
  });
}
