import type { GlacierClient } from "@moraine/client";
import type { CatalogArchive } from "../catalog/archives/archive-row.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { isNamed } from "../exit-codes.ts";
import { type CheckedCopies, copyCheck } from "./copy-check.ts";
import { type Deletable, type DeletionCounts, type DeletionOptions, deleteArchives } from "./delete-archives.ts";
import { batchSize } from "./deletion-record.ts";
import type { DeletionReport } from "./deletion-report.ts";
import { isDeletable, type LockRules } from "./lock-rules.ts";
import type { VerifiedArchives } from "./verified-archives.ts";

/** How archives are deleted, apart from which. */
export interface EmptyingSettings
  extends Pick<DeletionOptions, "concurrency" | "perSecondMax" | "retryForMilliseconds"> {
  readonly client: GlacierClient;
  readonly vaultName: string;
  readonly catalog: Catalog;
  readonly rules: LockRules;
  /** The last archive of the catalogue that was shown: what is added meanwhile, by a send or an import, stays. */
  readonly lastNumber: number;
  readonly now: () => Date;
  readonly signal: AbortSignal;
  readonly report: DeletionReport;
}

/** The archives that a manifest records, with their copies. */
export interface VerifiedSelection extends CheckedCopies {
  readonly archives: VerifiedArchives;
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
      : deleteArchives(selection.archives.batches(), copyCheck(selection, settings.report), options));
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

/**
 * Whether the catalogue has no more archives left than a run may have deleted without recording it: those of a group that a kill has lost, and
 * those whose responses were lost.
 */
export async function isFinished({ archives }: Pick<Catalog, "archives">, concurrency: number): Promise<boolean> {
  let seen = 0;
  for await (const batch of archives.inOrderOfCreation()) {
    seen += batch.length;
    if (seen > batchSize + concurrency) {
      return false;
    }
  }
  return true;
}

async function* allowedArchives({
  catalog,
  rules,
  lastNumber,
  now,
}: EmptyingSettings): AsyncGenerator<readonly Deletable[]> {
  for await (const batch of catalog.archives.inOrderOfCreation({ numberMax: lastNumber })) {
    yield batch.filter(({ createdAt }) => isDeletable(rules, createdAt, now()));
  }
}

/** Whether a target of the catalogue has a verified copy of the archive. */
export function verifiedAnywhere({ copies }: Pick<Catalog, "copies">): (archive: CatalogArchive) => boolean {
  const targets = copies.targetUrls().map((url) => copies.of(url));
  return ({ number }) => targets.some((target) => target.get(number)?.state === "verified");
}
