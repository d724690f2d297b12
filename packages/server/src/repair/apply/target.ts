import { newUploadId, newVaultId } from "../../domain/new-id.ts";
import type { Segment } from "../../domain/segment.ts";
import type { MetadataStore } from "../../domain/stores/metadata-store.ts";
import type { Instant } from "../../domain/time/instant.ts";
import type { Archive } from "../../domain/vaults/archive.ts";
import type { MultipartUpload } from "../../domain/vaults/multipart-upload.ts";
import { type PermittedVault, permittedBy } from "../../domain/vaults/permission.ts";
import type { VaultKey } from "../../domain/vaults/vault.ts";
import type { KnownRows } from "../plan/known-rows.ts";
import { deletionHold } from "./deletion-hold.ts";

const noExpiry = Number.MAX_SAFE_INTEGER;
const never = Number.MIN_SAFE_INTEGER;
const partsAtOnce = 100;

/** An archive of parts, and the list of them. */
export interface RebuiltArchive {
  readonly archive: Omit<Archive, "vaultId">;
  readonly manifest: Segment;
  readonly parts: AsyncIterable<Segment>;
  /** The upload that the database has of it. */
  readonly uploadId: string | null;
}

/**
 * The database that is repaired. All rows are made by the store's own methods, as by a server: so that counters, sums and MACs are
 * right.
 */
export class RepairTarget {
  readonly #store: MetadataStore;
  readonly #rows: Pick<KnownRows, "segment">;

  /** @param rows that the store had before anything was repaired. */
  constructor(store: MetadataStore, rows: Pick<KnownRows, "segment">) {
    this.#store = store;
    this.#rows = rows;
  }

  /** Makes the vault unless it exists; a new one refuses deletions. Returns whether it was made. */
  async ensureVault(key: VaultKey, createdAt: Instant): Promise<boolean> {
    if ((await this.#store.findVault(key)) !== null) {
      return false;
    }
    await this.#store.createVault({ id: newVaultId(), key, now: createdAt });
    await this.#store.setAccessPolicy({ ...(await this.#permitted(key)), policy: deletionHold(key) });
    return true;
  }

  async addSingle(key: VaultKey, archive: Omit<Archive, "vaultId">, segment: Segment): Promise<void> {
    const permitted = await this.#permitted(key);
    await this.#intend(segment);
    const { vaultId } = permitted;
    await this.#store.addArchive({ ...permitted, archive: { ...archive, vaultId }, segment });
  }

  async addOfParts(key: VaultKey, { archive, manifest, parts, uploadId }: RebuiltArchive): Promise<void> {
    const permitted = await this.#permitted(key);
    const now = archive.createdAt;
    let upload = uploadId as MultipartUpload["id"] | null;
    let page: Segment[] = [];
    const addPage = async (): Promise<void> => {
      const made = page.filter(({ key }) => (this.#rows.segment(key) ?? "pending") === "pending");
      page = [];
      await Promise.all(
        made.map(async (segment) => {
          await this.#intend(segment);
          await this.#store.addPart({ ...permitted, uploadId: upload as never, segment, idleSince: never, now });
        }),
      );
    };
    for await (const part of parts) {
      upload ??= await this.#addUpload(permitted, archive, part.sizeBytes);
      page.push(part);
      if (page.length === partsAtOnce) {
        await addPage();
      }
    }
    await addPage();
    await this.#complete(permitted, { archive, manifest, uploadId: upload ?? "" });
  }

  async #complete(
    permitted: PermittedVault,
    { archive, manifest, uploadId }: Pick<RebuiltArchive, "archive" | "manifest"> & { uploadId: string },
  ): Promise<void> {
    const at = { ...permitted, uploadId, idleSince: never };
    const found = await this.#store.findUploadRevision(at);
    await this.#intend(manifest);
    const { sizeBytes, treeHash, createdAt } = archive;
    const assembled = { sizeBytes, treeHash, partsRevision: found?.partsRevision ?? -1, manifest };
    const made = await this.#store.completeUpload({
      ...at,
      claim: { sizeBytes, treeHash },
      assembled,
      now: createdAt,
    });
    if (made === null) {
      throw new Error(
        `The parts of the archive ${archive.id} changed while it was linked: is another process at work?`,
      );
    }
  }

  async #addUpload(
    { accessVersion, vault, vaultId }: PermittedVault,
    { id: archiveId, description, createdAt }: Omit<Archive, "vaultId">,
    partSizeBytes: number,
  ): Promise<MultipartUpload["id"]> {
    const upload = { id: newUploadId(), vaultId, archiveId, description, partSizeBytes, createdAt };
    await this.#store.addUpload({ vault, accessVersion, upload });
    return upload.id;
  }

  /** A segment that is pending already has its intent. */
  async #intend({ key, ownerId }: Segment): Promise<void> {
    if (this.#rows.segment(key) === null) {
      await this.#store.recordIntent({ key, ownerId, leaseUntil: noExpiry });
    }
  }

  async #permitted(key: VaultKey): Promise<PermittedVault> {
    const vault = await this.#store.findVault(key);
    if (vault === null) {
      throw new Error(`The vault ${key.vaultName} of account ${key.accountId} is missing`);
    }
    return permittedBy(vault);
  }
}
