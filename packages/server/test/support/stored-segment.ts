import type { Segment } from "../../src/domain/segment.ts";
import type { BlobStore } from "../../src/domain/stores/blob-store.ts";
import { encodeFooter, type Footer } from "../../src/segments/footer.ts";
import { LeafHashes } from "../../src/segments/hashing/content-hash.ts";

/** Stores bytes as a segment with its footer, without a server and without a row. */
export async function storedSegment(
  store: BlobStore,
  ownerId: string,
  bytes: Uint8Array,
  { firstByte = 0, vaultArn = "arn", ...more }: Partial<Footer> = {},
): Promise<Segment> {
  const sizeBytes = bytes.length;
  const hasher = new LeafHashes(sizeBytes);
  hasher.update(bytes);
  const digest = hasher.digest();
  const row = { ownerId, firstByte, sizeBytes, treeHash: digest.treeHash };
  const footer = encodeFooter({ ...row, ...digest, vaultArn, description: "", storedAt: 1, ...more });
  const key = store.newKey(ownerId);
  const writer = await store.create(key, sizeBytes + footer.length);
  await writer.write(Buffer.concat([bytes, footer]));
  await writer.commit();
  return { key, ...row };
}
