import type { History } from "../support/history/calls.ts";
import { check, type Violation } from "../support/history/check.ts";
import { shrink } from "../support/history/shrink.ts";

export interface FoundViolation extends Violation {
  /** The least history that shows it. */
  readonly history: History;
}

export function violationsOf(history: History): FoundViolation[] {
  const violation = check(history);
  return violation === null ? [] : [{ ...violation, history: shrink(history, violation) }];
}
