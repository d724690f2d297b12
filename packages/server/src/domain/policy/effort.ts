/**
 * Steps that judging one request by one kind of policies may cost, a few milliseconds: as many as all policies that a user, or
 * a vault, may have by the bound below. Others would hold up everybody's requests.
 */
export const stepsMax = { identity: 1_000_000, resource: 400_000 } as const;

/** Steps that every policy may cost; each of its bytes adds more. A policy of many short patterns on long values exceeds it. */
export const policySteps = { base: 20_000, perByte: 8 } as const;

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

/** Null when it would cost more than `bound` steps: then it has been stopped. @param onSpent is passed how many it took. */
export function withinBounds<Result>(
  bound: number,
  run: () => Result,
  onSpent: (steps: number) => void = () => undefined,
): Result | null {
  stepsLeft = bound;
  try {
    return run();
  } catch (error) {
    if (error instanceof TooCostlyError) {
      return null;
    }
    throw error;
  } finally {
    onSpent(bound - stepsLeft);
    stepsLeft = Number.POSITIVE_INFINITY;
  }
}

/**
 * Reads the same text once, though many values of a policy are compared with it one after the other.
 * @param stepsOf what reading a text costs.
 */
export function remembering<Value>(
  read: (text: string) => Value,
  stepsOf: (text: string) => number,
): (text: string) => Value {
  let latest: { readonly text: string; readonly value: Value } | undefined;
  return (text) => {
    if (latest?.text !== text) {
      spend(stepsOf(text));
      latest = { text, value: read(text) };
    }
    return latest.value;
  };
}
