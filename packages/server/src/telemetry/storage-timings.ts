import { Histogram } from "prom-client";

const buckets = [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30];

/** Latencies of the disk. They exist before all other metrics, since the stores are opened first. */
export class StorageTimings {
  readonly #commits = new Histogram({
    name: "moraine_metadata_commit_seconds",
    help: "Time of a commit of the database, its sync included; many changes share one",
    buckets,
    registers: [],
  });
  readonly #syncs = new Histogram({
    name: "moraine_blob_sync_seconds",
    help: "Time of a sync of a file or a folder of archives",
    buckets,
    registers: [],
  });

  committed(seconds: number): void {
    this.#commits.observe(seconds);
  }

  synced(seconds: number): void {
    this.#syncs.observe(seconds);
  }

  get histograms(): readonly Histogram[] {
    return [this.#commits, this.#syncs];
  }
}
