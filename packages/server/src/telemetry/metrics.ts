import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { ReadOnlyKind } from "../domain/stores/storage-report.ts";
import { addGauge, addLabelledGauge } from "./gauges.ts";
import { addLoadMetrics, type LoadSources } from "./load-metrics.ts";
import { ScrubMetrics } from "./scrub-metrics.ts";
import type { StorageTimings } from "./storage-timings.ts";

/** The sources of the values that are asked for when somebody looks. */
export interface MetricsSources extends LoadSources {
  readonly timings: StorageTimings;
  isReady(): boolean;
  isHalted(): boolean;
  storage(): {
    readonly readOnly: { readonly kind: string } | null;
    readonly freeBytes: number | null;
    readonly reserveBytes: number;
    readonly deleted: { readonly sizeBytes: number; readonly freeFrom: number | null; readonly freeBy: number | null };
  };
  /** Messages by state. */
  countNotifications(): Promise<Readonly<Record<string, number>>>;
  /** By how much the time of policies is behind the clock, because that is not believed. */
  policyTimeBehindSeconds(): number;
  /** Rules that may still corrupt responses. */
  faultsInForce(): number;
  /** Stored bytes that are known to be damaged. */
  damage(): { readonly archives: number; readonly inventories: number; readonly segments: number };
  /** Rows of the metadata that were met damaged since the start. */
  damagedRows(): number;
}

const renderMilliseconds = 1000;
const readOnlyKinds = ["disk_full", "failed_syncs", "store_away"] as const satisfies readonly ReadOnlyKind[];

