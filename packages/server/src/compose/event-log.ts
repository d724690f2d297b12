import { millisecondsPer } from "@moraine/protocol";
import type { Logger } from "pino";
import { BlobStoreUnavailableError, NotRestoredYetError, StorageFullError } from "../domain/stores/blob-store.ts";
import type { DeletedBytes } from "../domain/stores/storage-report.ts";
import type { DamagedRows } from "../health/damaged-rows.ts";
import type { RequestRecord } from "../http/connections/listener.ts";
import type { JobLog } from "../jobs/context.ts";
import type { DeliveryLog } from "../jobs/delivery.ts";
import type { FullDiskLog } from "../telemetry/full-disk-log.ts";
import type { Metrics } from "../telemetry/metrics.ts";

interface EventLogOptions {
  readonly metrics: Metrics;
  readonly fullDisk: FullDiskLog;
  readonly damagedRows: DamagedRows;
  noteDeletedBytes(deleted: DeletedBytes): void;
}

/** Writes down what happens: in the log, and in the metrics. */
export interface EventLog {
  readonly job: JobLog;
  readonly delivery: DeliveryLog;
  readonly access: {
    /** Policies denied a request because they cost too much to evaluate. Logged at most once a minute. */
    tooCostly(source: "identity" | "resource", resource: string): void;
  };
  request(record: RequestRecord): void;
}

export function createEventLog(log: Logger, options: EventLogOptions): EventLog {
  const { metrics, fullDisk, damagedRows, noteDeletedBytes } = options;
  const postponed = (what: string, error: unknown) => {
    const reason = reasonOfStorage(error);
    if (reason !== null) {
      fullDisk.refused(what, {}, reason);
    } else {
      log.error({ err: error }, `${what} failed and is tried again`);
    }
  };
  return {
    job: {
      postponed,
      finished({ job }, state) {
        metrics.job(job.action, state);
        log.info({ job: job.id, action: job.action, state }, "job ended");
      },
      deletedBytes: noteDeletedBytes,
      moved(count, storageClass) {
        metrics.moved(count);
        log.info({ count, storageClass }, "segments were moved to the cold class");
      },
      damagedRow: (row) => damagedRows.met(row),
      swept({ removedCount, failedCount, failure }) {
        metrics.swept(removedCount, failedCount);
        if (failure !== null) {
          const message = `${failedCount} deleted blobs could not be removed from the disk; tried again in a minute`;
          log.error({ err: failure.error, blob: failure.key }, message);
        }
      },
      readBack: (outcome) => metrics.scrub.readBack(outcome),
      scrubbed: (sizeBytes, isUncached) => metrics.scrub.read(sizeBytes, isUncached),
      progress: (progress) => metrics.scrub.progress(progress),
      repaired(key, copy, cause) {
        metrics.scrub.repaired(copy);
        log.warn(
          { segment: key, copy, reason: cause.reason },
          "a damaged or missing copy was replaced by the other one",
        );
      },
      damagedManifest: (error, archive) =>
        log.error({ err: error, archive }, "the list of an archive's parts is damaged; the archive can be read"),
      manifestWritten: (archive) => log.warn({ archive }, "the list of an archive's parts was written again"),
      damagedPart: (error) => log.error({ err: error }, "a stored part is damaged; no complete archive has it"),
    },
    delivery: {
      postponed,
      delivered({ id, topic, jobId }) {
        metrics.deliveryAttempt("delivered");
        log.info({ message: id, topic, job: jobId }, "message delivered");
      },
      undelivered({ id, topic, jobId }, state, reason) {
        metrics.deliveryAttempt(state);
        log.warn({ message: id, topic, job: jobId, state, reason }, "message not delivered");
      },
    },
    access: { tooCostly: rarely(log) },
    request({ error, ...details }) {
      metrics.request(details.operation, details.status, details.seconds);
      const reason = reasonOfStorage(error);
      if (reason !== null) {
        fullDisk.refused(details.operation, { requestId: details.requestId }, reason);
      } else if (error !== null) {
        log.error({ err: error, ...details }, "request failed");
      } else {
        log.debug(details, "request");
      }
    },
  };
}

/** Null for failures that the storage did not cause, which are logged one by one. */
function reasonOfStorage(error: unknown): string | null {
  if (error instanceof BlobStoreUnavailableError || error instanceof NotRestoredYetError) {
    return error.message;
  }
  return error instanceof StorageFullError ? "no room on the disk" : null;
}

const rareMilliseconds = millisecondsPer.minute;

/** A tenant that repeats its request cannot fill the log. */
function rarely(log: Logger): EventLog["access"]["tooCostly"] {
  let lastAt = Number.NEGATIVE_INFINITY;
  return (source, resource) => {
    if (performance.now() - lastAt >= rareMilliseconds) {
      lastAt = performance.now();
      log.warn(
        { source, resource },
        "policies denied a request because they cost too much to evaluate: put cheaper ones",
      );
    }
  };
}
