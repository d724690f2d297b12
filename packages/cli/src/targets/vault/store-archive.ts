import { hash } from "node:crypto";
import { join } from "node:path";
import { type DigestPool, type GlacierClient, type RangedSource, uploadArchive } from "@moraine/client/node";
import { isDescription } from "@moraine/protocol";
import type { ByteBudget } from "../parts/byte-budget.ts";
import { inMemoryBytesMax, partSizeFor } from "../parts/part-size.ts";
import { readingBytesMax, verifiedRange } from "../parts/verified-range.ts";
import type { ArchiveFacts, ArchiveOutput, StoredCopy, StoreOptions } from "../target.ts";
import { SingleHash } from "./single-hash.ts";
import { targetError } from "./vault-errors.ts";

const concurrency = 3;
const descriptionLengthMax = 1024;

/** The services that the steps of a copy share. */
export interface VaultParts {
  readonly client: GlacierClient;
  readonly vaultName: string;
  readonly pool: DigestPool;
  readonly budget: ByteBudget;
  /** A local folder for what resumes uploads. */
  readonly stateFolder: string;
  /** The target, for messages. */
  readonly shown: string;
}

/** Returns the path of an archive's journal, whatever its id contains. */
export const journalPath = (stateFolder: string, archiveId: string): string =>
  join(stateFolder, `${hash("sha256", archiveId).slice(0, 32)}.upload`);

/**
 * Uploads an archive. Parts that the service has already are not fetched again. No archive with another tree hash is made: the service
 * compares the one that is known.
 */
export async function storeArchive(
  parts: VaultParts,
  archive: ArchiveFacts,
  output: ArchiveOutput,
  options: StoreOptions,
): Promise<StoredCopy> {
  const { client, vaultName, budget, stateFolder, shown } = parts;
  const { signal } = options;
  const partSizeBytes = partSizeFor(archive.sizeBytes);
  using _memory = await budget.acquire(memoryOf(archive.sizeBytes, partSizeBytes), signal);
  const source = new JobSource(parts.pool, archive, output, options);
  try {
    const { archiveId } = await uploadArchive(client, source, {
      vaultName,
      description: descriptionOf(archive),
      journal: journalPath(stateFolder, archive.archiveId),
      ifChanged: "restart",
      partSizeBytes,
      concurrency,
      signal,
    });
    return { location: archiveId, sha256: source.sha256 };
  } catch (error) {
    signal.throwIfAborted();
    // The source's errors are not the target's, although both may be of the same service.
    throw error === source.failure ? error : targetError(error, shown);
  }
}

/** Returns the memory that an upload needs. Parts that do not fit in memory wait in a temporary file. */
function memoryOf(sizeBytes: number, partSizeBytes: number): number {
  const partBytes = Math.min(sizeBytes, partSizeBytes);
  const heldBytes = partBytes <= inMemoryBytesMax ? partBytes : 0;
  return (
    Math.min(concurrency, Math.ceil(sizeBytes / partSizeBytes)) * (heldBytes + Math.min(partBytes, readingBytesMax))
  );
}

/** Returns the archive's description. One that a vault does not accept is encoded, and cut to the length that it accepts. */
function descriptionOf({ description }: ArchiveFacts): string {
  return isDescription(description)
    ? description
    : description
        .toWellFormed()
        .replace(/[^\x20-\x7e]+/g, encodeURIComponent)
        .slice(0, descriptionLengthMax);
}

/** The output of a job, as an upload reads it. */
class JobSource implements RangedSource {
  readonly sizeBytes: number;
  readonly treeHash: string;
  readonly identity: string;
  readonly pool: DigestPool;
  readonly #output: ArchiveOutput;
  readonly #options: StoreOptions;
  readonly #single = new SingleHash();
  /** The error with which reading has failed. */
  failure: unknown;

  constructor(
    pool: DigestPool,
    { archiveId, sizeBytes, treeHash }: ArchiveFacts,
    output: ArchiveOutput,
    options: StoreOptions,
  ) {
    this.pool = pool;
    this.sizeBytes = sizeBytes;
    this.treeHash = treeHash;
    this.identity = `${archiveId} ${treeHash}`;
    this.#output = output;
    this.#options = options;
  }

  /** SHA-256 of the archive, if it was read as a whole. */
  get sha256(): string | null {
    return this.#single.digest;
  }

  async *read(range: {
    readonly firstByte: number;
    readonly lastByte: number;
  }): AsyncGenerator<Uint8Array, void, void> {
    const isWhole = range.firstByte === 0 && range.lastByte === this.sizeBytes - 1;
    try {
      const bytes = verifiedRange(this.#output, range, this.#options);
      yield* isWhole ? this.#single.over(bytes) : bytes;
    } catch (error) {
      this.failure = error;
      throw error;
    }
  }
}
