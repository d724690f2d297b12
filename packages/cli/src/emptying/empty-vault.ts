import type { GlacierClient } from "@moraine/client";
import type { CatalogArchive } from "../catalog/archive-row.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { isNamed } from "../exit-codes.ts";
import { type Deletable, type DeletionCounts, type DeletionOptions, deleteArchives } from "./delete-archives.ts";
import { batchSize } from "./deletion-record.ts";
import type { DeletionReport } from "./deletion-report.ts";
import { isDeletable, type LockRules } from "./lock-rules.ts";
import type { ManifestSource } from "./manifest-source.ts";
import type { VerifiedArchive, VerifiedArchives } from "./verified-archives.ts";

/** How archives are deleted, apart from which. */
export interface EmptyingSettings
  extends Pick<DeletionOptions, "concurrency" | "perSecondMax" | "retryForMilliseconds"> {
  readonly client: GlacierClient;
  readonly vaultName: string;
  readonly catalog: Catalog;
  readonly rules: LockRules;
  readonly now: () => Date;
  readonly signal: AbortSignal;
  readonly report: DeletionReport;
}

/** The archives that a manifest records, and whether each copy is read back first. */
export interface VerifiedSelection {
  readonly archives: VerifiedArchives;
  readonly source: ManifestSource;
  readonly checksCopies: boolean;
}

export interface EmptyingResult extends DeletionCounts {
  /** True when AWS closed its API to the account after the last deletion. */
  readonly isClosed: boolean;
}

/** Deletes the archives of the catalogue that the lock allows to delete, or those of them that a manifest records. */
export async function emptyVault(
  settings: EmptyingSettings,
  selection: VerifiedSelection | null,
): Promise<EmptyingResult> {
  const counts = { deleted: 0, deletedBytes: 0, missing: 0, denied: 0, kept: 0 };
  const onProgress = (now: DeletionCounts) => {
    Object.assign(counts, now);
    settings.report.progress(now);
  };
  const options = { ...settings, onProgress, onRetry: (error: Error) => settings.report.retry(error) };
  try {
    await (selection === null
      ? deleteArchives(allowedArchives(settings), async () => true, options)
      : deleteArchives(selection.archives.batches(), copyCheck(selection, settings), options));
  } catch (error) {
    if (isNamed(error, "NoLongerSupportedException") && (await isFinished(settings.catalog, settings.concurrency))) {
      return { ...counts, isClosed: true };
    }
    throw error;
  } finally {
    settings.report.finish();
  }
  return { ...counts, isClosed: false };
}

/** Whether the catalogue has no archive left that exists. */
export const isEmpty = (catalog: Pick<Catalog, "archives">): Promise<boolean> => hasAtMost(0, catalog);

/**
 * Whether the catalogue has no more archives left than a run may have deleted without recording it: those of a group that a kill has lost, and
 * those whose responses were lost.
 */
export function isFinished(catalog: Pick<Catalog, "archives">, concurrency: number): Promise<boolean> {
  return hasAtMost(batchSize + concurrency, catalog);
}

async function hasAtMost(count: number, { archives }: Pick<Catalog, "archives">): Promise<boolean> {
  let seen = 0;
  for await (const batch of archives.inOrderOfCreation()) {
    seen += batch.length;
    if (seen > count) {
      return false;
    }
  }
  return true;
}

async function* allowedArchives({ catalog, rules, now }: EmptyingSettings): AsyncGenerator<readonly Deletable[]> {
  for await (const batch of catalog.archives.inOrderOfCreation()) {
    yield batch.filter(({ createdAt }) => isDeletable(rules, createdAt, now()));
  }
}

/** Returns the check of an archive's copy: the archive is kept unless all bytes of the copy are right. */
function copyCheck({ source, checksCopies }: VerifiedSelection, { report }: EmptyingSettings) {
  return async ({ archiveId, copy }: VerifiedArchive, signal: AbortSignal): Promise<boolean> => {
    const state = checksCopies ? await source.target.check(copy, signal) : "sound";
    if (state !== "sound") {
      const { location } = copy;
      report.note("kept", `kept ${archiveId}: its copy ${location} is ${state}`, { archiveId, location, state });
    }
    return state === "sound";
  };
}

/** Whether a target of the catalogue has a verified copy of the archive. */
export function verifiedAnywhere({ copies }: Pick<Catalog, "copies">): (archive: CatalogArchive) => boolean {
  const targets = copies.targetUrls().map((url) => copies.of(url));
  return ({ number }) => targets.some((target) => target.get(number)?.state === "verified");
}
