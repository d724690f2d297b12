import type { Instant } from "./instant.ts";

/**
 * All time of the service comes from here, so that tests can move it. Signatures alone use the system's time: they
 * compare with a client's clock, and a moved clock would lock everyone out.
 */
export interface Clock {
  now(): Instant;
  /** Resolves once `now()` has reached `time`, or at once when `signal` aborts; never rejects. */
  sleepUntil(time: Instant, signal: AbortSignal): Promise<void>;
}
