import type { CatalogArchive } from "../../catalog/archives/archive-row.ts";
import type { Catalog } from "../../catalog/catalog.ts";
import { ListedNumbers } from "../../catalog/inventory/listed-numbers.ts";
import { ArchiveSelection, type SelectionOptions } from "../../rescue/selection.ts";
import { newerOf } from "./newest-archive.ts";

/** The newest archive of each path that matches. */
export class NewestSelection extends ArchiveSelection {
  readonly #newest: ListedNumbers;

  private constructor(catalog: Catalog, options: SelectionOptions, newest: ListedNumbers) {
    super(catalog, options);
    this.#newest = newest;
  }

  /** Reads the catalogue in the order of paths, so that the versions of a path follow each other. An archive without a path is one of its own. */
  static async of(
    catalog: Catalog,
    options: SelectionOptions,
    { prefix, signal }: { readonly prefix: string; readonly signal: AbortSignal },
  ): Promise<NewestSelection> {
    const versions = new Versions();
    const all = new ArchiveSelection(catalog, options);
    for await (const batch of catalog.archives.inOrderOfPath(options.filter, prefix)) {
      signal.throwIfAborted();
      for (const archive of batch.filter((one) => all.has(one))) {
        versions.add(archive);
      }
    }
    return new NewestSelection(catalog, options, versions.newest());
  }

  override async *archives(): AsyncGenerator<readonly CatalogArchive[], void, void> {
    for await (const batch of super.archives()) {
      yield batch.filter(({ number }) => this.#newest.has(number));
    }
  }

  override has(archive: CatalogArchive): boolean {
    return this.#newest.has(archive.number) && super.has(archive);
  }
}

/** Takes the archives of one path after the other, and keeps the newest of each. */
class Versions {
  readonly #numbers = new ListedNumbers();
  #last: CatalogArchive | null = null;

  add(archive: CatalogArchive): void {
    const last = this.#last;
    const isVersion = last !== null && last.path === archive.path && archive.path !== "";
    if (last !== null && !isVersion) {
      this.#numbers.add(last.number);
    }
    this.#last = isVersion ? newerOf(last, archive) : archive;
  }

  newest(): ListedNumbers {
    if (this.#last !== null) {
      this.#numbers.add(this.#last.number);
    }
    return this.#numbers;
  }
}
