/** Bounds on bodies that come slowly. The listener has none of its own: a 4 GiB part on a slow line is honest. */
export interface BodyLimits {
  /** Without a single byte for this long, the request ends with 408. */
  readonly stallSeconds: number;
  /** The least average rate over the time that the client was waited for, judged once that exceeds `stallSeconds`. */
  readonly bytesPerSecondMin: number;
  readonly durationSecondsMax: number;
}

/** Measures how fast a body comes. Only time spent waiting for the client counts; time that the server is busy does not. */
export function startPace(limits: BodyLimits) {
  const start = performance.now();
  let waitedMilliseconds = 0;
  let waitingSince: number | null = null;
  let bytes = 0;
  return {
    /** Ends one wait, and begins the next, if there was one. */
    received(count: number): void {
      bytes += count;
      if (waitingSince !== null) {
        this.waitEnds();
        this.waitBegins();
      }
    },
    waitBegins(): void {
      waitingSince = performance.now();
    },
    waitEnds(): void {
      waitedMilliseconds += performance.now() - (waitingSince ?? performance.now());
      waitingSince = null;
    },
    isTooSlow(): boolean {
      const now = performance.now();
      const waiting = now - (waitingSince ?? now);
      const waitedSeconds = (waitedMilliseconds + waiting) / 1000;
      return (
        waiting > limits.stallSeconds * 1000 ||
        (waitedSeconds > limits.stallSeconds && bytes / waitedSeconds < limits.bytesPerSecondMin) ||
        now - start > limits.durationSecondsMax * 1000
      );
    },
  };
}
