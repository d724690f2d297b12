import { Counter, Gauge, type Registry } from "prom-client";

/** Metrics of the scrub. Its gauges are as of its last look, at most a minute ago while it has nothing to read. */
export class ScrubMetrics {
  readonly #bytes: Counter<"source">;
  readonly #segments: Counter<"outcome">;
  readonly #repairs: Counter<"copy">;
  readonly #period: Gauge;
  readonly #oldest: Gauge;
  readonly #oldestNew: Gauge;
  readonly #dueRanges: Gauge;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#bytes = new Counter({
      name: "moraine_scrub_bytes_total",
      help: "Bytes that the scrub has read back, by source: disk, or cache where the file system offers nothing else",
      labelNames: ["source"],
      registers,
    });
    this.#segments = new Counter({
      name: "moraine_scrub_segments_total",
      help: "Segments that the scrub has read back, by outcome: sound, damaged, cold, or unread and tried again",
      labelNames: ["outcome"],
      registers,
    });
    this.#repairs = new Counter({
      name: "moraine_repairs_total",
      help: "Damaged or missing files that were replaced by their other copy, by where they were: data, or mirror",
      labelNames: ["copy"],
      registers,
    });
    this.#period = new Gauge({
      name: "moraine_scrub_period_seconds",
      help: "Time within which all stored bytes are to be read back",
      registers,
    });
    this.#oldest = new Gauge({
      name: "moraine_scrub_oldest_unverified_seconds",
      help: "All stored bytes that are older than this were read back within this time",
      registers,
    });
    this.#oldestNew = new Gauge({
      name: "moraine_scrub_oldest_new_seconds",
      help: "No new segment has waited longer than this for being read back; 0 when none waits",
      registers,
    });
    this.#dueRanges = new Gauge({
      name: "moraine_scrub_due_ranges",
      help: "Parts of the store, of 256, that are due to be read back",
      registers,
    });
    for (const source of ["disk", "cache"]) {
      this.#bytes.labels(source).inc(0);
    }
    for (const copy of ["data", "mirror"]) {
      this.#repairs.labels(copy).inc(0);
    }
    for (const outcome of ["sound", "damaged", "cold", "unread"]) {
      this.#segments.labels(outcome).inc(0);
    }
  }

  read(sizeBytes: number, isUncached: boolean): void {
    this.#bytes.labels(isUncached ? "disk" : "cache").inc(sizeBytes);
  }

  readBack(outcome: string): void {
    this.#segments.labels(outcome).inc();
  }

  repaired(copy: string): void {
    this.#repairs.labels(copy).inc();
  }

  progress(at: {
    readonly periodMilliseconds: number;
    readonly oldestMilliseconds: number;
    readonly oldestNewMilliseconds: number;
    readonly dueRanges: number;
  }): void {
    this.#period.set(at.periodMilliseconds / 1000);
    this.#oldest.set(at.oldestMilliseconds / 1000);
    this.#oldestNew.set(at.oldestNewMilliseconds / 1000);
    this.#dueRanges.set(at.dueRanges);
  }
}
