import { manifestPlace, type Segment } from "../domain/segment.ts";
import type { Instant } from "../domain/time/instant.ts";
import { encodeManifest, manifestSizeMax } from "../segments/manifest.ts";
import { receiveSegment } from "../segments/receive.ts";
import type { UnlistedArchive } from "./complete-upload.ts";
import type { Services } from "./context.ts";

interface NewManifest<Result> {
  readonly unlisted: UnlistedArchive;
  readonly vaultArn: string;
  readonly createdAt: Instant;
  record(manifest: Segment): Promise<Result>;
}

/** Stores the list of an archive's parts like any segment, durable before the archive's row: the database may be lost later. */
export function storeManifest<Result>(
  services: Services,
  { unlisted, vaultArn, createdAt, record }: NewManifest<Result>,
): Promise<Result> {
  const { upload, sizeBytes, treeHash, partsRevision } = unlisted;
  const { archiveId, description, partSizeBytes } = upload;
  const head = { archiveId, vaultArn, description, createdAt, sizeBytes, treeHash, partsRevision };
  const partCount = Math.ceil(sizeBytes / partSizeBytes);
  return receiveSegment(services, {
    kind: "manifest",
    ownerId: archiveId,
    vaultArn,
    description,
    firstByte: manifestPlace,
    sizeBytes: manifestSizeMax(partCount),
    body: encodeManifest(head, unlisted.parts()),
    check: () => undefined,
    record,
  });
}
