import type { ArchiveId, ByteRange } from "@moraine/protocol";
import type { Segment } from "../domain/segment.ts";
import type { MetadataStore } from "../domain/stores/metadata-store.ts";

/** Bounds the memory of a reader: an archive has up to 10,000 segments, and a row takes about 400 bytes. */
const pageRows = 100;

/**
 * The segments that hold `range` of an archive, in order, read from the metadata a page at a time: an archive of any number of
 * parts needs the same memory. They end where the rows do, be that the end of the range or not.
 *
 * Each iteration starts at the beginning. All of them share the first page, since most ranges have no other.
 */
export function archiveSegments(
  metadata: Pick<MetadataStore, "segmentsOf">,
  { archiveId, range }: { readonly archiveId: ArchiveId; readonly range: ByteRange },
): AsyncIterable<readonly Segment[]> {
  const readPage = (firstByte: number) =>
    metadata.segmentsOf({ archiveId, range: { firstByte, lastByte: range.lastByte }, limit: pageRows });
  let firstPage: Promise<readonly Segment[]> | undefined;
  return {
    async *[Symbol.asyncIterator]() {
      firstPage ??= readPage(range.firstByte);
      let page = await firstPage;
      for (let last = page.at(-1); last !== undefined; last = page.at(-1)) {
        yield page;
        const nextByte = last.firstByte + last.sizeBytes;
        if (nextByte > range.lastByte) {
          return;
        }
        page = await readPage(nextByte);
      }
    },
  };
}
