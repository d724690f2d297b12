import { millisecondsPer } from "@moraine/protocol";
import { manifestPlace, type Segment } from "../domain/segment.ts";
import { BlobMissingError } from "../domain/stores/blob-store.ts";
import type { ColdMoves } from "../domain/stores/cold-blobs.ts";
import type { Instant } from "../domain/time/instant.ts";
import type { JobServices } from "./context.ts";

type Services = Pick<JobServices, "blobs" | "clock" | "log" | "metadata" | "node">;

/** A node notices after this time that it has to do it from now on. */
const lookMilliseconds = 10 * millisecondsPer.second;
/** Each round lists the whole store. */
const pauseMillisecondsMin = 10 * millisecondsPer.minute;
const pauseMillisecondsMax = millisecondsPer.day;
/** The precision of an age: it may be exceeded by this share of it. */
const shareOfAge = 1 / 24;
const movesAtOnce = 4;

/** Moves segments of archives to the cold class of the store when they have the age, if it has one. Of several nodes, one does it. */
export function startColdMoves(services: Services): { stop(): Promise<void> } {
  const { blobs, clock, log, node } = services;
  const moves = blobs.cold?.moves ?? null;
  const stopping = new AbortController();
  const loop = async (from: ColdMoves) => {
    let dueAt: Instant = Number.NEGATIVE_INFINITY;
    while (!stopping.signal.aborted) {
      // A clock that is moved during a round may have made the next one due.
      const lookAt = clock.now() + lookMilliseconds;
      if (node.hasDuties() && dueAt <= clock.now()) {
        dueAt = clock.now() + pauseAfter(from);
        await moveDue(services, from, stopping.signal).catch((error: unknown) =>
          log.postponed("moving segments to the cold class", error),
        );
      }
      // Nor does a clock that is set back make a pause longer.
      await clock.sleepUntil(Math.min(lookAt, clock.now() + lookMilliseconds), stopping.signal);
      dueAt = Math.min(dueAt, clock.now() + pauseAfter(from));
    }
  };
  const ended = moves === null ? Promise.resolve() : loop(moves);
  return {
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}

const pauseAfter = ({ afterMilliseconds }: ColdMoves): number =>
  Math.min(pauseMillisecondsMax, Math.max(pauseMillisecondsMin, afterMilliseconds * shareOfAge));

async function moveDue(services: Services, moves: ColdMoves, signal: AbortSignal): Promise<void> {
  let movedCount = 0;
  const moveOne = async (key: string) => {
    if (await moveIfArchive(services, moves, key, signal)) {
      movedCount += 1;
    }
  };
  try {
    for await (const keys of moves.due()) {
      for (let start = 0; start < keys.length && !signal.aborted; start += movesAtOnce) {
        await Promise.all(keys.slice(start, start + movesAtOnce).map(moveOne));
      }
      if (signal.aborted) {
        return;
      }
    }
  } finally {
    if (movedCount > 0) {
      services.log.moved(movedCount, moves.storageClass);
    }
  }
}

/** Resolves to whether it has moved the segment. */
async function moveIfArchive(
  { metadata, log }: Services,
  moves: ColdMoves,
  key: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const segment = await movableSegment(metadata, key);
    if (segment === null) {
      return false;
    }
    try {
      await moves.move(key, signal);
    } finally {
      if ((await metadata.findSegment(key)) === null) {
        // It was deleted meanwhile. If it was removed as well, the copy has brought it back: then this makes a row by which it is removed again.
        await metadata.abandonSegment(segment);
      }
    }
    return true;
  } catch (error) {
    if (!(error instanceof BlobMissingError || signal.aborted)) {
      log.postponed(`moving the segment ${key} to ${moves.storageClass}`, error);
    }
    return false;
  }
}

/**
 * Null for all but segments of archives that exist. Inventories, lists of parts and parts of unfinished uploads may be read at any time, and what is
 * deleted will soon be removed.
 */
async function movableSegment(metadata: Services["metadata"], key: string): Promise<Segment | null> {
  const segment = await metadata.findSegment(key);
  if (segment === null || segment.firstByte === manifestPlace) {
    return null;
  }
  const owner = await metadata.findBytesOwner(segment.ownerId);
  return owner?.kind === "archive" ? segment : null;
}
