import { type AccountId, limits } from "@moraine/protocol";
import { ManualClock } from "../../../packages/server/src/clock/clocks.ts";
import { newArchiveId } from "../../../packages/server/src/domain/new-id.ts";
import type { MetadataStore } from "../../../packages/server/src/domain/stores/metadata-store.ts";
import type { JobServices } from "../../../packages/server/src/jobs/context.ts";
import { sweepSegments } from "../../../packages/server/src/jobs/sweep.ts";
import { receiveSegment } from "../../../packages/server/src/segments/receive.ts";
import { RunningIntents } from "../../../packages/server/src/segments/running-intents.ts";
import { SegmentCache } from "../../../packages/server/src/segments/segment-cache.ts";
import { FilesystemBlobStore } from "../../../packages/server/src/storage/blobs/filesystem.ts";
import type { Random } from "../../support/random.ts";
import type { SimulatedDisk } from "./simulated-disk.ts";
import type { Moment } from "./timeline.ts";

const key = { accountId: "123456789012" as AccountId, region: "us-east-1", vaultName: "photos" };
const vaultId = "vault";
const uploads = 8;
const sizeBytesMax = 10_000;

interface World {
  readonly root: string;
  readonly disk: SimulatedDisk;
  readonly metadata: MetadataStore;
  readonly random: Random;
  report(moment: Moment): void;
}

/**
 * Stores archives, deletes half of them and sweeps, all at once, by the code that the server runs. Resolves to the bytes of each archive
 * by its id.
 */
export async function work({ root, disk, metadata, random, report }: World): Promise<Map<string, Buffer>> {
  const blobs = new FilesystemBlobStore(root, disk.calls, "a shelf");
  await blobs.prepare();
  await metadata.createVault({ id: vaultId, key, now: 1 });
  const accessVersion = (await metadata.findVault(key))?.accessVersion ?? 0;
  const permitted = { vaultId, vault: key, accessVersion };
  const contents = new Map<string, Buffer>();
  const services = servicesOf(metadata, blobs);

  async function store(): Promise<void> {
    const ownerId = newArchiveId();
    const bytes = Buffer.alloc(random.whole(1, sizeBytesMax), random.whole(0, 255));
    contents.set(ownerId, bytes);
    await receiveSegment(services, {
      ...{ kind: "archive", ownerId, vaultArn: "arn", description: "", firstByte: 0, sizeBytes: bytes.length },
      body: (async function* () {
        yield bytes;
      })(),
      check: () => undefined,
      record: (segment, createdAt) =>
        metadata.addArchive({
          ...permitted,
          archive: { ...segment, id: ownerId, vaultId, description: "", createdAt, deletedAt: null },
          segment,
        }),
    });
    report({ kind: "stored", ownerId });
    if (random.fraction() < 0.5) {
      report({ kind: "deletion begins", ownerId });
      await metadata.removeArchive({ ...permitted, archiveId: ownerId, now: 2 });
      report({ kind: "deleted", ownerId });
      await sweepSegments(services, new AbortController().signal);
    }
  }

  await Promise.all(Array.from({ length: uploads }, store));
  await sweepSegments(services, new AbortController().signal);
  return contents;
}

/** Those that storing, deleting and sweeping use; short bodies are hashed without threads. */
function servicesOf(metadata: MetadataStore, blobs: FilesystemBlobStore): JobServices {
  const clock = new ManualClock(3);
  const now = () => clock.now();
  const services: Partial<JobServices> = {
    ...{ metadata, blobs, clock, intents: new RunningIntents() },
    segments: new SegmentCache(blobs, { segmentsMax: 1, leafBytesMax: 1, ageMillisecondsMax: 1 }),
    trustedClock: { policyNow: now, expiryNow: now } as JobServices["trustedClock"],
    deletedGraceMilliseconds: 0,
    outputMilliseconds: limits.jobOutputRetentionSeconds * 1000,
    log: { swept: () => undefined } as unknown as JobServices["log"],
  };
  return services as JobServices;
}
