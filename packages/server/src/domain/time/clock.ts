import type { Instant } from "./instant.ts";

/**
 * All time of the service comes from here, so that tests can move it. Signatures alone use the system's time: they
 * compare with a client's clock, and a moved clock would lock everyone out.
 */
export interface Clock {
  now(): Instant;
  /**
   * Resolves once `now()` has reached `time`, once as much time has passed as was left until then, or when `signal` aborts;
   * never rejects. A clock that is set back meanwhile delays nobody, so callers look at `now()` again.
   */
  sleepUntil(time: Instant, signal: AbortSignal): Promise<void>;
}
