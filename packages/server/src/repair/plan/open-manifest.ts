import type { Segment } from "../../domain/segment.ts";
import type { BlobStore } from "../../domain/stores/blob-store.ts";
import { type ManifestHead, readManifest } from "../../segments/manifest.ts";
import { openUnknownSegment } from "../../segments/open-unknown.ts";

/** A manifest that is open: its parts are read once. */
export interface OpenManifest extends AsyncDisposable {
  readonly segment: Segment;
  readonly head: ManifestHead;
  readonly parts: AsyncIterable<Segment>;
}

export async function openManifest(blobs: BlobStore, key: string): Promise<OpenManifest> {
  const opened = await openUnknownSegment(blobs, key);
  const { segment } = opened;
  const dispose = () => opened.close();
  try {
    return { segment, ...(await readManifest(segment, opened)), [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}
