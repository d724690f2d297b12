import { hash } from "node:crypto";
import type { Sha256 } from "@moraine/protocol";
import type { MetadataStore } from "../domain/stores/metadata-store.ts";
import type { Instant } from "../domain/time/instant.ts";
import type { Archive } from "../domain/vaults/archive.ts";
import {
  ArchiveAssembly,
  type AssembledArchive,
  type ExpectedArchive,
  type MultipartUpload,
} from "../domain/vaults/multipart-upload.ts";
import type { PermittedVault } from "../domain/vaults/permission.ts";

const pageRows = 250;
const sha256: Sha256 = (bytes) => hash("sha256", bytes, "buffer");

export interface Completion extends PermittedVault {
  readonly uploadId: string;
  readonly claim: ExpectedArchive;
  readonly idleSince: Instant;
  readonly now: Instant;
}

/**
 * Makes the archive of an upload, or returns it again. Up to 10,000 parts are read page by page and joined here, and the
 * change itself only sees that they are still the same: all other changes would wait while it read them.
 */
export async function completeUpload(metadata: Omit<MetadataStore, "close">, completion: Completion): Promise<Archive> {
  for (;;) {
    const assembled = await assemble(metadata, completion);
    const archive = assembled === "changed" ? null : await metadata.completeUpload({ ...completion, assembled });
    if (archive !== null) {
      return archive;
    }
  }
}

/** Null when the upload is not open. A mistake in parts that changed while they were read may be none. */
async function assemble(
  metadata: Omit<MetadataStore, "close">,
  completion: Completion,
): Promise<AssembledArchive | "changed" | null> {
  const found = await metadata.findUploadRevision(completion);
  if (found === null) {
    return null;
  }
  const { upload, partsRevision } = found;
  try {
    return { ...(await joinParts(metadata, upload, completion.claim)), partsRevision };
  } catch (error) {
    const again = await metadata.findUploadRevision(completion);
    if (again?.partsRevision === partsRevision) {
      throw error;
    }
    return "changed";
  }
}

async function joinParts(metadata: Omit<MetadataStore, "close">, upload: MultipartUpload, claim: ExpectedArchive) {
  const assembly = new ArchiveAssembly(upload, sha256);
  let afterByte: number | null = null;
  do {
    const page = await metadata.listParts({ uploadId: upload.id, afterByte, limit: pageRows });
    for (const part of page) {
      assembly.push(part);
    }
    afterByte = page.at(-1)?.firstByte ?? null;
  } while (afterByte !== null);
  return assembly.finish(claim);
}
