import { type AuditOutcome, millisecondsPer } from "@moraine/protocol";
import type { AuditFacts } from "../domain/audit.ts";
import type { MetadataStore } from "../domain/stores/metadata-store.ts";
import type { Instant } from "../domain/time/instant.ts";

export interface AttemptLimits {
  /** Attempts of one source that are recorded at once. */
  readonly burst: number;
  /** How many more each second. */
  readonly perSecond: number;
}

export const attemptLimits: AttemptLimits = { burst: 500, perSecond: 1 };

export interface AttemptsOptions {
  readonly metadata: Pick<MetadataStore, "addAuditEntries">;
  readonly limits: AttemptLimits;
  now(): Instant;
  /** Called when a batch could not be written; it is tried again. */
  onFailure(error: unknown): void;
}

const batchMilliseconds = 1000;
/** How often the trail says how many attempts of a source were left out. */
const omissionMilliseconds = millisecondsPer.minute;
const waitingMax = 1000;
const sourcesMax = 1000;

/** Accounts are sources of their own; all who have not proved who they are share one. */
type Source = string | null;

interface SourceState {
  left: number;
  at: number;
  readonly omitted: Map<AuditOutcome, number>;
  omittedSince: number;
}

/**
 * Records attempts that changed nothing, many in one change. Each source has a bound of its own, so that strangers cannot fill
 * the disk, nor crowd out what an account was denied. What exceeds it is counted, and the counts are recorded.
 */
export class Attempts {
  readonly #options: AttemptsOptions;
  readonly #sources = new Map<Source, SourceState>();
  #waiting: AuditFacts[] = [];
  #timer: NodeJS.Timeout | null = null;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: AttemptsOptions) {
    this.#options = options;
  }

  add(facts: AuditFacts, source: Source): void {
    const state = this.#stateOf(source);
    if (state.left < 1 || this.#waiting.length >= waitingMax) {
      omit(state, facts.outcome);
    } else {
      state.left -= 1;
      this.#waiting.push(facts);
    }
    this.#schedule();
  }

  /** Writes all that waits, the counts too. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer ?? undefined);
    await this.#writing;
    await this.#write(0);
    clearTimeout(this.#timer ?? undefined);
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#writing = this.#write(omissionMilliseconds);
    }, batchMilliseconds).unref();
  }

  /** @param omissionAge how long ago the first attempt of a source was left out before the count is due. */
  async #write(omissionAge: number): Promise<void> {
    const attempts = this.#waiting;
    this.#waiting = [];
    const due = [...this.#sources].filter(
      ([, { omitted, omittedSince }]) => omitted.size > 0 && performance.now() - omittedSince >= omissionAge,
    );
    const counts = due.map(([source, { omitted }]) => this.#countsEntry(source, omitted));
    try {
      if (attempts.length + counts.length > 0) {
        await this.#options.metadata.addAuditEntries([...attempts, ...counts.map(({ entry }) => entry)]);
      }
      for (const { written, omitted } of counts) {
        subtract(omitted, written);
      }
    } catch (error) {
      this.#options.onFailure(error);
      // First again, where there is room: what has come meanwhile is counted like all else.
      this.#waiting = [...attempts, ...this.#waiting];
    }
    if (this.#waiting.length > 0 || [...this.#sources.values()].some(({ omitted }) => omitted.size > 0)) {
      this.#schedule();
    }
  }

  #countsEntry(source: Source, omitted: Map<AuditOutcome, number>) {
    const written = new Map(omitted);
    const entry: AuditFacts = {
      time: this.#options.now(),
      accountId: source,
      principal: null,
      accessKeyId: null,
      address: null,
      operation: "OmitAuditEntries",
      vault: null,
      subject: null,
      outcome: "omitted",
      reason: [...written].map(([outcome, count]) => `${count} ${outcome}`).join(", "),
      requestId: null,
    };
    return { entry, written, omitted };
  }

  #stateOf(source: Source): SourceState {
    const { burst, perSecond } = this.#options.limits;
    const known = this.#sources.get(source) ?? (this.#sources.size < sourcesMax ? undefined : this.#sources.get(null));
    const now = performance.now();
    if (known !== undefined) {
      known.left = Math.min(burst, known.left + ((now - known.at) / 1000) * perSecond);
      known.at = now;
      return known;
    }
    const fresh = { left: burst, at: now, omitted: new Map(), omittedSince: now };
    this.#sources.set(this.#sources.size < sourcesMax - 1 ? source : null, fresh);
    return fresh;
  }
}

function omit(state: SourceState, outcome: AuditOutcome): void {
  if (state.omitted.size === 0) {
    state.omittedSince = performance.now();
  }
  state.omitted.set(outcome, (state.omitted.get(outcome) ?? 0) + 1);
}

function subtract(counts: Map<AuditOutcome, number>, written: ReadonlyMap<AuditOutcome, number>): void {
  for (const [outcome, count] of written) {
    const left = (counts.get(outcome) ?? 0) - count;
    if (left > 0) {
      counts.set(outcome, left);
    } else {
      counts.delete(outcome);
    }
  }
}
