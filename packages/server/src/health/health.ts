import { randomInt } from "node:crypto";
import { join } from "node:path";
import type { Logger } from "pino";
import { startTrustedClock } from "../clock/trusted-clock.ts";
import type { Config } from "../config.ts";
import type { FaultMode } from "../domain/faults/fault.ts";
import { formatFault } from "../domain/faults/fault-text.ts";
import { jobLanes } from "../domain/jobs/job.ts";
import type { UnrecordedMetadata } from "../domain/stores/recorded-changes.ts";
import {
  type DeletedBytes,
  describeReadOnly,
  noDeletedBytes,
  type StorageReport,
} from "../domain/stores/storage-report.ts";
import type { Clock } from "../domain/time/clock.ts";
import type { TimeSource } from "../domain/time/time-source.ts";
import type { KeptClock } from "../domain/time/trusted-clock.ts";
import type { Damage } from "../domain/vaults/damage.ts";
import { arnOf } from "../domain/vaults/vault.ts";
import { type FaultLog, FaultRegistry } from "../faults/fault-registry.ts";
import { type DamageLog, DamageReports } from "../segments/damage-reports.ts";
import { objectOf } from "../storage/blobs/s3/s3-blob-store.ts";
import { FullDiskLog } from "../telemetry/full-disk-log.ts";
import { Metrics, type MetricsSources } from "../telemetry/metrics.ts";
import { ContentsCount } from "./contents-count.ts";
import type { DamagedRows } from "./damaged-rows.ts";
import { describeLag, faultsAllowed, faultsInForce, lagSeconds, warningsOf } from "./warnings.ts";

/** Facts that an operator must not overlook, in the log, in the metrics and on the page of health. */
export interface Health {
  readonly trustedClock: KeptClock;
  /** Null unless they are allowed. */
  readonly faults: FaultRegistry | null;
  readonly metrics: Metrics;
  readonly damage: DamageReports;
  warnings(): readonly string[];
  storage(): StorageReport;
  /** Takes note of what deletions will give back. */
  noteDeletedBytes(deleted: DeletedBytes): void;
  /** Writes down what a full disk refused. */
  readonly fullDisk: FullDiskLog;
}

interface HealthOptions {
  readonly clock: Clock;
  readonly metadata: UnrecordedMetadata;
  readonly damagedRows: DamagedRows;
  /** Findings of the start, which stay true until the next one. */
  readonly notices: readonly string[];
  /** Null when the service is ready; otherwise why it is not. */
  readonly readiness: () => string | null;
  /** Why nothing new is stored; null while archives are accepted. */
  readonly readOnly: () => StorageReport["readOnly"];
  /** Null when nothing is kept on this machine. */
  readonly disk: {
    readonly space: { readonly figures: (Pick<StorageReport, "reserveBytes"> & { readonly freeBytes: number }) | null };
  } | null;
  readonly time: Omit<TimeSource, "clock">;
  /** The network file system that the data folder lies on, if that was allowed. */
  readonly networkFileSystem: string | null;
  /** Figures of the load, which this adds to those of the store. */
  readonly load: Pick<
    MetricsSources,
    "timings" | "isHalted" | "queues" | "hashQueueBytes" | "listener" | "databaseBytes" | "databaseLogBytes"
  >;
  readonly log: Logger;
}

