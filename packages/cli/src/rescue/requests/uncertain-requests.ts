import { refund } from "../costs/charges.ts";
import type { Recorder } from "../recording/recorder.ts";
import type { RescueParts, RescueState } from "../rescue-state.ts";
import type { Tier } from "../schedule/schedule.ts";

/** Requests for a job of one archive without a response or a job, between which others were started, before it is given up. */
const ownNotStartedMax = 4;
/** The same, whatever became of others: hours of an outage. */
const notStartedMax = 20;
const settleGrowth = 4;
const settleMillisecondsMax = 1_800_000;

interface NotStarted {
  readonly tiers: readonly Tier[];
  /** How many of them failed while others succeeded. */
  readonly own: number;
  /** The jobs that had been started at the last one. */
  readonly started: number;
}

/** Decides about requests for jobs that had no response, once lists of jobs have had the time to show what became of them. */
export class UncertainRequests {
  readonly #parts: RescueParts;
  readonly #state: RescueState;
  readonly #recorder: Recorder;
  /** By archives: their requests without a response or a job, in a row. */
  readonly #notStarted = new Map<number, NotStarted>();

  constructor(parts: RescueParts, state: RescueState, recorder: Recorder) {
    this.#parts = parts;
    this.#state = state;
    this.#recorder = recorder;
  }

  /** Returns when a list of jobs decides about the first of them; infinity without any. */
  settledAt(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const number of this.#state.uncertain.keys()) {
      first = Math.min(first, this.#settlesAt(number));
    }
    return first;
  }

  /** Requests others in the place of those that a list of jobs did not show. @param listedAt the time before the list was read */
  settle(listedAt: number): void {
    for (const [number, { tier }] of this.#state.uncertain) {
      if (this.#settlesAt(number) <= listedAt) {
        this.#state.uncertain.delete(number);
        this.#parts.catalog.requests.settle(number);
        this.#requestAnother(number, tier);
      }
    }
  }

  /** Records that an archive has a job. */
  started(number: number): void {
    this.#state.uncertain.delete(number);
    this.#parts.catalog.requests.forget(number);
    this.#notStarted.delete(number);
  }

  /** Forgets the earlier requests of an archive whose job is listed. */
  listed(number: number): void {
    this.#notStarted.delete(number);
  }

  /** A service that answers each request for a job of an archive with an error is asked again later each time. */
  #settlesAt(number: number): number {
    const since = this.#state.uncertain.get(number)?.since ?? 0;
    const growth = settleGrowth ** (this.#notStarted.get(number)?.tiers.length ?? 0);
    return since + Math.min(settleMillisecondsMax, this.#parts.listLagMilliseconds * growth);
  }

  /**
   * Requests another job in the place of one that no list has. An archive whose jobs cannot be started, while those of others can, is given up
   * after a few; only then its charges are taken back, since a job may be listed late.
   */
  #requestAnother(number: number, tier: Tier): void {
    const archive = this.#parts.catalog.archives.byNumber(number);
    if (archive === null) {
      this.#parts.catalog.requests.forget(number);
      return;
    }
    const { started } = this.#state.jobs;
    const earlier = this.#notStarted.get(number) ?? { tiers: [], own: 0, started };
    const own = earlier.own + (started > earlier.started ? 1 : 0);
    const tiers = [...earlier.tiers, tier];
    if (own < ownNotStartedMax && tiers.length < notStartedMax) {
      this.#notStarted.set(number, { tiers, own, started });
      this.#state.renew(number);
      return;
    }
    this.#notStarted.delete(number);
    this.#parts.catalog.requests.forget(number);
    for (const each of tiers) {
      refund(this.#parts, this.#state, archive, each);
    }
    const reason = `the service answered ${tiers.length} requests for its job with an error, or not`;
    this.#recorder.giveUp(archive, reason, tiers.length);
  }
}
