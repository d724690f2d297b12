import { formatRange, limits, rangeLength } from "@moraine/protocol";
import { hasCode } from "../../error-code.ts";
import type { GlacierClient } from "../../glacier-client.ts";
import { everyItem } from "../../paginate.ts";
import { inParallel } from "../in-parallel.ts";
import { type SendContext, sendPart } from "./send-part.ts";
import type { SourcePart } from "./source-part.ts";
import { readUnfinished, type UploadJournal } from "./upload-journal.ts";

export interface UploadPlace {
  readonly client: GlacierClient;
  readonly vaultName: string;
  readonly accountId: string | undefined;
}

export interface MultipartUpload {
  readonly uploadId: string;
  readonly partSizeBytes: number;
  /** The parts that the service has: tree hashes by range, `{first}-{last}`. */
  readonly known: ReadonlyMap<string, string>;
}

/** Finds the journal's upload, with the parts that the service has of it. Null if there is none, or it no longer exists. */
export async function resumeUpload(
  place: UploadPlace,
  journal: UploadJournal,
  { progress, signal }: SendContext,
): Promise<MultipartUpload | null> {
  const { upload } = journal.state;
  if (upload === null) {
    return null;
  }
  try {
    return { ...upload, known: await knownParts(place, upload.uploadId, signal) };
  } catch (error) {
    if (!hasCode(error, "ResourceNotFoundException")) {
      throw error;
    }
    const message = `The unfinished upload ${upload.uploadId} no longer exists, nor do its parts; a new one starts`;
    progress.emit({ kind: "warning", code: "upload-gone", message });
    return null;
  }
}

/** Starts an upload, and records it in the journal before any part is sent. */
export async function startUpload(
  { client, vaultName, accountId }: UploadPlace,
  journal: UploadJournal,
  { partSizeBytes, description }: { partSizeBytes: number; description: string | undefined },
  signal: AbortSignal,
): Promise<MultipartUpload> {
  const { uploadId, location } = await client.initiateMultipartUpload(
    { vaultName, accountId, partSize: partSizeBytes, archiveDescription: description },
    { signal },
  );
  try {
    await journal.note({ account: accountOf(location), upload: { uploadId, partSizeBytes }, request: null });
  } catch (error) {
    // No later run would know the upload.
    await client.abortMultipartUpload({ vaultName, accountId, uploadId }, { signal }).catch(() => undefined);
    throw error;
  }
  return { uploadId, partSizeBytes, known: new Map() };
}

/** Returns the account in a path like `/123456789012/vaults/photos/…`; null if the service has other paths. */
function accountOf(location: string | undefined): string | null {
  return /^\/([0-9]{12})\//.exec(location ?? "")?.[1] ?? null;
}

/**
 * Aborts the journal's upload, in the journal's vault. Only the process that holds the journal's lock may call it: another may be sending
 * parts.
 */
export async function abortUnfinished(client: GlacierClient, journal: string, signal: AbortSignal): Promise<void> {
  const unfinished = await readUnfinished(journal);
  if (unfinished !== null) {
    await client.abortMultipartUpload(unfinished, { signal }).catch((error: unknown) => {
      if (!hasCode(error, "ResourceNotFoundException")) {
        throw error;
      }
    });
  }
}

export async function knownParts(
  { client, vaultName, accountId }: UploadPlace,
  uploadId: string,
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const known = new Map<string, string>();
  const parts = everyItem(client, "listParts", { vaultName, accountId, uploadId }, { signal });
  for await (const { RangeInBytes, SHA256TreeHash } of parts) {
    known.set(RangeInBytes, SHA256TreeHash.toLowerCase());
    if (known.size > limits.partCountMax) {
      throw new Error(`The service lists more than the ${limits.partCountMax} parts that upload ${uploadId} can have`);
    }
  }
  return known;
}

/** The parts of an upload, all of them sent. */
export interface SentParts {
  readonly sizeBytes: number;
  /** Tree hashes of the parts, in order. */
  readonly treeHashes: readonly string[];
}

/** Sends all parts but those that the service has already. */
export async function sendParts(
  { client, vaultName, accountId }: UploadPlace,
  { uploadId, known }: MultipartUpload,
  parts: AsyncIterable<SourcePart>,
  context: SendContext & { readonly concurrency: number },
): Promise<SentParts> {
  const treeHashes: string[] = [];
  let sizeBytes = 0;
  const send = async (part: SourcePart, signal: AbortSignal) => {
    assertCountable(part);
    const { firstByte, lastByte } = part;
    const range = { firstByte, lastByte };
    const knownHash = known.get(formatRange(range));
    const digest = part.mayBeKnown && knownHash !== undefined ? null : await part.digest();
    if (digest === null || knownHash === digest.treeHash) {
      context.progress.resumed(rangeLength(range));
    } else {
      const request = (body: Parameters<typeof client.uploadMultipartPart>[0]["body"]) =>
        client.uploadMultipartPart({ vaultName, accountId, uploadId, range, body }, { signal });
      await sendPart(part, digest, request, { ...context, signal });
      context.progress.verified(rangeLength(range));
    }
    treeHashes[part.index] = digest?.treeHash ?? knownHash ?? "";
    sizeBytes += rangeLength(range);
    part.release();
  };
  await inParallel(parts, context.concurrency, send, context.signal);
  return { sizeBytes, treeHashes };
}

function assertCountable({ index, firstByte }: SourcePart): void {
  if (index >= limits.partCountMax) {
    throw new RangeError(
      `The stream has more than the ${firstByte} bytes that 10,000 parts of this size hold; upload it with larger parts`,
    );
  }
}
