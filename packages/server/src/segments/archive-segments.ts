import type { ArchiveId, ByteRange } from "@moraine/protocol";
import type { MetadataStore } from "../domain/metadata-store.ts";
import { CorruptSegmentError, type Segment } from "../domain/segment.ts";

/** Bounds the memory of a reader: an archive has up to 10,000 segments, and a row takes about 400 bytes. */
const pageRows = 100;

/**
 * Yields the segments that hold `range` of an archive, in order. They are read from the metadata a page at a time, so that
 * an archive of any number of parts needs the same memory. Throws CorruptSegmentError at the first byte of the range that
 * no segment holds.
 */
export async function* archiveSegments(
  metadata: Pick<MetadataStore, "segmentsOf">,
  { archiveId, range }: { readonly archiveId: ArchiveId; readonly range: ByteRange },
): AsyncGenerator<Segment, void, void> {
  let nextByte = range.firstByte;
  while (nextByte <= range.lastByte) {
    const rest = { firstByte: nextByte, lastByte: range.lastByte };
    const page = await metadata.segmentsOf({ archiveId, range: rest, limit: pageRows });
    if (page.length === 0) {
      throw noSegment(nextByte);
    }
    for (const segment of page) {
      const isFirst = nextByte === range.firstByte;
      // Only the first may begin before the byte that is due: the range may begin within it.
      if (isFirst ? segment.firstByte > nextByte : segment.firstByte !== nextByte) {
        throw noSegment(nextByte);
      }
      yield segment;
      nextByte = segment.firstByte + segment.sizeBytes;
    }
  }
}

function noSegment(byte: number): CorruptSegmentError {
  return new CorruptSegmentError("", `no segment holds byte ${byte} of its archive`);
}
