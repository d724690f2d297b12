import { CorruptSegmentError, type Segment } from "../../domain/segment.ts";
import { BlobMissingError, type BlobStore } from "../../domain/stores/blob-store.ts";
import { footerSizeMax } from "../../segments/footer.ts";

/** Resolves to what is known to be wrong with a segment that cannot be read before it is restored: its length, or that it is missing. */
export async function coldDamageOf(
  { cold }: Pick<BlobStore, "cold">,
  { key, sizeBytes }: Segment,
): Promise<readonly CorruptSegmentError[] | "cold" | null> {
  try {
    const found = (await cold?.sizeOf(key)) ?? 0;
    const isRight = found > sizeBytes && found <= sizeBytes + footerSizeMax(sizeBytes);
    return isRight
      ? "cold"
      : [new CorruptSegmentError(key, `its file has ${found} bytes, which do not fit ${sizeBytes} of its own`)];
  } catch (error) {
    if (error instanceof BlobMissingError) {
      return [new CorruptSegmentError(key, "its file is missing", { cause: error })];
    }
    throw error;
  }
}
