import { hash } from "node:crypto";
import type { Sha256, TreeHash } from "@moraine/protocol";
import type { Segment } from "../domain/segment.ts";
import type { MetadataStore } from "../domain/stores/metadata-store.ts";
import { nextPlace } from "../domain/stores/next-place.ts";
import type { Instant } from "../domain/time/instant.ts";
import type { Archive } from "../domain/vaults/archive.ts";
import { ArchiveAssembly, type ExpectedArchive, type MultipartUpload } from "../domain/vaults/multipart-upload.ts";
import type { PermittedVault } from "../domain/vaults/permission.ts";

const pageRows = 250;
const sha256: Sha256 = (bytes) => hash("sha256", bytes, "buffer");

export interface Completion extends PermittedVault {
  readonly uploadId: string;
  readonly claim: ExpectedArchive;
  readonly idleSince: Instant;
  readonly now: Instant;
}

/** An archive that the parts of an upload make, before it is one. */
export interface UnlistedArchive {
  readonly upload: MultipartUpload;
  readonly sizeBytes: number;
  readonly treeHash: TreeHash;
  readonly partsRevision: number;
  /** The parts in order, a page at a time. They may be later ones than those that were assembled. */
  parts(): AsyncIterable<readonly Segment[]>;
}

/** Stores the list of an archive's parts as a pending segment, and returns the result of `record`, which makes it live or not. */
export type StoreManifest = <Result>(
  archive: UnlistedArchive,
  record: (manifest: Segment) => Promise<Result>,
) => Promise<Result>;

type Metadata = Omit<MetadataStore, "close">;

/**
 * Makes the archive of an upload, or returns it again. Up to 10,000 parts are read page by page and joined here, and the
 * change itself only sees that they are still the same: all other changes would wait while it read them.
 */
export async function completeUpload(
  metadata: Metadata,
  completion: Completion,
  storeManifest: StoreManifest,
): Promise<Archive> {
  for (;;) {
    const archive = await tryToComplete(metadata, completion, storeManifest);
    if (archive !== null) {
      return archive;
    }
  }
}

/** Null when the parts changed meanwhile. */
async function tryToComplete(
  metadata: Metadata,
  completion: Completion,
  storeManifest: StoreManifest,
): Promise<Archive | null> {
  const archive = await assemble(metadata, completion);
  if (archive === "changed") {
    return null;
  }
  if (archive === null) {
    return metadata.completeUpload({ ...completion, assembled: null });
  }
  const { sizeBytes, treeHash, partsRevision } = archive;
  return storeManifest(archive, (manifest) =>
    metadata.completeUpload({ ...completion, assembled: { sizeBytes, treeHash, partsRevision, manifest } }),
  );
}

/** Null when the upload is not open. A mistake in parts that changed while they were read may be none. */
async function assemble(metadata: Metadata, completion: Completion): Promise<UnlistedArchive | "changed" | null> {
  const found = await metadata.findUploadRevision(completion);
  if (found === null) {
    return null;
  }
  const { upload, partsRevision } = found;
  try {
    const joined = await joinParts(metadata, upload, completion.claim);
    return { ...joined, upload, partsRevision, parts: () => partsOf(metadata, upload) };
  } catch (error) {
    const again = await metadata.findUploadRevision(completion);
    if (again?.partsRevision === partsRevision) {
      throw error;
    }
    return "changed";
  }
}

async function joinParts(metadata: Metadata, upload: MultipartUpload, claim: ExpectedArchive) {
  const assembly = new ArchiveAssembly(upload, sha256);
  for await (const parts of partsOf(metadata, upload)) {
    for (const part of parts) {
      assembly.push(part);
    }
  }
  return assembly.finish(claim);
}

async function* partsOf(metadata: Metadata, upload: MultipartUpload): AsyncGenerator<readonly Segment[], void, void> {
  let afterByte: number | null = null;
  do {
    const page = await metadata.listParts({ uploadId: upload.id, afterByte, limit: pageRows });
    yield page;
    const last = page.at(-1);
    afterByte = last === undefined ? null : nextPlace(afterByte, last.firstByte);
  } while (afterByte !== null);
}
