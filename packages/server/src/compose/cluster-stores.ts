import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Config } from "../config.ts";
import { invariant } from "../domain/invariant.ts";
import type { StorageReport } from "../domain/stores/storage-report.ts";
import { DamagedRows } from "../health/damaged-rows.ts";
import { packageVersion } from "../package-version.ts";
import { bindBucket } from "../storage/bucket-binding.ts";
import { openPostgresStore } from "../storage/metadata/postgres/postgres-store.ts";
import { SealingKeys } from "./sealing-keys.ts";
import { claimStore, type OpenOptions, openBucketStore, type Stores } from "./stores.ts";

/** The database's time continues whatever happens to this machine. */
const bootId = "database";

/** Opens a database and a bucket that other nodes may use at the same time. */
export async function openClusterStores(
  config: Config,
  { log, started, timings, requestsInProgress }: OpenOptions,
): Promise<Stores> {
  const { database, blobs: place } = config;
  invariant(database !== null && place !== null, "a shared database comes with a bucket");
  const damagedRows = new DamagedRows(log);
  const keys = new SealingKeys(config, null);
  const postgres = await openPostgresStore({
    url: database.url,
    node: { id: randomUUID(), host: hostname(), version: packageVersion(), requestsInProgress },
    isInsecureAllowed: database.isInsecureAllowed,
    rowSecret: keys.rowSecret,
    onDamagedRow: (row) => damagedRows.met(row),
    onCommit: (seconds) => timings.committed(seconds),
  });
  started.defer(() => postgres.close());
  const { time, node, notices, away, unreachable, callsInProgress, bindings, close: _, ...metadata } = postgres;
  const { blobs, bucket } = await openBucketStore(place, log, { now: () => time.now(), isKept: () => false });
  started.defer(() => blobs.close());
  await blobs.prepare();
  const { name } = database.url;
  const { unshownKeyId } = await claimStore(config, postgres, { kind: "database", name });
  await bindBucket({ name, bindings }, bucket);
  return {
    ...{ metadata: { ...metadata, close: () => postgres.close() }, blobs, node, disk: null, callsInProgress },
    time: { clock: time, monotonic: () => time.latest(), bootId },
    readOnly: () => blobs.readOnly ?? awayReport(away()),
    unreadable: unreachable,
    ...{ networkFileSystem: null, unshownKeyId, notices, damagedRows, ...keys.opened },
  };
}

const awayReport = (reason: string | null): StorageReport["readOnly"] =>
  reason === null ? null : { kind: "store_away", reason };
