import type { Work } from "../work.ts";

/**
 * The measured speed of fetching: a share for each byte, and one for each archive, since small ones are limited by requests. Both are times
 * with all connections busy.
 */
export interface Speed {
  readonly secondsPerByte: number;
  readonly secondsPerArchive: number;
  /** How long each was measured. */
  readonly observedSeconds: { readonly ofBytes: number; readonly ofArchives: number };
}

/**
 * A slow line: outputs that cannot be fetched in time have to be paid for again. A fast line is idle after the first batch until the next
 * one is ready, which takes as long as the tier's jobs.
 */
export const assumedSpeed: Speed = {
  secondsPerByte: 1 / (128 * 1024),
  secondsPerArchive: 0.2,
  observedSeconds: { ofBytes: 0, ofArchives: 0 },
};

/** Returns the speed until it is measured. @param bytesPerSecond the speed that the user expects; null assumes a slow one */
export const speedAtFirst = (bytesPerSecond: number | null): Speed =>
  bytesPerSecond === null ? assumedSpeed : { ...assumedSpeed, secondsPerByte: 1 / bytesPerSecond };

/** A measurement counts as much as its part of this time, and more at first. */
const memorySeconds = 600;
/** A single measurement changes the speed at most by this factor. */
const factorMax = 8;

/** Predicts how long it takes to fetch. @param bytesPerSecondMax a limit that is lower than the line, or null */
export function secondsFor(speed: Speed, { archives, bytes }: Work, bytesPerSecondMax: number | null = null): number {
  const secondsPerByte = Math.max(speed.secondsPerByte, bytesPerSecondMax === null ? 0 : 1 / bytesPerSecondMax);
  return bytes * secondsPerByte + archives * speed.secondsPerArchive;
}

/**
 * Returns the speed after another measurement: what was fetched in a time in which fetching was all that was waited for. The difference from
 * the prediction changes each share as much as it has contributed, so that many small archives say nothing about the line.
 */
export function learned(speed: Speed, fetched: Work, seconds: number): Speed {
  const predicted = secondsFor(speed, fetched);
  if (!(seconds > 0) || predicted === 0) {
    return speed;
  }
  const ratio = Math.min(factorMax, Math.max(1 / factorMax, seconds / predicted));
  const byteShare = (fetched.bytes * speed.secondsPerByte) / predicted;
  const ofBytes = Math.min(memorySeconds, speed.observedSeconds.ofBytes + seconds * byteShare);
  const ofArchives = Math.min(memorySeconds, speed.observedSeconds.ofArchives + seconds * (1 - byteShare));
  return {
    secondsPerByte: speed.secondsPerByte * ratio ** weightOf(seconds * byteShare, ofBytes),
    secondsPerArchive: speed.secondsPerArchive * ratio ** weightOf(seconds * (1 - byteShare), ofArchives),
    observedSeconds: { ofBytes, ofArchives },
  };
}

const weightOf = (seconds: number, observedSeconds: number): number =>
  observedSeconds === 0 ? 0 : Math.min(1, seconds / observedSeconds);
