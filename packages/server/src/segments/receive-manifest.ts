import { manifestPlace, type Segment } from "../domain/segment.ts";
import { encodeManifest, type ManifestHead, manifestSizeMax } from "./manifest.ts";
import { type ReceiveServices, receiveSegment } from "./receive.ts";

interface NewManifest<Result> {
  readonly head: ManifestHead;
  /** No fewer than there are. */
  readonly partCount: number;
  readonly parts: AsyncIterable<readonly Segment[]>;
  record(manifest: Segment): Promise<Result>;
}

/** Stores the list of an archive's parts like any segment: the database may be lost later. */
export const receiveManifest = <Result>(
  services: ReceiveServices,
  { head, partCount, parts, record }: NewManifest<Result>,
): Promise<Result> =>
  receiveSegment(services, {
    kind: "manifest",
    ownerId: head.archiveId,
    vaultArn: head.vaultArn,
    description: head.description,
    firstByte: manifestPlace,
    sizeBytes: manifestSizeMax(partCount),
    body: encodeManifest(head, parts),
    check: () => undefined,
    record,
  });
