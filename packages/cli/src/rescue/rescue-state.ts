import type { GlacierClient } from "@moraine/client";
import type { CatalogArchive } from "../catalog/archives/archive-row.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { ListedNumbers } from "../catalog/inventory/listed-numbers.ts";
import type { TargetCopies } from "../catalog/tables/copy-table.ts";
import { safePath } from "../names/safe-path.ts";
import type { Target } from "../targets/target.ts";
import type { Money } from "./costs/money.ts";
import type { RescueEvent, WaitReason } from "./rescue-event.ts";
import type { ScheduleLimits, ScheduleState, Tier } from "./schedule/schedule.ts";
import type { ArchiveSelection } from "./selection.ts";
import { Wakeup } from "./wakeup.ts";
import { minus, nothing, plus, type Work } from "./work.ts";

/** The services that the loops of a rescue share. */
export interface RescueParts {
  readonly client: GlacierClient;
  readonly vaultName: string;
  readonly catalog: Catalog;
  readonly copies: TargetCopies;
  readonly target: Target;
  readonly selection: ArchiveSelection;
  readonly limits: ScheduleLimits;
  /** Returns the limit of the bandwidth, on average over the next seconds; null for none. */
  readonly bytesPerSecondMax: (seconds: number) => number | null;
  readonly money: Money;
  /** How long a job that was started may be missing in a list of jobs. AWS does not say. */
  readonly listLagMilliseconds: number;
  /** Milliseconds since 1970 on a clock that does not go back while the process runs. */
  readonly now: () => number;
  readonly onEvent: (event: RescueEvent) => void;
}

const targetPauseMilliseconds = { first: 5000, most: 300_000 } as const;

/** A request for a job without a response. */
export interface UncertainRequest {
  readonly tier: Tier;
  /** Milliseconds since 1970. */
  readonly since: number;
}

type Sized = Pick<CatalogArchive, "number" | "sizeBytes">;

/** The knowledge that the loops of a rescue share. Everything that must survive a kill is in the catalogue and the manifest. */
export class RescueState {
  schedule: ScheduleState;
  /** Wakes the loops. */
  readonly changed = new Wakeup();
  /** Archives of which another job is needed, by their number. */
  readonly renewals: number[] = [];
  /** Archives whose request had no response, by their number. A list of jobs decides about them. */
  readonly uncertain = new Map<number, UncertainRequest>();
  /** Archives whose request waits for its response, by their number. */
  readonly requesting = new Set<number>();
  /** Archives that this run has given up, or leaves to one that may pay for them. */
  readonly givenUp = new Set<number>();
  /** Transfers in progress that are paid for, and of which nothing was received: what they cost may be given back. */
  refundable = 0;
  /** No other archive is to be requested. */
  areAllRequested = false;
  isCostCapReached = false;
  /** The list of jobs that were started earlier is known. */
  isListed = false;
  selected: Work = nothing;
  verified: Work = nothing;
  failed: Work = nothing;
  receivedBytes = 0;
  readonly jobs = { started: 0, adopted: 0, expired: 0 };
  /** How often a job has become ready. */
  readyCount = 0;
  /** Looks at the jobs without news, since the last news. */
  quietLooks = 0;
  waiting: WaitReason = null;
  /** The target is not used until then. */
  targetPausedUntil = 0;
  /** The target has failed, and nothing has shown since that it works: no job is requested. */
  isTargetDoubted = false;
  /** A small output shows soon whether a doubted target works. */
  isTried = false;
  /** Outputs are being fetched, or wait for it. */
  isFetching = false;
  /** Until then, jobs are requested although the target is doubted, since a probe has succeeded. */
  probedUntil = 0;
  /** Archives whose jobs are counted as ahead. */
  readonly #ahead = new ListedNumbers();
  #targetPauses = 0;
  readonly #parts: Pick<RescueParts, "onEvent" | "now">;

  constructor(schedule: ScheduleState, parts: Pick<RescueParts, "onEvent" | "now">) {
    this.schedule = schedule;
    this.#parts = parts;
  }

  /** Notes an archive that the schedule has counted. */
  noteAhead({ number }: Sized): void {
    this.#ahead.add(number);
  }

  /** Counts an archive whose job exists, once. */
  addAhead({ number, sizeBytes: bytes }: Sized): void {
    if (!this.#ahead.has(number)) {
      this.#ahead.add(number);
      this.schedule = { ...this.schedule, ahead: plus(this.schedule.ahead, { archives: 1, bytes }) };
    }
  }

  /** Uncounts an archive that is fetched, given up, or needs another job. Two loops may learn at the same time that its job has ended. */
  removeAhead({ number, sizeBytes: bytes }: Sized): void {
    if (this.#ahead.has(number)) {
      this.#ahead.delete(number);
      this.schedule = { ...this.schedule, ahead: minus(this.schedule.ahead, { archives: 1, bytes }) };
    }
    this.changed.wake();
  }

  renew(number: number): void {
    this.renewals.push(number);
    this.changed.wake();
  }

  /** Reports a reason to wait, once. */
  wait(reason: Exclude<WaitReason, null>, message: string): void {
    if (this.waiting !== reason) {
      this.waiting = reason;
      this.#parts.onEvent({ kind: "waiting", reason, message });
    }
  }

  proceed(): void {
    this.waiting = null;
  }

  get isTargetPaused(): boolean {
    return this.#parts.now() < this.targetPausedUntil;
  }

  /** Leaves the target alone for a while, and longer each time: it is full, or cannot be used. */
  pauseTarget(error: Error): void {
    if (this.isTargetPaused) {
      return;
    }
    const { first, most } = targetPauseMilliseconds;
    const pause = Math.min(most, first * 2 ** this.#targetPauses);
    this.#targetPauses += 1;
    this.isTargetDoubted = true;
    this.probedUntil = 0;
    this.targetPausedUntil = this.#parts.now() + pause;
    const then = `trying again in ${Math.round(pause / 1000)} s; nothing is requested until it can be used`;
    this.waiting = null; // Each pause is reported.
    this.wait("target", `${error.message}; ${then}`);
  }

  /** Records that the target has stored a copy, or could. */
  targetWorks(): void {
    if (this.isTargetDoubted) {
      this.changed.wake();
    }
    this.#targetPauses = 0;
    this.isTargetDoubted = false;
    this.targetPausedUntil = 0;
    if (this.waiting === "target") {
      this.proceed();
    }
  }
}

/** Returns the path of an archive's copy; it is chosen when it is first asked for. */
export function pathOf({ copies }: Pick<RescueParts, "copies">, { number, path, archiveId }: CatalogArchive): string {
  return copies.plan(number, safePath(path, archiveId));
}

/** Whether an archive is still to be copied by this run. */
export function isWanted(
  { copies, selection }: Pick<RescueParts, "copies" | "selection">,
  { givenUp }: Pick<RescueState, "givenUp">,
  archive: CatalogArchive,
): boolean {
  return !givenUp.has(archive.number) && selection.has(archive) && copies.get(archive.number)?.state !== "verified";
}
