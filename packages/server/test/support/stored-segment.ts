import type { Segment } from "../../src/domain/segment.ts";
import type { BlobStore } from "../../src/domain/stores/blob-store.ts";
import { LeafHashes } from "../../src/segments/content-hash.ts";
import { encodeFooter } from "../../src/segments/footer.ts";

/** Stores bytes as a segment with its footer, without a server and without a row. */
export async function storedSegment(store: BlobStore, ownerId: string, bytes: Uint8Array): Promise<Segment> {
  const sizeBytes = bytes.length;
  const hasher = new LeafHashes(sizeBytes);
  hasher.update(bytes);
  const digest = hasher.digest();
  const row = { ownerId, firstByte: 0, sizeBytes, treeHash: digest.treeHash };
  const footer = encodeFooter({ ...row, ...digest, vaultArn: "arn", description: "", storedAt: 1 });
  const key = store.newKey(ownerId);
  const writer = await store.create(key, sizeBytes + footer.length);
  await writer.write(Buffer.concat([bytes, footer]));
  await writer.commit();
  return { key, ...row };
}
