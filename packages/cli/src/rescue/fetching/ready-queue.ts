import type { CatalogArchive } from "../../catalog/archives/archive-row.ts";
import type { CatalogJob } from "../../catalog/tables/job-table.ts";
import { isWanted, type RescueParts, type RescueState } from "../rescue-state.ts";

/** An archive whose output can be fetched. */
export interface ReadyArchive {
  readonly archive: CatalogArchive;
  readonly job: CatalogJob;
}

const smallBytesMax = 32 * 1024 ** 2;
/** A large archive is fetched by several connections of its own, and in parts that are kept. */
export const isLarge = ({ sizeBytes }: Pick<CatalogArchive, "sizeBytes">): boolean => sizeBytes > smallBytesMax;
/** Archives that are kept in memory, of each kind. */
const queuedMax = 500;

/** The outputs that are ready, in the order of the catalogue: a few of them in memory, small and large ones apart. */
export class ReadyQueue {
  readonly #parts: RescueParts;
  readonly #state: RescueState;
  readonly #small: ReadyArchive[] = [];
  readonly #large: ReadyArchive[] = [];
  /** Archives that are queued, being fetched, or postponed, by their number. */
  readonly #taken = new Set<number>();
  #postponed: { readonly number: number; readonly until: number }[] = [];
  #pages: AsyncGenerator<readonly CatalogJob[], void, void> | null = null;
  /** The state's count of ready jobs when reading was started; null if something may be queued again. */
  #readAt: number | null = null;

  constructor(parts: RescueParts, state: RescueState) {
    this.#parts = parts;
    this.#state = state;
  }

  /** Takes the next archive; null if there is none of its kind. Give it back by `release` or `postpone`. */
  take(kind: "small" | "large"): ReadyArchive | null {
    return (kind === "small" ? this.#small : this.#large).shift() ?? null;
  }

  /** Lets an archive be queued again, if its output is still ready. */
  release({ archive }: ReadyArchive): void {
    this.#taken.delete(archive.number);
    this.#readAt = null;
  }

  /** Forgets an archive whose copy is recorded. */
  done({ archive }: ReadyArchive): void {
    this.#taken.delete(archive.number);
  }

  /** The same, after a time. */
  postpone({ archive }: ReadyArchive, milliseconds: number): void {
    this.#postponed.push({ number: archive.number, until: this.#parts.now() + milliseconds });
  }

  /** Whether a small archive can be taken. */
  get hasSmall(): boolean {
    return this.#small.length > 0;
  }

  /** Whether nothing is queued, being fetched or postponed. */
  get isEmpty(): boolean {
    return this.#taken.size === 0;
  }

  /** Returns when the first postponed archive is due; null if none is postponed. */
  get nextDueAt(): number | null {
    return this.#postponed.reduce<number | null>((first, { until }) => Math.min(first ?? until, until), null);
  }

  /** Reads ready jobs from the catalogue until enough are queued. */
  async fill(): Promise<void> {
    this.#admitPostponed();
    if (this.#small.length > queuedMax / 10) {
      return;
    }
    while (this.#small.length < queuedMax / 2 && this.#large.length < queuedMax) {
      if (this.#pages === null && this.#readAt === this.#state.readyCount) {
        return; // All that is ready is queued, or being fetched.
      }
      if (this.#pages === null) {
        this.#readAt = this.#state.readyCount;
        this.#pages = this.#parts.catalog.jobs.inState("ready", { batchSize: queuedMax / 2 });
      }
      const { value, done } = await this.#pages.next();
      this.#queue(value ?? []);
      this.#pages = done === true ? null : this.#pages;
    }
  }

  #queue(jobs: readonly CatalogJob[]): void {
    for (const job of jobs) {
      const archive = this.#taken.has(job.number) ? null : this.#parts.catalog.archives.byNumber(job.number);
      if (archive !== null && isWanted(this.#parts, this.#state, archive)) {
        this.#taken.add(job.number);
        (isLarge(archive) ? this.#large : this.#small).push({ archive, job });
      }
    }
  }

  #admitPostponed(): void {
    const now = this.#parts.now();
    const due = this.#postponed.filter(({ until }) => until <= now);
    if (due.length === 0) {
      return;
    }
    this.#postponed = this.#postponed.filter(({ until }) => until > now);
    for (const { number } of due) {
      this.#taken.delete(number);
    }
    this.#pages = null; // They may be before the place that is read next.
    this.#readAt = null;
  }
}
