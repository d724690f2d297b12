import { leafCount, leafSizeBytes } from "@moraine/protocol";
import { CorruptSegmentError, type Segment } from "../../../domain/segment.ts";
import { leafAt, sha256 } from "../../../segments/footer.ts";
import { leafRange, type OpenSegment, readOrCorrupt } from "../../../segments/open.ts";
import type { Finding } from "../../finding.ts";
import type { Verification } from "../../verification.ts";

interface ReadSegment {
  readonly segment: Segment;
  readonly opened: OpenSegment;
  /** Memory of one leaf. */
  readonly block: Buffer;
}

/** Reads every byte of a segment, and compares each MiB with its hash. */
export async function damagedLeaves(
  verification: Verification,
  { segment, opened: { reader, footer }, block }: ReadSegment,
): Promise<Finding[]> {
  let [damaged, firstDamaged] = [0, 0];
  const leaves = leafCount(segment.sizeBytes);
  for (let leaf = 0; leaf < leaves; leaf += 1) {
    const start = leaf * leafSizeBytes;
    const bytes = block.subarray(0, Math.min(leafSizeBytes, segment.sizeBytes - start));
    if (!(await isRead(reader, segment, bytes, start)) || !sha256(bytes).equals(leafAt(footer, leaf))) {
      firstDamaged = damaged === 0 ? leaf : firstDamaged;
      damaged += 1;
    }
    verification.totals.bytes += bytes.length;
    await verification.step();
  }
  if (damaged === 0) {
    return [];
  }
  const { firstByte, lastByte } = leafRange(segment, firstDamaged * leafSizeBytes);
  const message = `${damaged} of ${leaves} MiB do not have their hash, the first at bytes ${firstByte}-${lastByte} of the archive`;
  return [{ code: "segment-file", message }];
}

async function isRead(
  reader: OpenSegment["reader"],
  segment: Segment,
  bytes: Uint8Array,
  start: number,
): Promise<boolean> {
  try {
    await readOrCorrupt(reader, segment, bytes, start);
    return true;
  } catch (error) {
    if (error instanceof CorruptSegmentError) {
      return false;
    }
    throw error;
  }
}
