import { millisecondsPer } from "@moraine/protocol";
import { type CorruptSegmentError, manifestPlace, type Segment } from "../../domain/segment.ts";
import { type BlobStore, NotRestoredYetError } from "../../domain/stores/blob-store.ts";
import { nextPlace } from "../../domain/stores/next-place.ts";
import type { UnrecordedMetadata } from "../../domain/stores/recorded-changes.ts";
import { type ScrubCursor, scrubRangeCount } from "../../domain/stores/scrub-store.ts";
import type { Clock } from "../../domain/time/clock.ts";
import type { Instant } from "../../domain/time/instant.ts";
import type { DamageReports } from "../../segments/damage-reports.ts";
import type { SegmentOpener } from "../../segments/open.ts";
import { coldDamageOf } from "./cold.ts";
import type { ManifestLog, Manifests } from "./manifests.ts";
import type { Pace } from "./pace.ts";
import type { ReadBack } from "./read-back.ts";
import { type RepairLog, readBackAndRepair } from "./repair.ts";
import { dueRange, firstTimes, newDue, nextDue, progressOf, type ScrubProgress } from "./schedule.ts";

export interface ScrubServices {
  readonly metadata: UnrecordedMetadata;
  readonly blobs: BlobStore;
  readonly segments: Pick<SegmentOpener, "forget">;
  readonly damage: DamageReports;
  readonly clock: Clock;
  readonly readBack: ReadBack;
  readonly manifests: Pick<Manifests, "ensureFor" | "replace">;
  readonly pace: Pace;
  readonly log: ScrubLog & { postponed(what: string, error: unknown): void };
}

export interface ScrubLog extends RepairLog, ManifestLog {
  /**
   * Called after each segment. `cold` is one that exists with its length, and would have to be restored to be read; `unread` one whose file cannot
   * be opened now; it is tried again.
   */
  readBack(outcome: "sound" | "damaged" | "cold" | "unread"): void;
  /** Called for bytes that were read: from the disk, or from the system's memory where it offers nothing else. */
  scrubbed(sizeBytes: number, isUncached: boolean): void;
  progress(progress: ScrubProgress): void;
  /** A part of an upload is damaged: no archive has it yet. */
  damagedPart(error: CorruptSegmentError): void;
  /** The list of an archive's parts is damaged: the archive reads, but could not be rebuilt without the database. */
  damagedManifest(error: CorruptSegmentError, archiveId: string): void;
}

interface Times {
  readonly rangesReadAt: Instant[];
  cursor: ScrubCursor | null;
  newReadAt: Instant;
  /** Null when no new segment waits. */
  newestSequence: number | null;
}

const pageSegments = 32;
/** By real time: a restart reads again what was read since the cursor was kept. */
const keepMilliseconds = 5 * millisecondsPer.second;

/**
 * Reads every segment back: a new one within hours, and all of them range by range within the period. What is damaged goes the
 * way of damage that a read meets.
 */
export class Scrub {
  readonly #services: ScrubServices;
  readonly #periodMilliseconds: number;

  constructor(services: ScrubServices, periodMilliseconds: number) {
    this.#services = services;
    this.#periodMilliseconds = periodMilliseconds;
  }

