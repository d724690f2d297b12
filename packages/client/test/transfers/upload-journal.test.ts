import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readUnfinishedUpload } from "@moraine/client/node";
import { UploadJournal } from "../../src/transfers/upload/upload-journal.ts";

test("the last upload of a journal is read while the journal is in use", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "moraine-upload-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "journal");
  assert.equal(await readUnfinishedUpload(path), null, "there is no journal");
  const identity = { vaultName: "photos", accountId: null, description: '"uploadId":"none"', source: null };
  await using journal = await UploadJournal.open(path, identity);
  assert.deepEqual(await readUnfinishedUpload(path), { uploadId: null, archiveId: null });
  await journal.note({ request: { invocationId: "once", madeAt: 1 } });
  assert.deepEqual(await readUnfinishedUpload(path), { uploadId: null, archiveId: null });
  for (const uploadId of ["first", "second-_2"]) {
    await journal.note({ upload: { uploadId, partSizeBytes: 1024 ** 2 } });
    assert.deepEqual(await readUnfinishedUpload(path), { uploadId, archiveId: null });
  }
  await journal.noteArchive({ archiveId: "stored", checksum: null });
  assert.deepEqual(await readUnfinishedUpload(path), { uploadId: "second-_2", archiveId: "stored" });
});
