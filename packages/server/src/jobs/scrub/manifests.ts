import { hash } from "node:crypto";
import { GlacierError, type Sha256 } from "@moraine/protocol";
import { CorruptSegmentError, type Segment } from "../../domain/segment.ts";
import type { UnrecordedMetadata } from "../../domain/stores/recorded-changes.ts";
import type { ListedArchive } from "../../domain/stores/scrub-store.ts";
import { ArchiveAssembly } from "../../domain/vaults/multipart-upload.ts";
import { arnOf } from "../../domain/vaults/vault.ts";
import type { ReceiveServices } from "../../segments/receive.ts";
import { receiveManifest } from "../../segments/receive-manifest.ts";

export interface ManifestLog {
  /** An archive of parts had no manifest, or a damaged one, and has one again. */
  manifestWritten(archiveId: string): void;
}

interface ManifestServices extends ReceiveServices {
  readonly metadata: UnrecordedMetadata;
  readonly log: ManifestLog;
}

const pageRows = 250;
/** Manifests of other parts, of an upload's earlier attempts, must not win against what the database says now. */
const latestRevision = Number.MAX_SAFE_INTEGER;
const sha256: Sha256 = (bytes) => hash("sha256", bytes, "buffer");

/**
 * Writes the manifests of archives again from the database, while that is sound: damaged ones, and those of archives that versions
 * without manifests have completed.
 */
export class Manifests {
  readonly #services: ManifestServices;

  constructor(services: ManifestServices) {
    this.#services = services;
  }

  /** Writes a manifest if the segment is the first part of an archive that has none. */
  async ensureFor({ ownerId, firstByte, sizeBytes }: Segment): Promise<void> {
    const listed = firstByte === 0 ? await this.#services.metadata.findListedArchive(ownerId) : null;
    if (listed !== null && !listed.hasManifest && sizeBytes < listed.archive.sizeBytes) {
      await this.#write(listed);
    }
  }

  /** Writes the manifest of an archive in the place of a damaged one. False when the archive is gone. */
  async replace(archiveId: string): Promise<boolean> {
    const listed = await this.#services.metadata.findListedArchive(archiveId);
    return listed !== null && (await this.#write(listed));
  }

  async #write({ archive, vault }: ListedArchive): Promise<boolean> {
    const { metadata, log } = this.#services;
    const { id: archiveId, description, createdAt, sizeBytes, treeHash } = archive;
    const partCount = await this.#countParts(archive);
    const vaultArn = arnOf(vault);
    const head = { archiveId, vaultArn, description, createdAt, sizeBytes, treeHash, partsRevision: latestRevision };
    const isWritten = await receiveManifest(this.#services, {
      head,
      partCount,
      parts: this.#parts(archive),
      record: (manifest) => metadata.replaceManifest({ manifest }),
    });
    if (isWritten) {
      log.manifestWritten(archiveId);
    }
    return isWritten;
  }

  /** Throws CorruptSegmentError unless the rows of the parts make the archive: nothing else may vouch for them. */
  async #countParts(archive: ListedArchive["archive"]): Promise<number> {
    let [count, assembly] = [0, null as ArchiveAssembly | null];
    try {
      for await (const page of this.#parts(archive)) {
        assembly ??= new ArchiveAssembly({ id: archive.id, partSizeBytes: page[0]?.sizeBytes ?? 0 }, sha256);
        for (const part of page) {
          assembly.push(part);
        }
        count += page.length;
      }
      assembly?.finish(archive);
    } catch (error) {
      if (error instanceof GlacierError) {
        throw new CorruptSegmentError(null, `the rows of the archive's parts do not make it: ${error.message}`);
      }
      throw error;
    }
    return count;
  }

  async *#parts({ id, sizeBytes }: ListedArchive["archive"]): AsyncGenerator<readonly Segment[], void, void> {
    for (let firstByte = 0; firstByte < sizeBytes; ) {
      const range = { firstByte, lastByte: sizeBytes - 1 };
      const page = await this.#services.metadata.segmentsOf({ archiveId: id, range, limit: pageRows });
      const last = page.at(-1);
      if (last === undefined) {
        return;
      }
      yield page;
      firstByte = last.firstByte + last.sizeBytes;
    }
  }
}
