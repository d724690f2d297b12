import assert from "node:assert/strict";
import { counted, emptyHour } from "../../src/rescue/schedule/hourly-window.ts";
import {
  accepted,
  type Candidate,
  decide,
  learnedLatency,
  refused,
  requested,
  type ScheduleLimits,
  type ScheduleState,
  type Tier,
} from "../../src/rescue/schedule/schedule.ts";
import { learned, speedAtFirst } from "../../src/rescue/schedule/speed.ts";
import { minus, nothing, plus, type Work } from "../../src/rescue/work.ts";
import { idleSchedule } from "./idle-schedule.ts";

/** A service and a line, in virtual time. */
export interface VirtualWorld {
  readonly archives: number;
  readonly bytesOf: (index: number) => number;
  readonly limits: ScheduleLimits;
  /** The speed of the line as the user expects it, before it is measured. @default null, nothing */
  readonly bandwidthBytesPerSecond?: number | null;
  /** The line at a time, in seconds since the start. */
  readonly line: (seconds: number) => { readonly bytesPerSecond: number; readonly secondsPerArchive: number };
  readonly latencySeconds: Readonly<Record<Tier, readonly [least: number, most: number]>>;
  readonly usdPerJob: number;
  readonly usdPerByte: number;
  /** More requests than these are throttled. */
  readonly requestsPerSecondMax: number;
  /** Whether the service refuses jobs by its policy, or lacks capacity, at a time. */
  readonly refusesAt: (seconds: number, tier: Tier) => "policy" | "capacity" | null;
  readonly random: () => number;
}

export interface VirtualReport {
  readonly days: number;
  readonly jobs: number;
  readonly expired: number;
  readonly fetched: number;
  readonly tooLarge: number;
  readonly isCapped: boolean;
  readonly spentUsd: number;
  /** The most bytes that were requested within any 3,600 seconds. */
  readonly hourBytesMost: number;
  readonly aheadMost: Work;
  readonly throttled: number;
  /** The share of the time in which the line had work. */
  readonly lineBusy: number;
}

const outputSeconds = 24 * 3600;
const requestSeconds = 0.01;
const pollSeconds = 60;
const learnSeconds = 10;

/** A rescue whose decisions are the scheduler's, and all else is arithmetic. */
export class VirtualRescue {
  readonly #world: VirtualWorld;
  #now = 0;
  #state: ScheduleState;
  #next = 0;
  #renewals: number[] = [];
  #inProgress = new EventQueue();
  #ready = new EventQueue();
  /** Bytes that are still to be fetched, of outputs that were interrupted. */
  readonly #restBytes = new Map<number, number>();
  readonly #requestedAt = new Map<number, number>();
  #lineFreeAt = 0;
  #busySeconds = 0;
  #measured: Work = nothing;
  #measuredSeconds = 0;
  #refusals = 0;
  #nextRequestAt = 0;
  readonly #seconds = new Float64Array(3600);
  #secondsSum = 0;
  #secondsAt = 0;
  #secondCount = 0;
  readonly #counts = { jobs: 0, expired: 0, fetched: 0, tooLarge: 0, throttled: 0, hourBytesMost: 0, isCapped: false };
  #aheadMost: Work = nothing;

  constructor(world: VirtualWorld) {
    this.#world = world;
    this.#state = { ...idleSchedule, speed: speedAtFirst(world.bandwidthBytesPerSecond ?? null) };
  }

