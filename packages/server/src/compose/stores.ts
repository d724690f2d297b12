import * as nodeFiles from "node:fs/promises";
import { type AccountId, millisecondsPer } from "@moraine/protocol";
import type { Logger } from "pino";
import { openKeyring } from "../auth/keyring.ts";
import { ensureRootKey } from "../auth/root-key.ts";
import { systemClock } from "../clock/clocks.ts";
import type { Config } from "../config.ts";
import type { BlobDriver } from "../domain/stores/blob-store.ts";
import type { Installation } from "../domain/stores/installation-store.ts";
import type { MetadataStore } from "../domain/stores/metadata-store.ts";
import type { Instant } from "../domain/time/instant.ts";
import { DamagedRows } from "../health/damaged-rows.ts";
import type { ServiceState } from "../health/service-state.ts";
import { FilesystemBlobStore } from "../storage/blobs/filesystem.ts";
import { diskFullOf, FreeSpace } from "../storage/blobs/free-space.ts";
import { MirroredBlobStore } from "../storage/blobs/mirrored.ts";
import { callLimits } from "../storage/blobs/s3/calls.ts";
import { Objects } from "../storage/blobs/s3/objects.ts";
import { S3BlobStore } from "../storage/blobs/s3/s3-blob-store.ts";
import { assertPlace, bindBucket } from "../storage/bucket-binding.ts";
import { type DataFolder, openDataFolder } from "../storage/data-folder.ts";
import { prepareHistory } from "../storage/history/prepare.ts";
import { isQuarantined } from "../storage/history/quarantine.ts";
import { failureReason, openSqliteStore } from "../storage/metadata/sqlite/sqlite-store.ts";
import { type MirrorFolder, openMirrorFolder } from "../storage/mirror-folder.ts";
import { withRoomMaking } from "../storage/room-making.ts";
import { Bucket } from "../storage/s3/bucket.ts";
import type { BucketUrl } from "../storage/s3/bucket-url.ts";
import { connectBucket } from "../storage/s3/connection.ts";
import type { StorageTimings } from "../telemetry/storage-timings.ts";
import { SealingKeys } from "./sealing-keys.ts";

/** The start-up sequence of durability: lock, probes, database, secrets; each refuses with its reason. */
export async function openStores(
  config: Config,
  mode: ServiceState,
  { log, started, timings }: { log: Logger; started: AsyncDisposableStack; timings: StorageTimings },
) {
  const folder = await openDataFolder(config.dataFolder, config);
  started.defer(() => folder.release());
  // Before anything is changed: what a damaged folder holds is all that there is.
  assertPlace(folder, config.blobs?.name ?? null);
  const history = prepareHistory(folder, systemClock.now());
  const mirror = config.mirrorFolder === null ? null : await openMirrorFolder(config.mirrorFolder, folder);
  started.defer(() => mirror?.release());
  const { blobs, space, bind } = await openBlobs(config, { folder, mirror, log, timings, ...history });
  started.defer(() => blobs.close());
  const { ballast } = folder;
  const { isFull } = await blobs.prepare();
  await space.measure();
  // A quota can be used up though the file system has room.
  if (folder.isBallastReleased || (isFull && (await ballast.release()))) {
    log.warn("the disk is full: the ballast was removed, so that archives can be read and deleted");
  }
  const damagedRows = new DamagedRows(log);
  const keys = new SealingKeys(config, folder);
  const sqlite = await openSqliteStore({
    path: folder.databaseFile,
    ...history.storeOptions,
    onCommit: (seconds) => timings.committed(seconds),
    onFailure: (error) => mode.halt(failureReason(error), error),
    onDamagedRow: (row) => damagedRows.met(row),
    rowSecret: keys.rowSecret,
  });
  started.defer(() => sqlite.close());
  const metadata = withRoomMaking(sqlite, () => ballast.release());
  const { unshownKeyId } = await claimFolder(config, metadata);
  if (mirror?.isNew === true) {
    await bindMirror(config, mirror, metadata);
  }
  await bind();
  const { networkFileSystem, databaseFile } = folder;
  const { callsInProgress } = sqlite;
  const notices = [...folder.notices, ...(mirror?.notices ?? []), ...(await history.notices())];
  return {
    ...{ metadata, blobs, space, ballast, databaseFile, callsInProgress },
    // The disk of the metadata can be full though archives are elsewhere.
    readOnly: () => blobs.readOnly ?? diskFullOf(space),
    ...{ networkFileSystem, unshownKeyId, notices, damagedRows, ...keys.opened },
  };
}