/** The metrics of the service, in the text format of Prometheus. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests = new Histogram({
    name: "moraine_request_seconds",
    help: "Time from a request's headers to the end of its answer",
    labelNames: ["operation", "status"],
    buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300],
    registers: [this.#registry],
  });
  readonly #jobs = new Counter({
    name: "moraine_jobs_total",
    help: "Jobs that ended",
    labelNames: ["action", "state"],
    registers: [this.#registry],
  });
  readonly #deliveries = new Counter({
    name: "moraine_notification_attempts_total",
    help: "Attempts to deliver a message, by what the message came to: delivered, pending (to be tried again) or failed",
    labelNames: ["outcome"],
    registers: [this.#registry],
  });
  readonly #faults = new Counter({
    name: "moraine_faults_total",
    help: "Responses that were corrupted on purpose, by fault mode",
    labelNames: ["mode"],
    registers: [this.#registry],
  });
  readonly #removedBlobs = new Counter({
    name: "moraine_removed_blobs_total",
    help: "Blobs of deleted segments that were removed from the disk",
    registers: [this.#registry],
  });
  readonly #lastSweep = new Gauge({
    name: "moraine_last_sweep_seconds",
    help: "Unix time when the sweeper last passed over the blobs that are to be removed; 0 before the first pass",
    registers: [this.#registry],
  });
  readonly #unremovedBlobs = new Gauge({
    name: "moraine_unremoved_blobs",
    help: "Blobs of deleted segments that the last pass could not remove from the disk",
    registers: [this.#registry],
  });
  readonly #coldMoves = new Counter({
    name: "moraine_cold_moves_total",
    help: "Segments that were moved to the cold class of the bucket",
    registers: [this.#registry],
  });
  readonly #damagedReads = new Counter({
    name: "moraine_damaged_reads_total",
    help: "Reads that met damage: responses that were refused or aborted, and jobs that failed",
    registers: [this.#registry],
  });

  /** How the scrub gets on. */
  readonly scrub = new ScrubMetrics(this.#registry);

  #rendered: { readonly at: number; readonly text: Promise<string> } = {
    at: Number.NEGATIVE_INFINITY,
    text: Promise.resolve(""),
  };

  readonly #monotonic: () => number;

  /** @param monotonic milliseconds of a clock that never goes back. */
  constructor(sources: MetricsSources, monotonic: () => number = () => performance.now()) {
    this.#monotonic = monotonic;
    collectDefaultMetrics({ register: this.#registry });
    for (const histogram of sources.timings.histograms) {
      this.#registry.registerMetric(histogram);
    }
    this.#showZeros();
    this.#gauge("moraine_ready", "1 while the service is ready, 0 otherwise", () => (sources.isReady() ? 1 : 0));
    this.#gauge("moraine_halted", "1 once the service can continue only after a restart, 0 otherwise", () =>
      sources.isHalted() ? 1 : 0,
    );
    this.#addStorage(() => sources.storage());
    this.#addDamage(() => sources.damage());
    addLoadMetrics(this.#registry, sources);
    this.#gauge(
      "moraine_policy_time_behind_seconds",
      "Seconds that the time of policies lags the system clock while that clock is not trusted; otherwise 0",
      () => sources.policyTimeBehindSeconds(),
    );
    this.#gauge("moraine_faults_in_force", "Rules that corrupt responses on purpose", () => sources.faultsInForce());
    this.#gauge(
      "moraine_damaged_rows",
      "Rows of the metadata that are not as they were stored, and so not used, as far as they were met since the start",
      () => sources.damagedRows(),
    );
    addLabelledGauge(this.#registry, {
      name: "moraine_notifications",
      help: "Messages that have not arrived, by state",
      label: "state",
      values: () => sources.countNotifications(),
    });
  }

  request(operation: string, status: number, seconds: number): void {
    this.#requests.labels(operation, String(status)).observe(seconds);
  }

  job(action: string, state: string): void {
    this.#jobs.labels(action, state).inc();
  }

  deliveryAttempt(outcome: string): void {
    this.#deliveries.labels(outcome).inc();
  }

  /** Segments were moved to the cold class. */
  moved(count: number): void {
    this.#coldMoves.inc(count);
  }

  swept(removedCount: number, failedCount: number): void {
    this.#removedBlobs.inc(removedCount);
    this.#unremovedBlobs.set(failedCount);
    this.#lastSweep.setToCurrentTime();
  }

  fault(mode: string): void {
    this.#faults.labels(mode).inc();
  }

  damagedRead(): void {
    this.#damagedReads.inc();
  }

  /** Renders at most once a second: it takes too long to be done as often as somebody may ask. */
  async text(): Promise<{ contentType: string; text: string }> {
    const now = this.#monotonic();
    if (now - this.#rendered.at >= renderMilliseconds) {
      this.#rendered = { at: now, text: this.#registry.metrics() };
    }
    return { contentType: this.#registry.contentType, text: await this.#rendered.text };
  }

  /** A rate is seen from the first event on only if the counter was there before it. */
  #showZeros(): void {
    for (const outcome of ["delivered", "pending", "failed"]) {
      this.#deliveries.labels(outcome).inc(0);
    }
    for (const action of ["ArchiveRetrieval", "InventoryRetrieval"]) {
      for (const state of ["succeeded", "failed"]) {
        this.#jobs.labels(action, state).inc(0);
      }
    }
  }

  #addDamage(damage: MetricsSources["damage"]): void {
    this.#gauge("moraine_suspect_segments", "Segments that are damaged or missing", () => damage().segments);
    this.#gauge("moraine_damaged_archives", "Archives with bytes that are damaged or missing", () => damage().archives);
    this.#gauge(
      "moraine_damaged_inventories",
      "Inventory documents with bytes that are damaged or missing",
      () => damage().inventories,
    );
  }

  #addStorage(storage: MetricsSources["storage"]): void {
    addLabelledGauge(this.#registry, {
      name: "moraine_read_only",
      help: "1 while no archive is accepted, by reason: disk_full, failed_syncs until a restart, or store_away; reads and deletions work, or are tried",
      label: "reason",
      values() {
        const inForce = storage().readOnly?.kind;
        return Object.fromEntries(readOnlyKinds.map((kind) => [kind, kind === inForce ? 1 : 0]));
      },
    });
    const seconds = (time: number | null) => (time === null ? 0 : time / 1000);
    this.#gauge("moraine_storage_free_bytes", "Free bytes of the disk", () => storage().freeBytes ?? Number.NaN);
    this.#gauge("moraine_storage_reserve_bytes", "Free bytes that archives never take", () => storage().reserveBytes);
    this.#gauge(
      "moraine_deleted_bytes",
      "Bytes of deleted archives and parts that still take room",
      () => storage().deleted.sizeBytes,
    );
    this.#gauge(
      "moraine_deleted_bytes_free_from_seconds",
      "Unix time when the first deleted bytes are freed; 0 if none",
      () => seconds(storage().deleted.freeFrom),
    );
    this.#gauge(
      "moraine_deleted_bytes_free_by_seconds",
      "Unix time when the last deleted bytes are freed; 0 if none",
      () => seconds(storage().deleted.freeBy),
    );
  }

  #gauge(name: string, help: string, value: () => number): void {
    addGauge(this.#registry, name, help, value);
  }
}