  run(daysMax = 3650): VirtualReport {
    while (this.#hasWork()) {
      if (!(this.#now <= daysMax * 86_400)) {
        throw new Error(`Not done after ${daysMax} days: ${JSON.stringify({ ...this.#counts, ...this.#state.ahead })}`);
      }
      const requestAt = this.#request();
      const next = Math.min(requestAt, this.#nextReadyAt(), this.#nextFetchAt());
      if (next === Number.POSITIVE_INFINITY) {
        assert.ok(!this.#hasWork(), `nothing happens any more: ${JSON.stringify(this.#state)}`);
        break;
      }
      this.#now = Math.max(this.#now, next);
      this.#complete();
      this.#fetch();
    }
    return {
      ...this.#counts,
      days: this.#now / 86_400,
      spentUsd: this.#state.spentUsd,
      aheadMost: this.#aheadMost,
      lineBusy: this.#busySeconds / this.#now,
    };
  }

  #hasWork(): boolean {
    const isRequesting = !this.#counts.isCapped && (this.#next < this.#world.archives || this.#renewals.length > 0);
    return isRequesting || this.#state.ahead.archives > 0;
  }

  /** Requests an archive if the scheduler says so. Returns when to ask again. */
  #request(): number {
    const index = this.#renewals[0] ?? this.#next;
    if (this.#counts.isCapped || (this.#renewals.length === 0 && this.#next >= this.#world.archives)) {
      return Number.POSITIVE_INFINITY;
    }
    if (this.#now < this.#nextRequestAt) {
      return this.#nextRequestAt;
    }
    const { limits, usdPerJob, usdPerByte } = this.#world;
    const bytes = this.#world.bytesOf(index);
    const usd = usdPerJob + usdPerByte * bytes;
    const candidate: Candidate = { bytes, usd: { Expedited: usd * 3, Standard: usd, Bulk: usd / 4 } };
    const milliseconds = this.#now * 1000;
    const decision = decide(this.#state, limits, candidate, milliseconds);
    switch (decision.kind) {
      case "request":
        this.#send(index, bytes, { tier: decision.tier, usd: candidate.usd[decision.tier] });
        return this.#nextRequestAt;
      case "wait":
        return decision.until === null ? Number.POSITIVE_INFINITY : Math.max(decision.until / 1000, this.#now + 0.001);
      case "too-large":
        this.#take(index);
        this.#counts.tooLarge += 1;
        return this.#now;
      case "cost-cap":
        this.#counts.isCapped = true;
        return Number.POSITIVE_INFINITY;
    }
  }

  #send(index: number, bytes: number, { tier, usd }: { tier: Tier; usd: number }): void {
    const { world, now } = { world: this.#world, now: this.#now };
    this.#nextRequestAt = now + requestSeconds;
    const isThrottled = this.#requestsThisSecond() >= world.requestsPerSecondMax;
    const refusal = isThrottled ? "throttled" : world.refusesAt(now, tier);
    if (refusal !== null) {
      this.#refusals += 1;
      this.#counts.throttled += isThrottled ? 1 : 0;
      this.#state = refused(this.#state, world.limits, refusal, { refusals: this.#refusals, now: now * 1000 });
      return;
    }
    this.#refusals = 0;
    this.#countSecond(bytes);
    this.#take(index);
    this.#counts.jobs += 1;
    const hour = world.limits.retrievalBytesPerHour === null ? emptyHour : counted(this.#state.hour, bytes, now * 1000);
    this.#state = requested(accepted(this.#state), { bytes, usd }, hour);
    if (this.#state.ahead.bytes > this.#aheadMost.bytes) {
      this.#aheadMost = this.#state.ahead;
    }
    const [least, most] = world.latencySeconds[tier];
    this.#requestedAt.set(index, now);
    this.#inProgress.add(now + least + (most - least) * world.random(), index);
  }

  #take(index: number): void {
    if (this.#renewals[0] === index) {
      this.#renewals.shift();
    } else {
      this.#next += 1;
    }
  }

  #requestsThisSecond(): number {
    this.#turnSeconds();
    return this.#secondCount;
  }

  #countSecond(bytes: number): void {
    this.#turnSeconds();
    const at = this.#secondsAt % 3600;
    this.#seconds[at] = (this.#seconds[at] ?? 0) + bytes;
    this.#secondsSum += bytes;
    this.#secondCount += 1;
    this.#counts.hourBytesMost = Math.max(this.#counts.hourBytesMost, this.#secondsSum);
  }

  #turnSeconds(): void {
    const second = Math.floor(this.#now);
    for (let steps = Math.min(3600, second - this.#secondsAt); steps > 0; steps -= 1) {
      const at = (second - steps + 1) % 3600;
      this.#secondsSum -= this.#seconds[at] ?? 0;
      this.#seconds[at] = 0;
      this.#secondCount = 0;
    }
    this.#secondsAt = second;
  }

  /** Jobs are seen to be complete at the next poll. */
  #nextReadyAt(): number {
    return Math.ceil(this.#inProgress.firstAt / pollSeconds) * pollSeconds;
  }

  #complete(): void {
    while (this.#inProgress.size > 0 && this.#inProgress.firstAt <= this.#now) {
      const { at, index } = this.#inProgress.take();
      const latency = at - (this.#requestedAt.get(index) ?? 0);
      this.#requestedAt.delete(index);
      this.#state = { ...this.#state, latencySeconds: learnedLatency(this.#state.latencySeconds, latency) };
      this.#ready.add(at, index);
    }
  }

  #nextFetchAt(): number {
    return this.#ready.size === 0 ? Number.POSITIVE_INFINITY : Math.max(this.#now, this.#lineFreeAt);
  }

  #fetch(): void {
    while (this.#ready.size > 0 && this.#lineFreeAt <= this.#now) {
      const { at, index } = this.#ready.take();
      const expiresAt = at + outputSeconds;
      const bytes = this.#restBytes.get(index) ?? this.#world.bytesOf(index);
      const whole = { archives: 1, bytes: this.#world.bytesOf(index) };
      if (this.#now >= expiresAt) {
        this.#expire(index, whole);
        continue;
      }
      const { bytesPerSecond, secondsPerArchive } = this.#world.line(this.#now);
      const seconds = bytes / bytesPerSecond + secondsPerArchive;
      const usable = Math.min(seconds, expiresAt - this.#now);
      this.#lineFreeAt = this.#now + usable;
      this.#busySeconds += usable;
      if (usable < seconds) {
        const fetchedBytes = Math.max(0, usable - secondsPerArchive) * bytesPerSecond;
        this.#restBytes.set(index, Math.max(1, bytes - fetchedBytes));
        this.#learn({ archives: 0, bytes: fetchedBytes }, usable);
        this.#expire(index, whole);
        continue;
      }
      this.#restBytes.delete(index);
      this.#counts.fetched += 1;
      this.#learn({ archives: 1, bytes }, seconds);
      this.#state = { ...this.#state, ahead: minus(this.#state.ahead, whole) };
    }
  }

  #expire(index: number, whole: Work): void {
    this.#counts.expired += 1;
    this.#renewals.push(index);
    this.#state = { ...this.#state, ahead: minus(this.#state.ahead, whole) };
  }

  #learn(fetched: Work, seconds: number): void {
    this.#measured = plus(this.#measured, fetched);
    this.#measuredSeconds += seconds;
    if (this.#measuredSeconds >= learnSeconds) {
      this.#state = { ...this.#state, speed: learned(this.#state.speed, this.#measured, this.#measuredSeconds) };
      this.#measured = nothing;
      this.#measuredSeconds = 0;
    }
  }
}

