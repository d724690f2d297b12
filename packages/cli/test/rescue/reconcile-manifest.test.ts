import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ManifestWriter } from "../../src/manifest/manifest-writer.ts";
import { reconcileManifest } from "../../src/rescue/recording/reconcile-manifest.ts";
import { FolderTarget } from "../../src/targets/folder/folder-target.ts";
import { archiveOfNumber, temporaryCatalog } from "../support/catalogs.ts";

const never = new AbortController().signal;
const at = new Date(Date.UTC(2026, 10, 30));

test("a copy that only the manifest has is recorded, and its job's output is no longer needed", async () => {
  await using folder = await targetFolder();
  using opened = temporaryCatalog();
  const { catalog } = opened;
  const archives = [1, 2, 3].map((number) => archiveOfNumber(number));
  const [first = 0, second = 0, third = 0] = archives.map((archive) => catalog.archives.addUploaded(archive));
  for (const number of [first, second, third]) {
    catalog.jobs.requested(number, `job ${number}`, "Bulk", at);
  }
  catalog.jobs.ready(`job ${first}`, at);
  catalog.jobs.ready(`job ${third}`, at);
  const manifest = new ManifestWriter(folder.target);
  for (const archive of archives.slice(0, 2)) {
    await manifest.append({ ...archive, location: archive.path, sha256: archive.treeHash, verifiedAt: at });
  }
  const copies = catalog.copies.of(folder.target.url);
  await reconcileManifest({ catalog, copies, target: folder.target, onEvent: ({ kind }) => assert.fail(kind) }, never);
  assert.deepEqual(
    [first, second, third].map((number) => [copies.get(number)?.state, catalog.jobs.of(number)?.state]),
    [
      ["verified", "fetched"],
      ["verified", "fetched"],
      [undefined, "ready"],
    ],
  );
});

async function targetFolder(): Promise<AsyncDisposable & { readonly target: FolderTarget }> {
  const path = await mkdtemp(join(tmpdir(), "moraine-target-"));
  const target = await FolderTarget.open(path, { create: false });
  return {
    target,
    async [Symbol.asyncDispose]() {
      await target[Symbol.asyncDispose]();
      await rm(path, { recursive: true });
    },
  };
}
