import assert from "node:assert/strict";
import { hash, randomBytes } from "node:crypto";
import { type AccountId, fromHex, rootOf, type TreeHash, toHex } from "@moraine/protocol";
import {
  type ArchiveRetrievalJob,
  type InventoryRetrievalJob,
  type JobClaim,
  jobLanes,
  type Tier,
} from "../../../src/domain/jobs/job.ts";
import { newArchiveId, newJobId, newUploadId, newVaultId } from "../../../src/domain/new-id.ts";
import { manifestPlace, type Segment } from "../../../src/domain/segment.ts";
import type { MetadataStore, UploadRequest } from "../../../src/domain/stores/metadata-store.ts";
import type { Instant } from "../../../src/domain/time/instant.ts";
import type { Archive } from "../../../src/domain/vaults/archive.ts";
import type { Damage } from "../../../src/domain/vaults/damage.ts";
import type { MultipartUpload } from "../../../src/domain/vaults/multipart-upload.ts";
import { permittedBy } from "../../../src/domain/vaults/permission.ts";
import { arnOf, type Profile, type Vault, type VaultKey } from "../../../src/domain/vaults/vault.ts";
import { type Completion, completeUpload, type StoreManifest } from "../../../src/operations/complete-upload.ts";
import { KeySource } from "../../../src/storage/blobs/blob-key.ts";
import { packKey } from "../../../src/storage/metadata/tables/packed.ts";
import { claimAll } from "../../support/claims.ts";

/** One sentence about the store, and the story that shows it. */
export type Story = (sentence: string, body: (world: World) => Promise<void>) => void;

export const accountId = "123456789012" as AccountId;
export const otherAccountId = "210987654321" as AccountId;
export const mebibyte = 1024 ** 2;
export const hour = 60 * 60 * 1000;
export const day = 24 * hour;
/** When stories begin. */
export const start: Instant = Date.UTC(2026, 0, 1);
/** After every lease and every grace. */
export const doomsday: Instant = start + 1000 * day;

export function keyOf(vaultName: string, region = "us-east-1", account = accountId): VaultKey {
  return { accountId: account, region, vaultName };
}

/** A vault of which nothing was set that policies judge by. */
export const unchanged = ({ vaultId }: { readonly vaultId: string }) => ({
  vaultId,
  vault: keyOf("photos"),
  accessVersion: 0,
});

/** The order of ids. */
export function bytewise(a: string, b: string): number {
  return a < b ? -1 : 1;
}

/** The order of segments: that of their names, which is not that of their keys as text. */
export const byName = (a: string, b: string): number => Buffer.compare(packKey(a), packKey(b));

/** All rows of a list, page after page: each page begins after the last row of the one before. */
export async function everyPage<Row>(page: (after: Row | null) => Promise<Row[]>): Promise<Row[]> {
  const rows: Row[] = [];
  for (let next = await page(null); next.length > 0; next = await page(rows.at(-1) ?? null)) {
    rows.push(...next);
    assert(rows.length <= 100, "a list comes to its end");
  }
  return rows;
}

export function someHash(): TreeHash {
  return toHex(randomBytes(32));
}

export function joinedHash(parts: readonly Segment[]): TreeHash {
  const digests = parts.map((part) => fromHex(part.treeHash));
  return toHex(rootOf(digests, (bytes) => hash("sha256", bytes, "buffer")));
}

export const vaultGone = (key: VaultKey) => ({
  name: "GlacierError",
  code: "ResourceNotFoundException",
  message: `Vault not found for ARN: ${arnOf(key)}`,
});

export const uploadGone = (id: string) => ({
  name: "GlacierError",
  code: "ResourceNotFoundException",
  message: `The upload ID was not found: ${id}`,
});

interface ArchiveWish {
  sizeBytes?: number;
  createdAt?: Instant;
  description?: string;
  request?: UploadRequest;
}

