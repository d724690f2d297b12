import type { ArchiveFilter } from "../catalog/archives/archive-filter.ts";
import type { CatalogArchive } from "../catalog/archives/archive-row.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { TargetCopies } from "../catalog/tables/copy-table.ts";
import { nothing, plus, type Work } from "./work.ts";

/** Which archives of the catalogue are rescued. */
export interface SelectionOptions {
  readonly filter: Pick<ArchiveFilter, "sizeBytesMin" | "sizeBytesMax" | "createdFrom" | "createdBefore">;
  /** Tests a decoded path; null takes all. */
  readonly matches: ((path: string) => boolean) | null;
  /** Only these; null takes all. */
  readonly archiveIds: ReadonlySet<string> | null;
}

export class ArchiveSelection {
  readonly #catalog: Catalog;
  readonly #options: SelectionOptions;

  constructor(catalog: Catalog, options: SelectionOptions) {
    this.#catalog = catalog;
    this.#options = options;
  }

  /** Yields the selected archives in the order of their creation, in batches. */
  async *archives(): AsyncGenerator<readonly CatalogArchive[], void, void> {
    for await (const batch of this.#catalog.archives.inOrderOfCreation(this.#options.filter)) {
      yield batch.filter((archive) => this.#isNamed(archive));
    }
  }

  has(archive: CatalogArchive): boolean {
    const {
      sizeBytesMin = 0,
      sizeBytesMax = Number.POSITIVE_INFINITY,
      createdFrom,
      createdBefore,
    } = this.#options.filter;
    const { sizeBytes, createdAt, state } = archive;
    const isOfSize = sizeBytes >= sizeBytesMin && sizeBytes <= sizeBytesMax;
    const isOfTime =
      (createdFrom === undefined || createdAt >= createdFrom) &&
      (createdBefore === undefined || createdAt < createdBefore);
    return (state === "present" || state === "uploaded") && isOfSize && isOfTime && this.#isNamed(archive);
  }

  #isNamed({ path, archiveId }: CatalogArchive): boolean {
    const { matches, archiveIds } = this.#options;
    return (matches?.(path) ?? true) && (archiveIds === null || archiveIds.has(archiveId));
  }

  /** Counts the selected archives, and those of them whose copies are verified. */
  async count(
    copies: TargetCopies,
    signal: AbortSignal,
  ): Promise<{ readonly selected: Work; readonly verified: Work }> {
    const { filter, matches, archiveIds } = this.#options;
    if (matches === null && archiveIds === null && Object.keys(filter).length === 0) {
      const { archives, bytes } = await this.#catalog.archives.totals(filter);
      const { verified } = copies.totals();
      return { selected: { archives, bytes }, verified: { archives: verified.copies, bytes: verified.bytes } };
    }
    let [selected, verified] = [nothing, nothing];
    for await (const batch of this.archives()) {
      signal.throwIfAborted();
      for (const { number, sizeBytes } of batch) {
        selected = plus(selected, { archives: 1, bytes: sizeBytes });
        if (copies.get(number)?.state === "verified") {
          verified = plus(verified, { archives: 1, bytes: sizeBytes });
        }
      }
    }
    return { selected, verified };
  }
}
