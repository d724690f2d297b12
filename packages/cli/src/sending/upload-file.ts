import { randomUUID } from "node:crypto";
import type { AnnouncedRequest, CompletionUnknownError, RequestIdentity, UploadOptions } from "@moraine/client/node";
import { recordedInventory } from "../catalog/inventory/recorded-inventory.ts";
import { isNamed } from "../exit-codes.ts";
import type { DescribedFile } from "./local/described-file.ts";
import { UnknownOutcomeError } from "./local/file-failure.ts";
import type { Sending } from "./sending.ts";

/** An archive that the service has stored. */
export interface StoredArchive {
  readonly archiveId: string;
  readonly sizeBytes: number;
  readonly treeHash: string;
  /** Null if its bytes were not hashed in order. */
  readonly sha256: string | null;
  /** Journal of a large file; removed once the archive is recorded. */
  readonly journal: string | null;
}

/** For a day, a Moraine server recognises a request; clocks differ, and the first request took some time. */
const repeatableMilliseconds = 23 * 3_600_000;
/** Clocks differ, and a request takes some time: an inventory that is this much newer lists what the request has stored. */
const inventoryMilliseconds = 3_600_000;
const partsMax = 4;

/**
 * Uploads a file. One of one part is sent in one request, which the catalogue records before; a larger one in parts, with a journal, so that
 * a later run resumes it. Throws UnknownOutcomeError where a repetition might store it twice.
 */
export async function uploadFile(sending: Sending, file: DescribedFile, signal: AbortSignal): Promise<StoredArchive> {
  const { chosenPartSize } = await import("@moraine/client/node");
  const partSizeBytes = chosenPartSize(undefined, file.sizeBytes, sending.bandwidth?.bytesPerSecond);
  return file.sizeBytes <= partSizeBytes ? uploadSmall(sending, file, signal) : uploadLarge(sending, file, signal);
}

async function uploadSmall(sending: Sending, file: DescribedFile, signal: AbortSignal): Promise<StoredArchive> {
  const { uploadArchive } = await import("@moraine/client/node");
  const { uploads } = sending.catalog;
  let sha256: string | null = null;
  let isNew = false;
  try {
    const result = await uploadArchive(
      sending.client,
      { path: file.file },
      {
        ...optionsOf(sending, file, signal),
        beforeRequest: async (request) => {
          sha256 = request.sha256;
          const identity = identityOf(sending, file, request);
          isNew = !identity.isRepeated;
          return identity;
        },
      },
    );
    return { ...result, sha256, journal: null };
  } catch (error) {
    if (isUnknown(error)) {
      throw unknownOutcome(sending, error);
    }
    if (isNew) {
      // Nothing was stored.
      uploads.forget(file.decodedPath);
    }
    throw error;
  }
}

/** Records a request, or finds the earlier one that it repeats. Throws UnknownOutcomeError if that one cannot be repeated safely. */
function identityOf(sending: Sending, { decodedPath }: DescribedFile, request: AnnouncedRequest): RequestIdentity {
  const { uploads } = sending.catalog;
  const { sizeBytes, treeHash } = request;
  const earlier = uploads.sent(decodedPath);
  const isSame = earlier?.sizeBytes === sizeBytes && earlier.treeHash === treeHash;
  if (earlier !== null && isSame) {
    const age = sending.now().getTime() - earlier.sentAt.getTime();
    if (!sending.isAws && age >= 0 && age < repeatableMilliseconds) {
      return { invocationId: earlier.invocationId, isRepeated: true };
    }
    if (!maySendAgain(sending, earlier.sentAt)) {
      throw new UnknownOutcomeError(adviceAbout(sending));
    }
  }
  const invocationId = randomUUID();
  uploads.sending({ path: decodedPath, sizeBytes, treeHash, invocationId, sentAt: sending.now() });
  return { invocationId, isRepeated: false };
}

/** Whether the archive of an earlier request would be in the catalogue: an inventory that was made later has not listed it. */
function maySendAgain({ catalog, resendsUnknown }: Sending, sentAt: Date): boolean {
  const listedAt = recordedInventory(catalog)?.listedAt ?? null;
  return resendsUnknown || (listedAt !== null && listedAt.getTime() - sentAt.getTime() > inventoryMilliseconds);
}

async function uploadLarge(sending: Sending, file: DescribedFile, signal: AbortSignal): Promise<StoredArchive> {
  const { uploadArchive } = await import("@moraine/client/node");
  const journal = sending.journalOf(file.file);
  const options = { ...optionsOf(sending, file, signal), journal, ifChanged: "restart" as const };
  const upload = async (restart: boolean) => {
    const result = await uploadArchive(sending.client, { path: file.file }, { ...options, restart });
    return { ...result, sha256: null, journal };
  };
  try {
    return await upload(false);
  } catch (error) {
    if (!isUnknown(error)) {
      throw error;
    }
    if (isFinal(sending, error) && mayRestart(sending, file, error)) {
      return upload(true);
    }
    throw unknownOutcome(sending, error);
  }
}

/** The journal does not say when the service was asked to complete the upload: the catalogue records when that was first seen. */
function mayRestart(
  sending: Sending,
  { decodedPath }: DescribedFile,
  { sizeBytes, treeHash }: CompletionUnknownError,
): boolean {
  const { uploads } = sending.catalog;
  const earlier = uploads.sent(decodedPath);
  const isSame = earlier?.sizeBytes === sizeBytes && earlier.treeHash === treeHash;
  if (earlier === null || !isSame) {
    uploads.sending({ path: decodedPath, sizeBytes, treeHash, invocationId: randomUUID(), sentAt: sending.now() });
  }
  return sending.resendsUnknown || (earlier !== null && isSame && maySendAgain(sending, earlier.sentAt));
}

function optionsOf(
  { vaultName, pool, bandwidth, concurrency, progress }: Sending,
  { path, description }: DescribedFile,
  signal: AbortSignal,
): UploadOptions {
  const connections = bandwidth?.connectionsMax ?? Number.POSITIVE_INFINITY;
  return {
    vaultName,
    description,
    pool,
    bandwidth,
    signal,
    concurrency: Math.max(1, Math.min(partsMax, Math.floor(connections / concurrency))),
    onEvent: progress.ofFile(path),
  };
}

/**
 * Returns the error to throw where the outcome of a request is unknown. A Moraine server can be asked again, by the next run, so there the
 * reason concerns all files: the service was away for too long.
 */
function unknownOutcome(sending: Sending, error: Error): unknown {
  return isFinal(sending, error)
    ? new UnknownOutcomeError(adviceAbout(sending), { cause: error })
    : (error.cause ?? error);
}

/** Whether the service cannot say any more what became of a request. */
const isFinal = ({ isAws }: Sending, { cause }: Error): boolean => isAws || isNamed(cause, "ResourceNotFoundException");

const adviceAbout = ({ vaultName }: Sending): string =>
  `the response to its upload was lost, so it may be stored. Import an inventory that was made later (moraine catalog import ${vaultName}), ` +
  "and send again; or add --resend-unknown, which may store it twice";

const isUnknown = (error: unknown): error is CompletionUnknownError => isNamed(error, "CompletionUnknownError");
