import { leafCount, leafSizeBytes } from "@moraine/protocol";
import { CorruptSegmentError } from "../domain/segment.ts";
import { leafAt, sha256 } from "../segments/footer.ts";
import { readOrCorrupt } from "../segments/open.ts";
import type { SegmentRow } from "../storage/metadata/tables/schema.ts";
import type { SegmentSource } from "./place.ts";
import { fits } from "./segment-files.ts";
import { blobKeyOf } from "./snapshot.ts";

export type CheckLevel = "quick" | "deep";

export interface CheckedSegment {
  /** Path below `blobs/`; null when the row has none. */
  readonly file: string | null;
  readonly fileBytes: number;
  /** The damage; null when there is none. */
  readonly fault: string | null;
}

/** Checks the length of a segment's copy; at the deep level, its footer and each MiB too. */
export async function checkSegment(files: SegmentSource, row: SegmentRow, level: CheckLevel): Promise<CheckedSegment> {
  const file = blobKeyOf(row);
  if (file === null) {
    return { file, fileBytes: 0, fault: `the row ${Buffer.from(row.name).toString("hex")} describes no segment` };
  }
  const fileBytes = await files.sizeOf(file);
  if (fileBytes === null) {
    return { file, fileBytes: 0, fault: "the segment's file is missing" };
  }
  if (!fits(fileBytes, row)) {
    return {
      file,
      fileBytes,
      fault: `the segment's file has ${fileBytes} bytes, which do not fit ${row.size_bytes} of its own`,
    };
  }
  return { file, fileBytes, fault: level === "quick" ? null : await faultOf(files, row) };
}

async function faultOf(files: SegmentSource, row: SegmentRow): Promise<string | null> {
  try {
    const { segment, opened } = await files.open(row);
    try {
      const block = Buffer.allocUnsafe(Math.min(leafSizeBytes, segment.sizeBytes));
      for (let leaf = 0; leaf < leafCount(segment.sizeBytes); leaf += 1) {
        const start = leaf * leafSizeBytes;
        const bytes = block.subarray(0, Math.min(leafSizeBytes, segment.sizeBytes - start));
        await readOrCorrupt(opened.reader, segment, bytes, start);
        if (!sha256(bytes).equals(leafAt(opened.footer, leaf))) {
          return `bytes ${start}-${start + bytes.length - 1} of the segment's file do not have their hash`;
        }
      }
      return null;
    } finally {
      await opened.close();
    }
  } catch (error) {
    if (error instanceof CorruptSegmentError) {
      return error.reason;
    }
    throw error;
  }
}
