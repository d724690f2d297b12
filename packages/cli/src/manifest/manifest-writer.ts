import type { Target, TargetDocuments } from "../targets/target.ts";
import { manifestName } from "./document-names.ts";
import { lineOf, type ManifestEntry } from "./manifest-entry.ts";

/** One append has at most this many lines, of half a kilobyte each. */
const groupMax = 1000;

interface Waiting {
  readonly entry: ManifestEntry;
  readonly written: PromiseWithResolvers<void>;
}

/** A place that keeps a manifest. */
interface ManifestPlace extends Pick<Target, "recorded"> {
  readonly documents: Pick<TargetDocuments, "append">;
}

/**
 * Appends entries to a target's MANIFEST.jsonl. Entries that arrive while an append is in progress are appended together, so that many copies
 * a second do not need a sync each.
 */
export class ManifestWriter {
  readonly #target: ManifestPlace;
  readonly #waiting: Waiting[] = [];
  #writing: Promise<void> | null = null;
  /** Size of the manifest after the last append; null before the first. */
  sizeBytes: number | null = null;

  constructor(target: ManifestPlace) {
    this.#target = target;
  }

  /** Resolves when the entry is durable. After a rejection, the same entry may be appended again. */
  append(entry: ManifestEntry): Promise<void> {
    const written = Promise.withResolvers<void>();
    this.#waiting.push({ entry, written });
    this.#writing ??= this.#writeAll();
    return written.promise;
  }

  /** Resolves when no entry waits. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    // Entries of the same turn join the first group.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      await this.#write(this.#waiting.splice(0, groupMax));
    }
    // In the same turn as the last look: an entry that comes later starts another round.
    this.#writing = null;
  }

  async #write(group: readonly Waiting[]): Promise<void> {
    try {
      const lines = group.map(({ entry }) => lineOf(entry)).join("");
      this.sizeBytes = await this.#target.documents.append(manifestName, lines);
      await this.#target.recorded?.(group.map(({ entry }) => entry.archiveId));
      for (const { written } of group) {
        written.resolve();
      }
    } catch (error) {
      for (const { written } of group) {
        written.reject(error);
      }
    }
  }
}
