import type { CatalogArchive } from "../../catalog/archives/archive-row.ts";
import type { ManifestEntry } from "../../manifest/manifest-entry.ts";
import { ManifestWriter } from "../../manifest/manifest-writer.ts";
import type { StoredCopy } from "../../targets/target.ts";
import { pathOf, type RescueParts, type RescueState } from "../rescue-state.ts";
import { plus } from "../work.ts";
import { recordPosition } from "./manifest-position.ts";
import { asOfWhole } from "./target-trouble.ts";

/** Records the end of each archive: first in the manifest, durably, and then in the catalogue. */
export class Recorder {
  readonly #parts: RescueParts;
  readonly #state: RescueState;
  readonly #manifest: ManifestWriter;
  #failure: Error | null = null;
  #written: { readonly archive: CatalogArchive; readonly entry: ManifestEntry; readonly jobId: string | null }[] = [];

  constructor(parts: RescueParts, state: RescueState) {
    this.#parts = parts;
    this.#state = state;
    this.#manifest = new ManifestWriter(parts.target);
  }

  /** Resolves when a copy is in the manifest and in the catalogue. */
  async verified(archive: CatalogArchive, copy: StoredCopy, jobId: string | null = null): Promise<void> {
    const { archiveId, path, description, sizeBytes, treeHash, modifiedAt, createdAt } = archive;
    const entry: ManifestEntry = {
      ...{ archiveId, path, description, sizeBytes, treeHash, modifiedAt, createdAt },
      location: copy.location,
      sha256: copy.sha256,
      verifiedAt: new Date(this.#parts.now()),
    };
    await this.#append(entry);
    this.#written.push({ archive, entry, jobId });
    // All copies of a group of lines become one transaction.
    await Promise.resolve();
    this.#record();
  }

  /** A manifest that cannot be written is a fault of the target, though it is only one of its files. */
  async #append(entry: ManifestEntry): Promise<void> {
    try {
      await this.#manifest.append(entry);
    } catch (error) {
      throw asOfWhole(error);
    }
  }

  /** Gives an archive up, until the next run. */
  giveUp(archive: CatalogArchive, reason: string, attempts: number, { failedAtTarget = false } = {}): void {
    const { copies, onEvent, catalog } = this.#parts;
    const { archiveId, number, sizeBytes: bytes } = archive;
    // Two loops may come to it at the same time.
    if (this.#state.givenUp.has(number)) {
      return;
    }
    const path = catalog.change(() => {
      const planned = pathOf(this.#parts, archive);
      copies.setState(number, "failed", { error: reason, attempts, failedAtTarget });
      return planned;
    });
    this.#state.givenUp.add(number);
    this.#state.failed = plus(this.#state.failed, { archives: 1, bytes });
    onEvent({ kind: "archive-failed", archiveId, path, reason, final: true });
  }

  #record(): void {
    // The position in the manifest must not pass lines that the catalogue lacks: the next run reads them from there.
    if (this.#failure !== null) {
      throw this.#failure;
    }
    const { catalog, copies } = this.#parts;
    const group = this.#written;
    if (group.length === 0) {
      return;
    }
    this.#written = [];
    try {
      catalog.change(() => {
        for (const { archive, entry, jobId } of group) {
          const { sha256, location, verifiedAt } = entry;
          copies.setState(archive.number, "verified", { sha256, location, verifiedAt });
          if (jobId !== null) {
            catalog.jobs.fetched(jobId);
            catalog.unpaid.forget(archive.number);
          }
        }
        recordPosition(this.#parts, this.#manifest.sizeBytes ?? 0);
      });
    } catch (error) {
      this.#failure = error as Error;
      throw error;
    }
    for (const { archive } of group) {
      this.#state.verified = plus(this.#state.verified, { archives: 1, bytes: archive.sizeBytes });
    }
    this.#state.changed.wake();
  }
}
