import { createHash } from "node:crypto";
import { leafSizeBytes } from "@moraine/protocol";
import { CorruptSegmentError } from "../../domain/segment.ts";
import { decodeFooter, leafAt, sha256 } from "../../segments/footer.ts";
import { readOrCorrupt } from "../../segments/open.ts";
import type { Upload } from "../../storage/s3/bucket.ts";
import type { Pace } from "../pace.ts";
import type { OpenedSegment } from "../place.ts";

/**
 * Reads a segment's file once for its hash, which the request has before the bytes, and again while it is sent. Each MiB is compared with its hash
 * both times. Throws CorruptSegmentError.
 */
export async function segmentUpload(source: OpenedSegment, pace: Pace): Promise<Upload> {
  const digest = createHash("sha256");
  for await (const bytes of verified(source)) {
    digest.update(bytes);
  }
  return {
    sizeBytes: source.opened.reader.sizeBytes,
    sha256: digest.digest(),
    async *stream() {
      for await (const bytes of verified(source)) {
        yield bytes;
        await pace.spend(bytes.length);
      }
    },
  };
}

/** Yields new memory each time: what is sent waits in the connection. */
async function* verified({ segment, opened }: OpenedSegment): AsyncGenerator<Buffer, void, void> {
  const { reader, footer } = opened;
  for (let start = 0; start < segment.sizeBytes; start += leafSizeBytes) {
    const bytes = Buffer.allocUnsafe(Math.min(leafSizeBytes, segment.sizeBytes - start));
    await readOrCorrupt(reader, segment, bytes, start);
    if (!sha256(bytes).equals(leafAt(footer, start / leafSizeBytes))) {
      const reason = `bytes ${start}-${start + bytes.length - 1} of its file do not have their hash`;
      throw new CorruptSegmentError(segment.key, reason);
    }
    yield bytes;
  }
  const end = Buffer.alloc(reader.sizeBytes - segment.sizeBytes);
  await readOrCorrupt(reader, segment, end, segment.sizeBytes);
  decodeFooter(end, segment);
  yield end;
}
