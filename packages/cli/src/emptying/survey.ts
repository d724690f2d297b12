import type { CatalogArchive } from "../catalog/archives/archive-row.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { missingByteDaysOf } from "../pricing/estimate.ts";
import { deletableFrom, isDeletable, type LockRules } from "./lock-rules.ts";

/** The archives that emptying a vault would delete, and those that it would not. */
export interface EmptyingSurvey {
  /** Archives of the catalogue that exist. */
  readonly all: SurveyCount;
  /** The archives that would be deleted. */
  readonly selected: SurveyCount;
  /** Archives of which no other copy is known to be verified. */
  readonly unverified: SurveyCount & { readonly examples: readonly string[] };
  /** Archives that the vault's lock protects, and the dates from which it allows their deletion; null for never. */
  readonly locked: SurveyCount & { readonly firstAllowedAt: Date | null; readonly lastAllowedAt: Date | null };
  /** The sum, over the selected archives, of the billed bytes times the days that are missing until a deletion has no fee. */
  readonly missingByteDays: number;
}

export interface SurveyCount {
  readonly archives: number;
  readonly bytes: number;
}

export interface SurveyOptions {
  readonly rules: LockRules;
  readonly now: Date;
  /** Archives that the catalogue gets later are not counted, nor deleted. */
  readonly lastNumber: number;
  readonly isVerified: (archive: CatalogArchive) => boolean;
  /** Whether only verified archives would be deleted. */
  readonly onlyVerified: boolean;
  readonly signal: AbortSignal;
}

export const examplesMax = 5;

/** Looks at each archive of the catalogue once. */
export async function surveyOf(catalog: Pick<Catalog, "archives">, options: SurveyOptions): Promise<EmptyingSurvey> {
  const counter = new SurveyCounter(options);
  for await (const batch of catalog.archives.inOrderOfCreation({ numberMax: options.lastNumber })) {
    options.signal.throwIfAborted();
    for (const archive of batch) {
      counter.add(archive);
    }
  }
  return counter.survey();
}

class SurveyCounter {
  readonly #options: SurveyOptions;
  readonly #counts = { all: noCount(), selected: noCount(), unverified: noCount(), locked: noCount() };
  readonly #examples: string[] = [];
  #firstAllowedAt: Date | null = null;
  #lastAllowedAt: Date | null = null;
  #missingByteDays = 0;

  constructor(options: SurveyOptions) {
    this.#options = options;
  }

  /** Counts an archive. They are expected by their dates of creation. */
  add(archive: CatalogArchive): void {
    const { isVerified, onlyVerified } = this.#options;
    count(this.#counts.all, archive);
    const hasCopy = isVerified(archive);
    if (!hasCopy) {
      this.#addUnverified(archive);
    }
    if (this.#isLocked(archive)) {
      count(this.#counts.locked, archive);
    } else if (hasCopy || !onlyVerified) {
      count(this.#counts.selected, archive);
      this.#missingByteDays += missingByteDaysOf(archive, this.#options.now);
    }
  }

  survey(): EmptyingSurvey {
    const { all, selected, unverified, locked } = this.#counts;
    return {
      all,
      selected,
      unverified: { ...unverified, examples: this.#examples },
      locked: { ...locked, firstAllowedAt: this.#firstAllowedAt, lastAllowedAt: this.#lastAllowedAt },
      missingByteDays: this.#missingByteDays,
    };
  }

  #addUnverified(archive: CatalogArchive): void {
    count(this.#counts.unverified, archive);
    if (this.#examples.length < examplesMax) {
      this.#examples.push(archive.path || archive.archiveId);
    }
  }

  #isLocked({ createdAt }: CatalogArchive): boolean {
    const { rules, now } = this.#options;
    if (isDeletable(rules, createdAt, now)) {
      return false;
    }
    const allowedAt = deletableFrom(rules, createdAt);
    this.#firstAllowedAt ??= allowedAt;
    this.#lastAllowedAt = allowedAt;
    return true;
  }
}

interface Count {
  archives: number;
  bytes: number;
}

const noCount = (): Count => ({ archives: 0, bytes: 0 });

function count(sum: Count, { sizeBytes }: CatalogArchive): void {
  sum.archives += 1;
  sum.bytes += sizeBytes;
}
