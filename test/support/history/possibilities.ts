import type { Answer, Outcome } from "./calls.ts";
import type { State } from "./state.ts";

export type ViolationKind =
  | "lost archive"
  | "lost vault"
  | "lost change"
  | "changed bytes"
  | "second archive"
  | "undone deletion"
  | "deletion against a lock"
  | "broken lock"
  | "two outcomes"
  | "job backwards"
  | "from nowhere"
  | "stale read"
  | "answer from the future"
  | "wrong refusal"
  | "wrong success";

export interface Fault {
  readonly kind: ViolationKind;
  /** Completes "…, but". */
  readonly reason: string;
}

/** An outcome that the rules allow a call in a state. */
export type Possibility = Success | Refusal;

interface Success {
  readonly isSuccess: true;
  /** The state after it, or how the answer is wrong. Null is an answer that nobody has seen. */
  next(answer: Answer | null): State | Fault;
  /** The fault if the call is refused in this state. */
  readonly ifRefused: Fault;
}

interface Refusal {
  readonly isSuccess: false;
  readonly codes: readonly string[];
  readonly next: State;
  /** The fault if the call succeeds in this state. */
  readonly ifDone: Fault;
}

export const fault = (kind: ViolationKind, reason: string): Fault => ({ kind, reason });

export const isFault = (result: State | Fault): result is Fault => "kind" in result;

export const success = (next: Success["next"], ifRefused: Fault): Success => ({ isSuccess: true, next, ifRefused });

export const refusal = (codes: string | readonly string[], next: State, ifDone: Fault): Refusal => ({
  isSuccess: false,
  codes: [codes].flat(),
  next,
  ifDone,
});

/** A service may turn any call away without doing it. */
const alwaysAllowed = ["ThrottlingException", "RequestTimeoutException"];

/** The state that an outcome leads to, or why no rule allows it. An unknown outcome is that of a call that was carried out. */
export function judge(state: State, possibilities: readonly Possibility[], outcome: Outcome): State | Fault {
  if (outcome.kind === "refused" && alwaysAllowed.includes(outcome.code)) {
    return state;
  }
  let first: Fault | undefined;
  for (const possibility of possibilities) {
    const result = resultOf(possibility, outcome);
    if (!isFault(result)) {
      return result;
    }
    first ??= result;
  }
  return first ?? fault("wrong success", "no rule allows it");
}

function resultOf(possibility: Possibility, outcome: Outcome): State | Fault {
  if (possibility.isSuccess) {
    return outcome.kind === "refused"
      ? possibility.ifRefused
      : possibility.next(outcome.kind === "ok" ? outcome.answer : null);
  }
  return outcome.kind === "refused" && possibility.codes.includes(outcome.code) ? possibility.next : possibility.ifDone;
}
