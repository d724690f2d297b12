import type { CatalogDatabase } from "../catalog-database.ts";
import { nextNumber } from "../next-position.ts";
import { idColumn, packId, textKey, unpackId } from "../packed-id.ts";

/** In the order of the numbers that the table has. "fetched": its output is no longer needed. */
const jobStates = ["requested", "ready", "failed", "expired", "fetched"] as const;
export type JobState = (typeof jobStates)[number];

/** The newest retrieval job of an archive. */
export interface CatalogJob {
  /** The number of its archive. */
  readonly number: number;
  readonly jobId: string;
  readonly tier: string;
  readonly state: JobState;
  readonly requestedAt: Date;
  readonly completedAt: Date | null;
  /** The service's reason, of a failed job. */
  readonly error: string | null;
  /** How many jobs were requested for this archive. */
  readonly requestCount: number;
}

/** The retrieval jobs as last seen: at most one for each archive, the newest. */
export class JobTable {
  readonly #database: CatalogDatabase;

  constructor(database: CatalogDatabase) {
    this.#database = database;
  }

  /** Records a job that was requested, in the place of an earlier one of this archive. The same job again changes nothing. */
  requested(number: number, jobId: string, tier: string, at: Date): void {
    if (this.of(number)?.jobId === jobId) {
      return;
    }
    this.#database.run(
      `INSERT INTO jobs VALUES (?, ?, ?, ?, 0, ?, NULL, NULL, 1)
       ON CONFLICT DO UPDATE SET id = excluded.id, id_key = excluded.id_key, tier = excluded.tier, state = 0,
         requested_at = excluded.requested_at, completed_at = NULL, error = NULL, request_count = request_count + 1`,
      number,
      packId(jobId),
      textKey(jobId),
      tier,
      at.getTime(),
    );
  }

  /** These record what became of a job; they change nothing for a job that is not in the table, and return whether it is. */
  ready(jobId: string, completedAt: Date): boolean {
    return this.#end(jobId, "ready", { completedAt });
  }

  /** Takes back that it was ready. */
  inProgress(jobId: string): boolean {
    return this.#end(jobId, "requested");
  }

  failed(jobId: string, error: string): boolean {
    return this.#end(jobId, "failed", { error });
  }

  expired(jobId: string): boolean {
    return this.#end(jobId, "expired");
  }

  fetched(jobId: string): boolean {
    return this.#end(jobId, "fetched");
  }

  of(number: number): CatalogJob | null {
    const row = this.#database.get<JobRow>(`${selection} WHERE number = ?`, number);
    return row === undefined ? null : jobOf(row);
  }

  byId(jobId: string): CatalogJob | null {
    const rows = this.#database.all<JobRow>(`${selection} WHERE id_key = ?`, textKey(jobId));
    return rows.map(jobOf).find((job) => job.jobId === jobId) ?? null;
  }

  /** Yields the jobs in a state, by the numbers of their archives, in batches that are read one by one: they may change meanwhile. */
  async *inState(state: JobState, { batchSize = 1000 } = {}): AsyncGenerator<readonly CatalogJob[], void, void> {
    let after = 0;
    while (true) {
      const rows = this.#database.all<JobRow>(
        `${selection} WHERE state = ? AND number > ? ORDER BY number LIMIT ?`,
        jobStates.indexOf(state),
        after,
        batchSize,
      );
      if (rows.length === 0) {
        return;
      }
      yield rows.map(jobOf);
      after = nextNumber(after, rows.at(-1)?.number ?? after);
    }
  }

  countByState(): Readonly<Record<JobState, number>> {
    const rows = this.#database.all<{ state: number; jobs: number }>("SELECT state, jobs FROM job_totals");
    const count = (state: JobState) => rows.find((row) => jobStates[row.state] === state)?.jobs ?? 0;
    return Object.fromEntries(jobStates.map((state) => [state, count(state)])) as Record<JobState, number>;
  }

  #end(jobId: string, state: JobState, facts: { readonly completedAt?: Date; readonly error?: string } = {}): boolean {
    const job = this.byId(jobId);
    if (job === null) {
      return false;
    }
    this.#database.run(
      "UPDATE jobs SET state = ?, completed_at = ifnull(?, completed_at), error = ? WHERE number = ?",
      jobStates.indexOf(state),
      facts.completedAt?.getTime() ?? null,
      facts.error ?? null,
      job.number,
    );
    return true;
  }
}

const selection = `SELECT number, ${idColumn}, tier, state, requested_at, completed_at, error, request_count FROM jobs`;

interface JobRow {
  readonly number: number;
  /** See idColumn. */
  readonly id: string;
  readonly tier: string;
  readonly state: number;
  readonly requested_at: number;
  readonly completed_at: number | null;
  readonly error: string | null;
  readonly request_count: number;
}

function jobOf(row: JobRow): CatalogJob {
  return {
    number: row.number,
    jobId: unpackId(row.id),
    tier: row.tier,
    state: jobStates[row.state] ?? "requested",
    requestedAt: new Date(row.requested_at),
    completedAt: row.completed_at === null ? null : new Date(row.completed_at),
    error: row.error,
    requestCount: row.request_count,
  };
}
