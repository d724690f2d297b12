import { setTimeout as wait } from "node:timers/promises";

export interface SleepOptions {
  /** Whether the process stays alive for the sleep. @default true */
  readonly ref?: boolean;
}

/**
 * Sleeps by monotonic time, so that setting the system's clock makes it neither longer nor shorter. Resolves to true after
 * the time, and to false as soon as the signal is aborted; never rejects.
 */
export function sleep(milliseconds: number, signal: AbortSignal, { ref = true }: SleepOptions = {}): Promise<boolean> {
  return wait(milliseconds, true, { signal, ref }).catch(() => false);
}
