import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { DownloadJournal, downloadIdentity } from "../../src/transfers/download/download-journal.ts";
import { fillPartial } from "../../src/transfers/download/file-download.ts";
import { PartialFile } from "../../src/transfers/download/files/partial-file.ts";
import { planRanges } from "../../src/transfers/download/ranges/ranges.ts";
import { RequestSize } from "../../src/transfers/download/ranges/request-size.ts";
import { Verification } from "../../src/transfers/download/verification.ts";
import { DigestPool } from "../../src/transfers/hashing/digest-pool.ts";
import { digestOfBytes } from "../../src/transfers/hashing/part-digest.ts";
import { Progress } from "../../src/transfers/progress.ts";

const mebibyte = 1024 ** 2;

test("a disk that cannot keep what was fetched ends the download with its reason, and nothing else", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "moraine-download-"));
  t.after(() => rm(folder, { recursive: true }));
  const content = Buffer.alloc(3 * mebibyte, 5);
  const facts = {
    sizeBytes: content.length,
    treeHash: digestOfBytes(content, "tree").treeHash,
    archiveTreeHash: null,
    archiveId: "archive",
    retrievalByteRange: null,
  };
  const wanted = { firstByte: 0, lastByte: content.length - 1 };
  const ranges = planRanges(wanted, content.length, mebibyte);
  await using stack = new AsyncDisposableStack();
  const journal = await DownloadJournal.open(
    join(folder, "journal"),
    downloadIdentity({ vaultName: "photos", jobId: "job" }, facts, wanted),
    { rangeSizeBytes: mebibyte, syncData: () => Promise.reject(new Error("the disk is broken")) },
  );
  stack.defer(() => journal.close());
  const partial = await PartialFile.open(join(folder, "partial"), content.length);
  stack.defer(() => partial.close());
  const download = fillPartial({
    source: {
      facts,
      retryForMilliseconds: 0,
      open: async ({ firstByte, lastByte }) => ({
        checksum: digestOfBytes(content.subarray(firstByte, lastByte + 1), "tree").treeHash,
        bytes: (async function* () {
          yield content.subarray(firstByte, lastByte + 1);
        })(),
      }),
    },
    wanted,
    ranges,
    verification: new Verification(facts, wanted, {}),
    partial,
    journal,
    pool: stack.use(new DigestPool()),
    progress: new Progress(content.length, undefined),
    bandwidth: undefined,
    requestSize: new RequestSize(mebibyte),
    concurrency: 1,
    signal: new AbortController().signal,
  });
  await assert.rejects(download, /the disk is broken/);
});
