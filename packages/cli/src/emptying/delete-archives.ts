import type { GlacierClient } from "@moraine/client";
import { inParallel } from "@moraine/client/node";
import type { CatalogArchive } from "../catalog/archives/archive-row.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { paced } from "../transfers/paced.ts";
import { DeletionRecord } from "./deletion-record.ts";

/** An archive to delete. */
export type Deletable = Pick<CatalogArchive, "number" | "archiveId" | "sizeBytes">;

export interface DeletionOptions {
  readonly client: GlacierClient;
  readonly vaultName: string;
  readonly catalog: Pick<Catalog, "archives">;
  /** Requests at the same time. */
  readonly concurrency: number;
  /** Deletions a second; null for as many as the service accepts. */
  readonly perSecondMax: number | null;
  /** Outages that are outlasted. */
  readonly retryForMilliseconds: number;
  readonly now: () => Date;
  readonly signal: AbortSignal;
  readonly onRetry: (error: Error) => void;
  readonly onProgress: (counts: DeletionCounts) => void;
}

export interface DeletionCounts {
  readonly deleted: number;
  readonly deletedBytes: number;
  /** The part of `deleted` that the service did not have any more. */
  readonly missing: number;
  /** Archives whose deletion a policy denies. */
  readonly denied: number;
  /** Archives that the check of their copies has kept. */
  readonly kept: number;
}

/** Deletions that a policy denies, without one that it allows, before all are given up. */
const deniedMax = 50;

/**
 * Deletes archives in parallel. The client slows down as long as the service throttles. Each deletion is recorded in the catalogue, so that
 * another run resumes. A denied deletion does not stop the others, unless all are denied.
 *
 * @param mayDelete called before each deletion; false keeps the archive.
 */
export async function deleteArchives<Archive extends Deletable>(
  batches: AsyncIterable<readonly Archive[]>,
  mayDelete: (archive: Archive, signal: AbortSignal) => Promise<boolean>,
  options: DeletionOptions,
): Promise<DeletionCounts> {
  const record = new DeletionRecord(options.catalog, options.now);
  const counts = { deleted: 0, deletedBytes: 0, missing: 0, denied: 0, kept: 0 };
  try {
    const work = async (archive: Archive, signal: AbortSignal) => {
      if (!(await mayDelete(archive, signal))) {
        counts.kept += 1;
      } else {
        await deleteOne(archive, { counts, record }, { ...options, signal });
      }
      options.onProgress(counts);
    };
    await inParallel(paced(batches, options), options.concurrency, work, options.signal);
  } finally {
    record.flush();
  }
  return counts;
}

type Counts = { -readonly [Name in keyof DeletionCounts]: DeletionCounts[Name] };

async function deleteOne(
  { number, archiveId, sizeBytes }: Deletable,
  { counts, record }: { readonly counts: Counts; readonly record: DeletionRecord },
  { client, vaultName, retryForMilliseconds, signal, onRetry }: DeletionOptions,
): Promise<void> {
  const watched = { signal, retryForMilliseconds, onRetry: ({ error }: { error: Error }) => onRetry(error) };
  try {
    await client.deleteArchive({ vaultName, archiveId }, watched);
  } catch (error) {
    if (!(error instanceof Error)) {
      throw error;
    }
    if (error.name === "AccessDeniedException" && (counts.deleted > 0 || counts.denied < deniedMax)) {
      counts.denied += 1;
      return;
    }
    if (error.name !== "ResourceNotFoundException") {
      throw error;
    }
    counts.missing += 1;
  }
  counts.deleted += 1;
  counts.deletedBytes += sizeBytes;
  record.add(number);
}