interface BlobParts {
  readonly folder: DataFolder;
  readonly mirror: MirrorFolder | null;
  readonly shelfSeed: string;
  readonly log: Logger;
  readonly timings: StorageTimings;
}

interface OpenedBlobs {
  readonly blobs: BlobDriver;
  /** The room of the data folder's disk. */
  readonly space: FreeSpace;
  /** To be called once there is a database. */
  bind(): Promise<void>;
}

async function openBlobs({ blobs: place }: Config, parts: BlobParts): Promise<OpenedBlobs> {
  if (place !== null) {
    return openObjects(place, parts);
  }
  const blobs = openFiles(parts);
  return { blobs, space: blobs.space, bind: async () => undefined };
}

async function openObjects(place: BucketUrl, { folder, log }: BlobParts): Promise<OpenedBlobs> {
  const connection = await connectBucket(place, callLimits);
  const blobs = new S3BlobStore(new Objects(connection), {
    now: () => systemClock.now(),
    isKept: (key) => isQuarantined(folder.path, key),
    onChange: (reason) => (reason === null ? log.warn(`${place.name} works again`) : log.error(reason)),
  });
  return {
    blobs,
    space: new FreeSpace(nodeFiles, folder.path),
    bind: () => bindBucket(folder, new Bucket(connection)),
  };
}

function openFiles({ folder, mirror, log, timings, shelfSeed }: BlobParts): FilesystemBlobStore | MirroredBlobStore {
  const storeIn = (path: string) =>
    new FilesystemBlobStore(path, undefined, shelfSeed, (seconds) => timings.synced(seconds));
  if (mirror === null) {
    return storeIn(folder.path);
  }
  return new MirroredBlobStore({ data: storeIn(folder.path), mirror: storeIn(mirror.path) }, (segment, error) =>
    log.error(
      { segment, err: error },
      "stored data is damaged; its copy in the mirror is returned, and replaces it soon",
    ),
  );
}

/** The scrub copies what the mirror does not have: it begins at once. */
async function bindMirror(
  { scrubPeriodDays }: Config,
  mirror: MirrorFolder,
  metadata: Pick<MetadataStore, "restartScrub">,
): Promise<void> {
  const now = systemClock.now();
  await metadata.restartScrub({ rangesReadAt: now - scrubPeriodDays * millisecondsPer.day, newReadAt: now });
  await mirror.bind();
}

/** A folder serves the account and the region of its first start: with others a second root would be made, without its vaults. */
async function claimFolder({ dataFolder, accountId, region }: Config, metadata: MetadataStore): Promise<Installation> {
  const installation = await metadata.claimInstallation({ accountId: accountId as AccountId, region });
  if (installation.accountId !== accountId || installation.region !== region) {
    const flags = `--account ${installation.accountId} --region ${installation.region}`;
    throw new Error(
      `The data folder ${dataFolder} belongs to account ${installation.accountId} in region ${installation.region}, not to ` +
        `account ${accountId} in region ${region}: start with ${flags}, or choose another folder`,
    );
  }
  return installation;
}

/** The keys that seal and the root's key, which is made if there is none. */
export async function openKeys(config: Config, stores: Stores & { log: Logger }, now: Instant) {
  const { metadata, sealingKey, previous, unshownKeyId, log } = stores;
  const keyring = await openKeyring(metadata, { sealingKey, previous, now });
  const accountId = config.accountId as AccountId;
  const options = { accountId, given: config.rootKey, keyring, unshownKeyId, now, log };
  return { keyring, newKey: await ensureRootKey(metadata, options) };
}

export type Stores = Awaited<ReturnType<typeof openStores>>;
