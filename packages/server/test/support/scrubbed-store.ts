import type { ManualClock } from "../../src/clock/clocks.ts";
import { newArchiveId } from "../../src/domain/new-id.ts";
import type { CorruptSegmentError, Segment } from "../../src/domain/segment.ts";
import type { BlobStore } from "../../src/domain/stores/blob-store.ts";
import type { MetadataStore } from "../../src/domain/stores/metadata-store.ts";
import { permittedBy } from "../../src/domain/vaults/permission.ts";
import type { Vault } from "../../src/domain/vaults/vault.ts";
import { Manifests } from "../../src/jobs/scrub/manifests.ts";
import { Pace } from "../../src/jobs/scrub/pace.ts";
import { ReadBack } from "../../src/jobs/scrub/read-back.ts";
import type { ScrubProgress } from "../../src/jobs/scrub/schedule.ts";
import { Scrub } from "../../src/jobs/scrub/scrub.ts";
import { BlockPool, blockSizeBytes, sharedBlocks } from "../../src/segments/blocks.ts";
import { DamageReports } from "../../src/segments/damage-reports.ts";
import { RunningIntents } from "../../src/segments/running-intents.ts";
import { accountId, dayMilliseconds, region, sharedHashPool } from "./server.ts";
import { storedSegment } from "./stored-segment.ts";

/** Puts what a store is given into one range, which is due 16 days after a first start, and not within the hours of most tests. */
export const lateShelfSeed = "last";

const vaultKey = { accountId, region, vaultName: "vault" };

export async function vaultOf(metadata: MetadataStore, now: number): Promise<Vault> {
  await metadata.createVault({ id: "vault-id", key: vaultKey, now });
  const vault = await metadata.findVault(vaultKey);
  if (vault === null) {
    throw new Error("the vault was just made");
  }
  return vault;
}

/** Stores an archive of one segment, without a server. */
export async function storeArchive(
  { metadata, blobs, vault }: { metadata: MetadataStore; blobs: BlobStore; vault: Vault },
  bytes: Uint8Array,
  now: number,
): Promise<Segment> {
  const id = newArchiveId();
  const segment = await storedSegment(blobs, id, bytes);
  await metadata.recordIntent({ key: segment.key, ownerId: id, leaseUntil: now + dayMilliseconds });
  const archive = { id, vaultId: vault.id, description: "", createdAt: now, deletedAt: null };
  const { sizeBytes, treeHash } = segment;
  await metadata.addArchive({ ...permittedBy(vault), archive: { ...archive, sizeBytes, treeHash }, segment });
  return segment;
}

export interface SeenByScrub {
  readonly outcomes: string[];
  readonly damagedParts: CorruptSegmentError[];
  /** The copy that was replaced, and the segment's key. */
  readonly repaired: string[];
  /** Manifests that were found damaged, or were written, by their archives. */
  readonly manifests: string[];
  readonly postponed: unknown[];
  bytes: number;
  progress: ScrubProgress | null;
}

/** A scrub as a start of the server makes it. */
export function scrubOf(
  { metadata, blobs, clock }: { metadata: MetadataStore; blobs: BlobStore; clock: ManualClock },
  periodMilliseconds = 30 * dayMilliseconds,
) {
  const seen: SeenByScrub = {
    outcomes: [],
    damagedParts: [],
    repaired: [],
    manifests: [],
    postponed: [],
    bytes: 0,
    progress: null,
  };
  const damageLog = { found: () => undefined, repaired: () => undefined, met: () => undefined };
  const damage = new DamageReports({ metadata, clock, log: damageLog });
  const log = {
    readBack: (outcome: string) => seen.outcomes.push(outcome),
    scrubbed: (sizeBytes: number) => {
      seen.bytes += sizeBytes;
    },
    progress: (progress: ScrubProgress) => {
      seen.progress = progress;
    },
    repaired: (key: string, copy: string) => seen.repaired.push(`${copy} ${key}`),
    damagedPart: (error: CorruptSegmentError) => seen.damagedParts.push(error),
    damagedManifest: (_error: CorruptSegmentError, archiveId: string) => seen.manifests.push(`${archiveId} damaged`),
    manifestWritten: (archiveId: string) => seen.manifests.push(`${archiveId} written`),
    postponed: (_what: string, error: unknown) => seen.postponed.push(error),
  };
  const pace = new Pace({ running: () => 0, ended: () => 0, hashQueueBytes: () => 0 });
  const readBack = new ReadBack({ hashPool: sharedHashPool(), pace, onRead: log.scrubbed });
  const segments = { forget: () => undefined };
  const manifests = new Manifests({
    ...{ metadata, blobs, clock, log, intents: new RunningIntents(), hashPool: sharedHashPool() },
    receiveBlocks: new BlockPool(sharedBlocks(2, blockSizeBytes), 2),
    trustedClock: { policyNow: () => clock.now(), expiryNow: () => clock.now(), lag: () => null },
  });
  const services = { metadata, blobs, segments, damage, clock, readBack, pace, manifests, log };
  return { scrub: new Scrub(services, periodMilliseconds), seen };
}
