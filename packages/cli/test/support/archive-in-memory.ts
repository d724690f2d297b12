import type { ByteRange } from "@moraine/protocol";
import { contentOf, treeHashOf } from "../../../../test/support/content.ts";
import { type ArchiveFacts, type ArchiveOutput, OutputExpiredError } from "../../src/targets/target.ts";

export interface ArchiveInMemory {
  readonly bytes: Buffer;
  readonly facts: ArchiveFacts;
}

export function archiveOf(seed: number, sizeBytes: number, path = `archive-${seed}`): ArchiveInMemory {
  const bytes = contentOf(seed, sizeBytes);
  const modifiedAt = new Date(Date.UTC(2012, 8, 3, 4, 5, seed % 60));
  const facts = { archiveId: `-${seed}_id`, sizeBytes, treeHash: treeHashOf(bytes), path, description: "", modifiedAt };
  return { bytes, facts };
}

export interface Served {
  readonly output: ArchiveOutput;
  /** Bytes served so far. */
  servedBytes: number;
}

/** The output of a job, as a service sends it: in ranges, without checksums, and expired after a number of bytes. */
export function outputOf({ bytes, facts }: ArchiveInMemory, expiresAfterBytes = Number.POSITIVE_INFINITY): Served {
  const { sizeBytes, treeHash, archiveId } = facts;
  const served: Served = {
    servedBytes: 0,
    output: {
      vaultName: "photos",
      jobId: "job",
      facts: { sizeBytes, treeHash, archiveTreeHash: treeHash, archiveId, retrievalByteRange: null },
      retryForMilliseconds: 0,
      async open({ firstByte, lastByte }: ByteRange) {
        if (served.servedBytes >= expiresAfterBytes) {
          throw new OutputExpiredError("The job has expired");
        }
        const part = bytes.subarray(firstByte, lastByte + 1);
        served.servedBytes += part.length;
        return { checksum: treeHashOf(part), bytes: inPieces(part) };
      },
    },
  };
  return served;
}

async function* inPieces(bytes: Buffer): AsyncGenerator<Uint8Array, void, void> {
  for (let start = 0; start < bytes.length; start += 300_000) {
    yield bytes.subarray(start, start + 300_000);
  }
}