interface JobWish {
  createdAt?: Instant;
  dueAt?: Instant;
  snsTopic?: string | null;
}

interface ArchiveJobWish extends JobWish {
  tier?: Tier;
  monthlyFreeBytes?: number;
}

/** Makes the things that stories are about. */
export class World {
  readonly store: MetadataStore;
  /** Keys of all that were stored, in order. */
  readonly manifests: string[] = [];
  /** As the stores of bytes draw them: all in one shelf, in no order. */
  readonly #keys = new KeySource();

  constructor(store: MetadataStore) {
    this.store = store;
  }

  async vault(vaultName = "photos", now = start): Promise<Vault> {
    const key = keyOf(vaultName);
    await this.store.createVault({ id: newVaultId(), key, now });
    return this.seen(key);
  }

  async seen(key: VaultKey): Promise<Vault> {
    const vault = await this.store.findVault(key);
    assert(vault !== null, `the vault ${key.vaultName} is there`);
    return vault;
  }

  /** A segment whose intent is recorded: pending. */
  async pending(ownerId: string, place: Partial<Segment> = {}, leaseUntil = start + day): Promise<Segment> {
    const key = this.#keys.next(ownerId);
    await this.store.recordIntent({ key, ownerId, leaseUntil });
    return { key, ownerId, firstByte: 0, sizeBytes: 10, treeHash: someHash(), ...place };
  }

  async archive(
    vault: Vault,
    { sizeBytes = 10, createdAt = start, description = "holiday", request }: ArchiveWish = {},
  ): Promise<{ archive: Archive; segment: Segment }> {
    const id = newArchiveId();
    const segment = await this.pending(id, { sizeBytes });
    const { treeHash } = segment;
    const archive = { id, vaultId: vault.id, description, sizeBytes, treeHash, createdAt, deletedAt: null };
    const added = await this.store.addArchive({ ...permittedBy(vault), archive, segment, ...(request && { request }) });
    return { archive: added, segment };
  }

  /** Damage of all bytes of a segment of an archive, or of some. */
  damageOf({ key, ownerId, firstByte, sizeBytes }: Segment, more: Partial<Damage> = {}): Damage {
    const owner = { kind: "archive", id: ownerId, vault: keyOf("photos"), description: "holiday", sizeBytes } as const;
    const range = { firstByte, lastByte: firstByte + sizeBytes - 1 };
    return { owner, range, segmentKey: key, reason: "its file is missing", foundAt: start, ...more };
  }

  damage(segment: Segment): Promise<boolean> {
    return this.store.recordDamage(this.damageOf(segment));
  }

  async removeArchive(vault: Vault, archiveId: string, now = start): Promise<void> {
    await this.store.removeArchive({ ...permittedBy(vault), archiveId, now });
  }

  /** Goes through all vaults, in steps of this many rows. */
  async unlist(profile: Profile = "practical", limit = 100): Promise<void> {
    let afterVault: string | null = null;
    do {
      afterVault = await this.store.unlistArchives({ profile, afterVault, limit });
    } while (afterVault !== null);
  }

  async upload(vault: Vault, { createdAt = start, partSizeBytes = mebibyte } = {}): Promise<MultipartUpload> {
    const upload: MultipartUpload = {
      id: newUploadId(),
      vaultId: vault.id,
      archiveId: newArchiveId(),
      description: "in parts",
      partSizeBytes,
      createdAt,
    };
    await this.store.addUpload({ ...permittedBy(vault), upload });
    return upload;
  }

  async part(
    upload: MultipartUpload,
    number: number,
    { sizeBytes = upload.partSizeBytes, now = start } = {},
  ): Promise<Segment> {
    const segment = await this.pending(upload.archiveId, { firstByte: number * upload.partSizeBytes, sizeBytes });
    await this.store.addPart({ ...unchanged(upload), uploadId: upload.id, segment, idleSince: now - day, now });
    return segment;
  }

