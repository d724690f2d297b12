import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Catalog } from "../../src/catalog/catalog.ts";
import { CatalogError } from "../../src/catalog/catalog-error.ts";
import { reconcileManifest } from "../../src/rescue/recording/reconcile-manifest.ts";
import { Recorder } from "../../src/rescue/recording/recorder.ts";
import type { RescueParts, RescueState } from "../../src/rescue/rescue-state.ts";
import { Wakeup } from "../../src/rescue/wakeup.ts";
import { nothing } from "../../src/rescue/work.ts";
import { FolderTarget } from "../../src/targets/folder/folder-target.ts";
import { archiveOfNumber, temporaryCatalog } from "../support/catalogs.ts";

const never = new AbortController().signal;

test("copies that the catalogue could not record end the run, and the next one reads them from the manifest", async () => {
  using opened = temporaryCatalog();
  const { catalog } = opened;
  const folder = await mkdtemp(join(tmpdir(), "moraine-target-"));
  await using target = await FolderTarget.open(folder, { create: false });
  const copies = catalog.copies.of(target.url);
  const archives = [1, 2, 3].map((number) => {
    catalog.archives.addUploaded(archiveOfNumber(number));
    const archive = catalog.archives.get(archiveOfNumber(number).archiveId);
    assert.ok(archive);
    return archive;
  });
  const parts = { target, copies, now: () => 0, catalog: lockedFor(catalog, 1) } as unknown as RescueParts;
  const state = { verified: nothing, changed: new Wakeup() } as RescueState;
  const recorder = new Recorder(parts, state);
  const record = (index: number) => {
    const archive = archives[index];
    assert.ok(archive);
    return recorder.verified(archive, { location: archive.path, sha256: archive.treeHash });
  };
  const [one, other] = await Promise.allSettled([record(0), record(1)]);
  assert.deepEqual([one.status, other.status], ["rejected", "rejected"]);
  await assert.rejects(record(2), /locked by another process/);
  assert.deepEqual(
    archives.map(({ number }) => copies.get(number)?.state),
    [undefined, undefined, undefined],
  );
  await reconcileManifest({ catalog, copies, target, onEvent: ({ kind }) => assert.fail(kind) }, never);
  assert.deepEqual(
    archives.map(({ number }) => copies.get(number)?.state),
    ["verified", "verified", "verified"],
  );
  await rm(folder, { recursive: true });
});

/** A catalogue whose first changes fail. */
function lockedFor(catalog: Catalog, changes: number): Catalog {
  let left = changes;
  return Object.create(catalog, {
    facts: { value: catalog.facts },
    jobs: { value: catalog.jobs },
    change: {
      value(work: () => unknown) {
        left -= 1;
        if (left >= 0) {
          throw new CatalogError("The catalogue is locked by another process");
        }
        return catalog.change(work);
      },
    },
  });
}
