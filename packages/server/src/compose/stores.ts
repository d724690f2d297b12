import * as nodeFiles from "node:fs/promises";
import { type AccountId, millisecondsPer } from "@moraine/protocol";
import type { Logger } from "pino";
import { type KeyringOptions, openKeyring } from "../auth/keyring.ts";
import { ensureRootKey } from "../auth/root-key.ts";
import { systemClock } from "../clock/clocks.ts";
import { machineBootId, machineMonotonic } from "../clock/trusted-clock.ts";
import type { Config } from "../config.ts";
import { type Node, onlyNode } from "../domain/node.ts";
import type { BlobDriver } from "../domain/stores/blob-store.ts";
import type { Installation } from "../domain/stores/installation-store.ts";
import type { MetadataStore } from "../domain/stores/metadata-store.ts";
import type { StorageReport } from "../domain/stores/storage-report.ts";
import type { Instant } from "../domain/time/instant.ts";
import type { TimeSource } from "../domain/time/time-source.ts";
import { DamagedRows } from "../health/damaged-rows.ts";
import type { ServiceState } from "../health/service-state.ts";
import type { Ballast } from "../storage/blobs/ballast.ts";
import { FilesystemBlobStore } from "../storage/blobs/filesystem.ts";
import { diskFullOf, FreeSpace } from "../storage/blobs/free-space.ts";
import { MirroredBlobStore } from "../storage/blobs/mirrored.ts";
import { callLimits } from "../storage/blobs/s3/calls.ts";
import { Objects } from "../storage/blobs/s3/objects.ts";
import { S3BlobStore, type S3StoreOptions } from "../storage/blobs/s3/s3-blob-store.ts";
import { assertPlace, bindBucket } from "../storage/bucket-binding.ts";
import { type DataFolder, openDataFolder } from "../storage/data-folder.ts";
import { prepareHistory } from "../storage/history/prepare.ts";
import { isQuarantined } from "../storage/history/quarantine.ts";
import { failureReason, openSqliteStore } from "../storage/metadata/sqlite/sqlite-store.ts";
import { type MirrorFolder, openMirrorFolder } from "../storage/mirror-folder.ts";
import { withRoomMaking } from "../storage/room-making.ts";
import type { ArchivesUrl } from "../storage/s3/archives-url.ts";
import { type Binding, readBinding, writeBinding } from "../storage/s3/binding-file.ts";
import { Bucket } from "../storage/s3/bucket.ts";
import { connectBucket } from "../storage/s3/connection.ts";
import type { StorageTimings } from "../telemetry/storage-timings.ts";
import { SealingKeys } from "./sealing-keys.ts";

/** The parts that hold what the service keeps, and what is known of them. */
export interface Stores extends Pick<KeyringOptions, "sealingKey" | "previous"> {
  readonly metadata: MetadataStore;
  readonly blobs: BlobDriver;
  readonly node: Node;
  /** Where the time comes from by which all is judged. */
  readonly time: TimeSource;
  /** Null when nothing is kept on this machine. */
  readonly disk: { readonly space: FreeSpace; readonly ballast: Ballast; readonly databaseFile: string } | null;
  callsInProgress(): Readonly<Record<"writer" | "lookups" | "lists", number>>;
  /** Why nothing new is stored; null while archives are accepted. */
  readOnly(): StorageReport["readOnly"];
  /** Why archives cannot be read; null while they can. */
  unreadable(): string | null;
  readonly networkFileSystem: string | null;
  readonly unshownKeyId: string | null;
  /** Findings of the start, which stay true until the next one. */
  readonly notices: readonly string[];
  readonly damagedRows: DamagedRows;
}

export interface OpenOptions {
  readonly log: Logger;
  readonly started: AsyncDisposableStack;
  readonly timings: StorageTimings;
  requestsInProgress(): number;
}

/** The start-up sequence of durability: lock, probes, database, secrets; each refuses with its reason. */
export async function openFolderStores(
  config: Config,
  mode: ServiceState,
  { log, started, timings, requestsInProgress }: OpenOptions,
): Promise<Stores> {
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
  const keys = new SealingKeys(config, folder.path);
  const sqlite = await openSqliteStore({
    path: folder.databaseFile,
    ...history.storeOptions,
    onCommit: (seconds) => timings.committed(seconds),
    isBusy: () => requestsInProgress() > 0,
    onFailure: (error) => mode.halt(failureReason(error), error),
    onDamagedRow: (row) => damagedRows.met(row),
    rowSecret: keys.rowSecret,
  });
  started.defer(() => sqlite.close());
  const metadata = withRoomMaking(sqlite, () => ballast.release());
  const { unshownKeyId } = await claimStore(config, metadata, {
    kind: "folder",
    name: `The data folder ${config.dataFolder}`,
  });
  if (mirror?.isNew === true) {
    await bindMirror(config, mirror, metadata);
  }
  await bind();
  const { networkFileSystem, databaseFile } = folder;
  const { callsInProgress } = sqlite;
  const notices = [...folder.notices, ...(mirror?.notices ?? []), ...(await history.notices())];
  return {
    ...{ metadata, blobs, node: onlyNode, disk: { space, ballast, databaseFile }, callsInProgress },
    time: { clock: systemClock, monotonic: machineMonotonic, bootId: await machineBootId() },
    // The disk of the metadata can be full though archives are elsewhere.
    readOnly: () => blobs.readOnly ?? diskFullOf(space),
    unreadable: () => null,
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

async function openObjects(place: ArchivesUrl, { folder, log }: BlobParts): Promise<OpenedBlobs> {
  const { blobs, bucket } = await openBucketStore(place, log, {
    now: () => systemClock.now(),
    isKept: (key) => isQuarantined(folder.path, key),
  });
  const space = new FreeSpace(nodeFiles, folder.path);
  const bindings = {
    read: async () => readBinding(folder.path),
    write: (to: Binding) => writeBinding(folder.path, to),
  };
  return { blobs, space, bind: () => bindBucket({ name: folder.path, bindings }, bucket) };
}

export async function openBucketStore(
  place: ArchivesUrl,
  log: Logger,
  { now, isKept }: Required<Pick<S3StoreOptions, "now" | "isKept">>,
) {
  const connection = await connectBucket(place, callLimits);
  const blobs = new S3BlobStore(new Objects(connection), {
    ...{ now, isKept, cold: place.cold },
    onChange: (reason) => (reason === null ? log.warn(`${place.name} works again`) : log.error(reason)),
  });
  return { blobs, bucket: new Bucket(connection) };
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

/** A store serves the account and the region of its first start: with others a second root would be made, without its vaults. */
export async function claimStore(
  { accountId, region }: Config,
  metadata: MetadataStore,
  { kind, name }: { readonly kind: "folder" | "database"; readonly name: string },
): Promise<Installation> {
  const installation = await metadata.claimInstallation({ accountId: accountId as AccountId, region });
  if (installation.accountId !== accountId || installation.region !== region) {
    const flags = `--account ${installation.accountId} --region ${installation.region}`;
    throw new Error(
      `${name} belongs to account ${installation.accountId} in region ${installation.region}, not to ` +
        `account ${accountId} in region ${region}: start with ${flags}, or choose another ${kind}`,
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