  async archiveJob(vault: Vault, archive: Archive, wish: ArchiveJobWish = {}) {
    const job: ArchiveRetrievalJob = {
      ...this.#newJob(vault, wish),
      action: "ArchiveRetrieval",
      archiveId: archive.id,
      archiveSizeBytes: archive.sizeBytes,
      archiveTreeHash: archive.treeHash,
      archiveDescription: archive.description,
      tier: wish.tier ?? "Bulk",
      range: { firstByte: 0, lastByte: archive.sizeBytes - 1 },
      rangeTreeHash: archive.treeHash,
    };
    await this.store.addJob({ ...permittedBy(vault), job, monthlyFreeBytes: wish.monthlyFreeBytes ?? 0 });
    return job;
  }

  async inventoryJob(vault: Vault, wish: JobWish = {}) {
    const job: InventoryRetrievalJob = {
      ...this.#newJob(vault, wish),
      action: "InventoryRetrieval",
      format: "CSV",
      selection: { startDate: "2026-01-01", endDate: null, limit: "10", marker: null },
      output: null,
    };
    await this.store.addJob({ ...permittedBy(vault), job, monthlyFreeBytes: 0 });
    return job;
  }

  /** Claims the jobs of all lanes that are due. */
  claimAll(now = start, leaseUntil = now + hour, limit = 10): Promise<JobClaim[]> {
    return claimAll(this.store, { now, leaseUntil, limit });
  }

  async nextDue(now: number): Promise<number | null> {
    const due = await Promise.all(jobLanes.map((lane) => this.store.nextJobDue({ lane, now, dueAfter: null })));
    const times = due.filter((time) => time !== null);
    return times.length === 0 ? null : Math.min(...times);
  }

  /** Claims the one job that is due. */
  async claim(now = start, leaseUntil = now + hour) {
    const [claim, ...others] = await this.claimAll(now, leaseUntil);
    assert(claim !== undefined && others.length === 0, "one job is due");
    return { jobId: claim.job.id, fence: claim.fence };
  }

  /** Claims the one job that is due, and ends it without an output. */
  async finish(now = start, state: "succeeded" | "failed" = "succeeded"): Promise<void> {
    const claim = await this.claim(now);
    const finished = await this.store.finishJob({ ...claim, state, statusMessage: "Done", now, output: null });
    assert(finished, "the claim was held");
  }

  /** Lets go of all that has ended. */
  async release(): Promise<void> {
    for (const limit = 3; (await this.store.clearVaults({ limit })) === limit; ) {
      // The next rows.
    }
    for (const limit = 3; (await this.store.releaseSegments({ limit })) === limit; ) {
      // The next rows.
    }
  }

  /** As the operation does, without bytes. */
  readonly storeManifest: StoreManifest = async ({ upload }, record) => {
    const manifest = await this.pending(upload.archiveId, { firstByte: manifestPlace });
    this.manifests.push(manifest.key);
    try {
      return await record(manifest);
    } catch (error) {
      await this.store.abandonSegment(manifest);
      throw error;
    }
  };

  /** Makes the archive of an upload, as the operation does. */
  complete(completion: Completion): Promise<Archive> {
    return completeUpload(this.store, completion, this.storeManifest);
  }

  /** The segments that nobody needs, once every lease and grace has passed. */
  async dead(completedSince = doomsday): Promise<string[]> {
    await this.release();
    await this.store.markDead({ now: doomsday, deletedBefore: doomsday, completedSince, limit: 1000 });
    return this.store.deadSegments({ afterKey: null, limit: 1000 });
  }

  #newJob(vault: Vault, { createdAt = start, dueAt = createdAt, snsTopic = null }: JobWish) {
    return {
      id: newJobId(),
      vaultId: vault.id,
      description: "please",
      snsTopic,
      createdAt,
      dueAt,
      state: "in_progress",
      statusMessage: null,
      completedAt: null,
    } as const;
  }
}
