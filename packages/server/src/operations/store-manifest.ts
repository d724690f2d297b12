import type { Segment } from "../domain/segment.ts";
import type { Instant } from "../domain/time/instant.ts";
import { receiveManifest } from "../segments/receive-manifest.ts";
import type { UnlistedArchive } from "./complete-upload.ts";
import type { Services } from "./context.ts";

interface NewManifest<Result> {
  readonly unlisted: UnlistedArchive;
  readonly vaultArn: string;
  readonly createdAt: Instant;
  record(manifest: Segment): Promise<Result>;
}

/** Stores the manifest of an upload that is being completed, durable before the archive's row. */
export function storeManifest<Result>(
  services: Services,
  { unlisted, vaultArn, createdAt, record }: NewManifest<Result>,
): Promise<Result> {
  const { upload, sizeBytes, treeHash, partsRevision } = unlisted;
  const { archiveId, description, partSizeBytes } = upload;
  const head = { archiveId, vaultArn, description, createdAt, sizeBytes, treeHash, partsRevision };
  const partCount = Math.ceil(sizeBytes / partSizeBytes);
  return receiveManifest(services, { head, partCount, parts: unlisted.parts(), record });
}
