import { setTimeout as pause } from "node:timers/promises";
import { isPassing, targetError } from "./s3-errors.ts";

const attemptsMax = 5;
const pauseMilliseconds = 200;
const pauseMillisecondsMax = 2000;

/**
 * Makes a call, and again after a temporary failure: the SDK repeats neither streams nor responses that are interrupted. Rejects with an
 * error in the terms of a target, or with the signal's reason.
 */
export async function attempt<Result>(
  shown: string,
  signal: AbortSignal,
  call: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  for (let count = 1; ; count += 1) {
    try {
      return await call(signal);
    } catch (error) {
      signal.throwIfAborted();
      if (count === attemptsMax || !isPassing(error)) {
        throw targetError(error, shown);
      }
      const most = Math.min(pauseMilliseconds * 2 ** count, pauseMillisecondsMax);
      await pause(most * Math.random(), undefined, { signal });
    }
  }
}
