/**
 * What it may cost to judge one request by one kind of policies: more than as many of the longest as a user may have, unless they
 * are written to be slow. Those would hold up everybody's requests for seconds.
 */
const stepsMax = 5_000_000;

/** Judging never waits for anything, so there is only one meter that runs. */
let stepsLeft = Number.POSITIVE_INFINITY;

class TooCostlyError extends Error {}

/** Counts steps of about a character's comparison each; outside `withinBounds` there is no bound. */
export function spend(steps: number): void {
  stepsLeft -= steps;
  if (stepsLeft < 0) {
    throw new TooCostlyError();
  }
}

/** Null when it would cost too much: then it has been stopped. */
export function withinBounds<Result>(run: () => Result): Result | null {
  stepsLeft = stepsMax;
  try {
    return run();
  } catch (error) {
    if (error instanceof TooCostlyError) {
      return null;
    }
    throw error;
  } finally {
    stepsLeft = Number.POSITIVE_INFINITY;
  }
}