export async function startHealth(config: Config, options: HealthOptions): Promise<Health> {
  const { readiness, log, metadata, readOnly, disk, networkFileSystem, notices, damagedRows } = options;
  for (const notice of notices) {
    log.warn(notice);
  }
  let deleted = noDeletedBytes;
  const storage = (): StorageReport => {
    const unknown = { freeBytes: Number.POSITIVE_INFINITY, reserveBytes: 0 };
    const { freeBytes, reserveBytes } = disk?.space.figures ?? unknown;
    return {
      readOnly: readOnly(),
      freeBytes: Number.isFinite(freeBytes) ? freeBytes : null,
      reserveBytes,
      deleted,
    };
  };
  const trustedClock = await openTrustedClock(config, options);
  const contents = new ContentsCount({
    metadata,
    hasAuditLog: config.audit.logPath !== null,
    monotonic: () => performance.now(),
  });
  const metrics: Metrics = new Metrics({
    ...options.load,
    contents: () => contents.current(),
    overdueJobSeconds: () => overdueSeconds(options),
    isReady: () => readiness() === null,
    storage,
    countNotifications: () => metadata.countNotifications(),
    policyTimeBehindSeconds: () => lagSeconds(trustedClock.lag()),
    faultsInForce: () => faultsInForce(faults).length,
    damage: () => damage.counts,
    damagedRows: () => damagedRows.count,
  });
  const damage = new DamageReports({ metadata, clock: options.clock, log: damageLog(config, log, metrics) });
  await damage.refresh();
  const faults = openFaults(config, log, (mode) => metrics.fault(mode));
  return {
    trustedClock,
    faults,
    metrics,
    damage,
    warnings: () => {
      const found = { damage: damage.counts, damagedRows: damagedRows.count };
      return [...notices, ...warningsOf({ trustedClock, faults, networkFileSystem, ...found })];
    },
    storage,
    noteDeletedBytes: (sum) => {
      deleted = sum;
    },
    fullDisk: new FullDiskLog(log, () => describeReadOnly(storage())),
  };
}

async function overdueSeconds({ metadata, clock }: HealthOptions): Promise<Record<string, number>> {
  const now = clock.now();
  const ages = jobLanes.map(async (lane) => {
    const due = await metadata.nextJobDue({ lane, now, dueAfter: null });
    return [lane, due === null ? 0 : Math.max(0, now - due) / 1000];
  });
  return Object.fromEntries(await Promise.all(ages));
}

/** The file is named relative to the data folder, where blobs/ holds the segments by their keys; an object by its URL. */
function damageLog({ blobs }: Pick<Config, "blobs">, log: Logger, metrics: Metrics): DamageLog {
  const fileOf = (key: string) => (blobs === null ? join("blobs", key) : `${blobs.name}/${objectOf(key)}`);
  const factsOf = ({ owner, range, segmentKey, reason }: Damage) => ({
    vault: arnOf(owner.vault),
    [owner.kind === "archive" ? "archive" : "job"]: owner.id,
    firstByte: range.firstByte,
    lastByte: range.lastByte,
    segment: segmentKey,
    file: segmentKey === null ? null : fileOf(segmentKey),
    reason,
  });
  return {
    found: (damage, cause) =>
      log.error({ ...factsOf(damage), ...(cause !== undefined && { err: cause }) }, "stored data is damaged"),
    repaired: (damage) => log.warn(factsOf(damage), "damaged data reads right again"),
    met: () => metrics.damagedRead(),
  };
}

/** Continues from where the last run got to. */
async function openTrustedClock(
  { trustClock, clock: kind }: Config,
  { clock, time, metadata, log }: HealthOptions,
): Promise<KeptClock> {
  const kept = await metadata.trustedTime();
  if (trustClock) {
    const times = { serviceTime: clock.now(), trustedTime: kept?.highWater };
    log.warn(times, "--trust-clock: the time of policies follows the clock, whatever its jumps");
  }
  return startTrustedClock({
    ...{ clock, kept, bootId: time.bootId },
    monotonic: () => time.monotonic(),
    followsClock: trustClock,
    isManual: kind === "manual",
    onLag: (lag) => log.warn(lag, describeLag(lag)),
  });
}

function openFaults(
  { faults: allowed }: Config,
  log: Logger,
  onFired: (mode: FaultMode) => void,
): FaultRegistry | null {
  if (allowed === null) {
    return null;
  }
  const seed = allowed.seed ?? randomInt(1_000_000_000);
  log.warn({ seed }, faultsAllowed);
  const faultLog: FaultLog = {
    put: (fault) => log.warn({ fault: fault.id }, `a fault is in force: ${formatFault(fault)}`),
    removed: (fault) => log.warn({ fault: fault.id, fired: fault.fired }, `a fault ended: ${formatFault(fault)}`),
    fired: (fault) => onFired(fault.mode),
  };
  return new FaultRegistry(seed, faultLog, allowed.rules);
}
