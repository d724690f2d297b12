import type { CatalogArchive } from "../../catalog/archives/archive-row.ts";
import { isWanted, type RescueParts, type RescueState } from "../rescue-state.ts";

/** The archives that need a job: those whose job has expired first, then the others in the order of their creation. */
export class Candidates {
  readonly #parts: RescueParts;
  readonly #state: RescueState;
  readonly #archives: AsyncGenerator<readonly CatalogArchive[], void, void>;
  #page: readonly CatalogArchive[] = [];
  #at = 0;
  #next: CatalogArchive | null = null;
  #hasEnded = false;

  constructor(parts: RescueParts, state: RescueState) {
    this.#parts = parts;
    this.#state = state;
    this.#archives = parts.selection.archives();
  }

  /** Returns the next archive, which stays the next until it is taken; null if there is none at the moment. */
  async peek(): Promise<CatalogArchive | null> {
    const renewal = this.#renewal();
    if (renewal !== null) {
      return renewal;
    }
    while (this.#next === null && !this.#hasEnded) {
      this.#next = this.#fromPage();
      if (this.#next === null) {
        await this.#turnPage();
      }
    }
    if (this.#next !== null && !this.#needsJob(this.#next)) {
      this.#next = null;
      return this.peek();
    }
    return this.#next;
  }

  take({ number }: CatalogArchive): void {
    if (this.#state.renewals[0] === number) {
      this.#state.renewals.shift();
    } else if (this.#next?.number === number) {
      this.#next = null;
    }
  }

  get areTaken(): boolean {
    return this.#hasEnded && this.#next === null && this.#state.renewals.length === 0;
  }

  #renewal(): CatalogArchive | null {
    const { renewals } = this.#state;
    while (renewals[0] !== undefined) {
      const archive = this.#parts.catalog.archives.byNumber(renewals[0]);
      if (archive !== null && this.#needsJob(archive)) {
        return archive;
      }
      renewals.shift();
    }
    return null;
  }

  #fromPage(): CatalogArchive | null {
    while (this.#at < this.#page.length) {
      const archive = this.#page[this.#at++];
      if (archive !== undefined && this.#needsJob(archive)) {
        return archive;
      }
    }
    return null;
  }

  async #turnPage(): Promise<void> {
    const { value, done } = await this.#archives.next();
    this.#page = value ?? [];
    this.#at = 0;
    this.#hasEnded = done === true;
  }

  #needsJob(archive: CatalogArchive): boolean {
    const job = this.#parts.catalog.jobs.of(archive.number)?.state;
    const { requesting, uncertain } = this.#state;
    const isLive = job === "requested" || job === "ready" || requesting.has(archive.number);
    return !isLive && !uncertain.has(archive.number) && isWanted(this.#parts, this.#state, archive);
  }
}