  /** Reads what is due. Resolves to when more will be. */
  async round(signal: AbortSignal): Promise<Instant> {
    const { clock, log } = this.#services;
    const times = await this.#times();
    while (!signal.aborted) {
      const now = clock.now();
      log.progress(progressOf(times, now, this.#periodMilliseconds));
      await this.#repairMet(signal);
      if (newDue(times.newReadAt) <= now || times.newReadAt > now) {
        await this.#readNew(times, now, signal);
        continue;
      }
      times.cursor ??= dueRange(times.rangesReadAt, now, this.#periodMilliseconds);
      if (times.cursor === null) {
        break;
      }
      await this.#readPage(times, times.cursor, signal);
    }
    return nextDue(times, this.#periodMilliseconds);
  }

  async #times(): Promise<Times> {
    const { metadata, clock } = this.#services;
    let state = await metadata.scrubState();
    if (state.rangesReadAt.length < scrubRangeCount) {
      const now = clock.now();
      await metadata.beginScrub({ rangesReadAt: firstTimes(now, this.#periodMilliseconds), newReadAt: now });
      state = await metadata.scrubState();
    }
    return { ...state, rangesReadAt: [...state.rangesReadAt], newReadAt: state.newReadAt ?? 0 };
  }

  /** Reads the segments back whose second copy was returned to a reader. */
  async #repairMet(signal: AbortSignal): Promise<void> {
    const { metadata, blobs } = this.#services;
    for (const key of blobs.copies?.takeDamaged() ?? []) {
      const segment = await metadata.findSegment(key);
      if (segment !== null && (await this.#check(segment, signal)) === "open") {
        await metadata.queueSegment(key);
      }
    }
  }

  /** Reads the segments back that have been stored until now. */
  async #readNew(times: Times, now: Instant, signal: AbortSignal): Promise<void> {
    const { metadata } = this.#services;
    const lastSequence = (await metadata.scrubState()).newestSequence ?? 0;
    for (let after: number | null = 0; after !== null; ) {
      after = await this.#readNewPage({ afterSequence: after, lastSequence, limit: pageSegments }, signal);
    }
    if (signal.aborted) {
      return;
    }
    await metadata.noteNewRead(now);
    times.newReadAt = now;
    times.newestSequence = (await metadata.scrubState()).newestSequence;
  }

  /** Null after the last page, and when it was stopped. */
  async #readNewPage(
    page: Parameters<UnrecordedMetadata["newSegments"]>[0],
    signal: AbortSignal,
  ): Promise<number | null> {
    const { metadata } = this.#services;
    const read = await metadata.newSegments(page);
    const done: number[] = [];
    for (const { sequence, segment } of read) {
      if (segment === null || (await this.#check(segment, signal)) === "settled") {
        done.push(sequence);
      }
    }
    await metadata.forgetNewSegments(done);
    const last = read.at(-1);
    return signal.aborted || last === undefined ? null : nextPlace(page.afterSequence, last.sequence);
  }

  /** Reads the next segments of the cursor's range. */
  async #readPage(times: Times, { range, beganAt, after }: ScrubCursor, signal: AbortSignal): Promise<void> {
    const { metadata } = this.#services;
    const page = await metadata.scrubPage({ range, after, limit: pageSegments });
    const kept = performance.now();
    for (const { segment, after: next } of page) {
      const outcome = await this.#check(segment, signal);
      if (outcome === "stopped") {
        break;
      }
      if (outcome === "open") {
        await metadata.queueSegment(segment.key);
      }
      times.cursor = { range, beganAt, after: next };
      if (performance.now() - kept > keepMilliseconds) {
        break;
      }
    }
    if (page.length === 0) {
      await metadata.finishScrubRange({ range, beganAt });
      times.rangesReadAt[range] = beganAt;
      times.cursor = null;
    } else if (times.cursor !== null) {
      await metadata.keepScrubCursor(times.cursor);
    }
  }

  /** `open` is a segment that has to be read again soon. */
  async #check(segment: Segment, signal: AbortSignal): Promise<"settled" | "open" | "stopped"> {
    const { damage, log } = this.#services;
    if (signal.aborted) {
      return "stopped";
    }
    try {
      const found = await this.#damageOf(segment, signal);
      if (found === null) {
        return "stopped";
      }
      if (found === "cold") {
        log.readBack("cold");
        return "settled";
      }
      if (found.length > 0) {
        return await this.#report(segment, found);
      }
      await damage.verified(segment.ownerId, rangeOf(segment));
      log.readBack("sound");
      await this.#tryManifest(segment.ownerId, () => this.#services.manifests.ensureFor(segment));
      return "settled";
    } catch (error) {
      if (signal.aborted) {
        return "stopped";
      }
      log.postponed(`reading back the segment ${segment.key}`, error);
      log.readBack("unread");
      return "open";
    }
  }

  /** `cold` when its bytes cannot be read. */
  async #damageOf(segment: Segment, signal: AbortSignal): ReturnType<typeof coldDamageOf> {
    try {
      return await readBackAndRepair(this.#services, segment, signal);
    } catch (error) {
      if (!(error instanceof NotRestoredYetError)) {
        throw error;
      }
      return coldDamageOf(this.#services.blobs, segment);
    }
  }

  async #report(segment: Segment, found: readonly CorruptSegmentError[]): Promise<"settled" | "open"> {
    const { metadata, segments, damage, log } = this.#services;
    segments.forget(segment.key);
    if ((await metadata.findSegment(segment.key)) === null) {
      // It was deleted while it was read.
      return "settled";
    }
    if (segment.firstByte === manifestPlace && (await this.#isReplaced(segment, found))) {
      return "settled";
    }
    const owner = await metadata.findBytesOwner(segment.ownerId);
    for (const error of found) {
      if (owner === null) {
        log.damagedPart(error);
      } else {
        await damage.record(error, owner, rangeOf(segment));
      }
    }
    log.readBack("damaged");
    return owner === null ? "open" : "settled";
  }

  /** Writes the manifest again from the database. Damage that is left is recorded like any other. */
  async #isReplaced({ ownerId }: Segment, [error]: readonly CorruptSegmentError[]): Promise<boolean> {
    const { log, manifests } = this.#services;
    if (error !== undefined) {
      log.damagedManifest(error, ownerId);
    }
    log.readBack("damaged");
    return (await this.#tryManifest(ownerId, () => manifests.replace(ownerId))) ?? false;
  }

  /** Null when it could not be done now. A full disk, or damaged rows, must not hold up the scrub. */
  async #tryManifest<Result>(archiveId: string, write: () => Promise<Result>): Promise<Result | null> {
    return write().catch((error: unknown) => {
      this.#services.log.postponed(`writing the manifest of the archive ${archiveId}`, error);
      return null;
    });
  }
}

const rangeOf = ({ firstByte, sizeBytes }: Segment) => ({ firstByte, lastByte: firstByte + sizeBytes - 1 });