/** Indexes by time, the earliest first, in a heap of typed arrays. */
class EventQueue {
  #times = new Float64Array(1024);
  #indexes = new Float64Array(1024);
  size = 0;

  get firstAt(): number {
    return this.size === 0 ? Number.POSITIVE_INFINITY : (this.#times[0] ?? 0);
  }

  add(at: number, index: number): void {
    if (this.size === this.#times.length) {
      this.#times = grown(this.#times);
      this.#indexes = grown(this.#indexes);
    }
    let hole = this.size++;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if ((this.#times[parent] ?? 0) <= at) {
        break;
      }
      this.#move(parent, hole);
      hole = parent;
    }
    this.#times[hole] = at;
    this.#indexes[hole] = index;
  }

  take(): { at: number; index: number } {
    const first = { at: this.#times[0] ?? 0, index: this.#indexes[0] ?? 0 };
    this.size -= 1;
    const at = this.#times[this.size] ?? 0;
    const index = this.#indexes[this.size] ?? 0;
    let hole = 0;
    for (let child = this.#earlierChild(hole); child < this.size; child = this.#earlierChild(hole)) {
      if ((this.#times[child] ?? 0) >= at) {
        break;
      }
      this.#move(child, hole);
      hole = child;
    }
    this.#times[hole] = at;
    this.#indexes[hole] = index;
    return first;
  }

  #earlierChild(parent: number): number {
    const left = 2 * parent + 1;
    const isRight = left + 1 < this.size && (this.#times[left + 1] ?? 0) < (this.#times[left] ?? 0);
    return isRight ? left + 1 : left;
  }

  #move(from: number, to: number): void {
    this.#times[to] = this.#times[from] ?? 0;
    this.#indexes[to] = this.#indexes[from] ?? 0;
  }
}

function grown(array: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(array.length * 2);
  larger.set(array);
  return larger;
}
