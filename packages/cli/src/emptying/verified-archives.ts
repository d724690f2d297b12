import type { CatalogArchive } from "../catalog/archives/archive-row.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { ManifestEntry } from "../manifest/manifest-entry.ts";
import { readManifest } from "../manifest/manifest-reader.ts";
import { LastEntries } from "./last-entries.ts";

/** An archive of the catalogue with the copy that a manifest records. */
export interface VerifiedArchive extends Pick<CatalogArchive, "number" | "archiveId" | "sizeBytes" | "createdAt"> {
  readonly copy: Pick<ManifestEntry, "location" | "sizeBytes" | "treeHash" | "sha256">;
}

/** The archives that a manifest records as verified, among those of the catalogue that exist. Memory does not grow with either. */
export class VerifiedArchives implements Disposable {
  readonly #open: () => AsyncIterable<Uint8Array>;
  readonly #archives: Catalog["archives"];
  readonly #last = new LastEntries();
  readonly #isAllowed: (archive: CatalogArchive) => boolean;

  /**
   * @param open reads the manifest from its beginning; called for each pass.
   * @param isAllowed false for an archive that the vault's lock protects.
   */
  constructor(
    open: () => AsyncIterable<Uint8Array>,
    { archives, isAllowed }: { readonly archives: Catalog["archives"]; isAllowed(archive: CatalogArchive): boolean },
  ) {
    this.#open = open;
    this.#archives = archives;
    this.#isAllowed = isAllowed;
  }

  /** Reads the manifest once. To be called before the others. */
  async index(): Promise<void> {
    let entry = 0;
    for await (const entries of readManifest(this.#open())) {
      const found: { archive: number; entry: number }[] = [];
      for (const one of entries) {
        entry += 1;
        const archive = this.#archives.get(one.archiveId);
        if (archive !== null && exists(archive) && isSame(archive, one)) {
          found.push({ archive: archive.number, entry });
        }
      }
      this.#last.add(found);
    }
  }

  /** Yields the archives that may be deleted, each with its last entry. */
  async *batches(): AsyncGenerator<readonly VerifiedArchive[], void, void> {
    for await (const { archive, entry } of this.#matches()) {
      if (this.#isAllowed(archive)) {
        const { number, archiveId, sizeBytes, createdAt } = archive;
        yield [{ number, archiveId, sizeBytes, createdAt, copy: entry }];
      }
    }
  }

  /** Whether the manifest records the archive, with its size and tree hash. */
  has(archive: Pick<CatalogArchive, "number">): boolean {
    return this.#last.of(archive.number) !== null;
  }

  [Symbol.dispose](): void {
    this.#last[Symbol.dispose]();
  }

  async *#matches(): AsyncGenerator<{ readonly archive: CatalogArchive; readonly entry: ManifestEntry }, void, void> {
    let number = 0;
    for await (const entries of readManifest(this.#open())) {
      for (const entry of entries) {
        number += 1;
        const archive = this.#archives.get(entry.archiveId);
        if (archive !== null && exists(archive) && this.#last.of(archive.number) === number) {
          yield { archive, entry };
        }
      }
    }
  }
}

const exists = ({ state }: CatalogArchive) => state === "present" || state === "uploaded";

const isSame = (archive: CatalogArchive, entry: ManifestEntry) =>
  archive.sizeBytes === entry.sizeBytes && archive.treeHash === entry.treeHash;
