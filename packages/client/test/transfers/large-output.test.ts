import assert from "node:assert/strict";
import { test } from "node:test";
import { limits, rangeLength } from "@moraine/protocol";
import { streamFrom } from "../../src/transfers/download/stream-job-output.ts";
import { digestOfBytes } from "../../src/transfers/hashing/part-digest.ts";

const rangeBytes = 4 * 1024 ** 2;
const zeros = new Uint8Array(rangeBytes);

test("the stream of an archive of 40 TB starts at once, and holds a few ranges of it", async () => {
  const asked: number[] = [];
  const source = {
    facts: {
      sizeBytes: limits.archiveSizeBytesMax,
      treeHash: "0".repeat(64),
      archiveTreeHash: null,
      archiveId: "archive",
      retrievalByteRange: null,
    },
    retryForMilliseconds: 0,
    async open(range: { readonly firstByte: number; readonly lastByte: number }) {
      asked.push(range.firstByte);
      const bytes = zeros.subarray(0, rangeLength(range));
      return {
        checksum: digestOfBytes(bytes, "tree").treeHash,
        bytes: (async function* () {
          yield bytes;
        })(),
      };
    },
  };
  const before = process.memoryUsage();
  let pieces = 0;
  for await (const piece of streamFrom(source, { concurrency: 2 })) {
    assert.equal(piece.length, rangeBytes);
    pieces += 1;
    if (pieces === 3) {
      break;
    }
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  assert.ok(asked.length <= 6, `${asked.length} ranges were asked for`);
  const grownBytes = heapUsed + arrayBuffers - before.heapUsed - before.arrayBuffers;
  assert.ok(grownBytes < 16 * rangeBytes, `${grownBytes} bytes`);
});
