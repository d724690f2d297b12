import { type AccountId, millisecondsPer } from "@moraine/protocol";
import type { Logger } from "pino";
import { openKeyring } from "../auth/keyring.ts";
import { ensureRootKey } from "../auth/root-key.ts";
import { systemClock } from "../clock/clocks.ts";
import type { Config } from "../config.ts";
import type { Installation } from "../domain/stores/installation-store.ts";
import type { MetadataStore } from "../domain/stores/metadata-store.ts";
import type { Instant } from "../domain/time/instant.ts";
import { DamagedRows } from "../health/damaged-rows.ts";
import type { ServiceState } from "../health/service-state.ts";
import { FilesystemBlobStore } from "../storage/blobs/filesystem.ts";
import { MirroredBlobStore } from "../storage/blobs/mirrored.ts";
import { type DataFolder, openDataFolder } from "../storage/data-folder.ts";
import { prepareHistory } from "../storage/history/prepare.ts";
import { failureReason, openSqliteStore } from "../storage/metadata/sqlite/sqlite-store.ts";
import { type MirrorFolder, openMirrorFolder } from "../storage/mirror-folder.ts";
import { withRoomMaking } from "../storage/room-making.ts";
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
  const history = prepareHistory(folder, systemClock.now());
  const mirror = config.mirrorFolder === null ? null : await openMirrorFolder(config.mirrorFolder, folder);
  started.defer(() => mirror?.release());
  const blobs = openBlobs(folder, mirror, { log, timings, shelfSeed: history.shelfSeed });
  const { ballast } = folder;
  const { isFull } = await blobs.prepare();
  await blobs.space.measure();
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
  const { networkFileSystem, databaseFile } = folder;
  const { callsInProgress } = sqlite;
  const notices = [...folder.notices, ...(mirror?.notices ?? []), ...(await history.notices())];
  return {
    ...{ metadata, blobs, ballast, databaseFile, callsInProgress },
    ...{ networkFileSystem, unshownKeyId, notices, damagedRows, ...keys.opened },
  };
}

function openBlobs(
  { path }: DataFolder,
  mirror: MirrorFolder | null,
  { log, timings, shelfSeed }: { log: Logger; timings: StorageTimings; shelfSeed: string },
): FilesystemBlobStore | MirroredBlobStore {
  const storeIn = (folder: string) =>
    new FilesystemBlobStore(folder, undefined, shelfSeed, (seconds) => timings.synced(seconds));
  if (mirror === null) {
    return storeIn(path);
  }
  return new MirroredBlobStore({ data: storeIn(path), mirror: storeIn(mirror.path) }, (segment, error) =>
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
