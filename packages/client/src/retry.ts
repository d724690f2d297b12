import { GlacierConnectionError, GlacierServiceError, ThrottlingException } from "./errors.ts";

const baseMilliseconds = 100;
/** Throttling passes more slowly than a hiccup. */
const throttlingBaseMilliseconds = 500;
const pauseMillisecondsMax = 20_000;

/** Whether the same request may do better in a while (contract 4.2). */
export function isTransient(error: unknown): boolean {
  if (error instanceof GlacierServiceError) {
    return error.status >= 500 || error.status === 408 || error instanceof ThrottlingException;
  }
  return error instanceof GlacierConnectionError;
}

/** How long to wait after so many attempts: anything up to a bound that doubles, so that clients do not come back together. */
export function pauseMilliseconds(attempts: number, isThrottled: boolean, random: number): number {
  const base = isThrottled ? throttlingBaseMilliseconds : baseMilliseconds;
  return random * Math.min(pauseMillisecondsMax, base * 2 ** (attempts - 1));
}

/** Waits, and rejects with the signal's reason as soon as it aborts. */
export async function sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  if (milliseconds <= 0) {
    signal?.throwIfAborted();
    return;
  }
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  try {
    await orAborted(promise, signal);
  } finally {
    clearTimeout(timer);
  }
}

/** The promise's outcome, or the signal's reason as soon as it aborts; what the promise stands for goes on then. */
export async function orAborted<Value>(promise: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  if (signal === undefined) {
    return promise;
  }
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
