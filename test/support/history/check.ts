import type { History } from "./calls.ts";
import { namesOf } from "./describe.ts";
import { type Operation, operationsOf, positionsOf } from "./operations.ts";
import { type Component, componentsOf } from "./partition.ts";
import type { Fault, ViolationKind } from "./possibilities.ts";
import { type Blocked, findBlocked } from "./search.ts";

export interface Violation {
  readonly kind: ViolationKind;
  /** One plain sentence. */
  readonly sentence: string;
  /** The number of the call whose outcome no rule allows. */
  readonly call: number;
}

/**
 * Replays a history against the model. Null when the model allows it; otherwise the violation that was seen first.
 * @param pointsMax how many points a search visits before it throws
 */
export function check(history: History, pointsMax?: number): Violation | null {
  const observedFrom = positionsOf(history, "observe")[0] ?? Number.POSITIVE_INFINITY;
  let first: { readonly blocked: Blocked; readonly component: Component } | undefined;
  for (const component of componentsOf(operationsOf(history))) {
    const blocked = findBlocked(component, pointsMax);
    if (blocked !== null && blocked.operation.end < (first?.blocked.operation.end ?? Number.POSITIVE_INFINITY)) {
      first = { blocked, component };
    }
  }
  return first === undefined ? null : violationOf(first.blocked, first.component, observedFrom);
}

function violationOf({ operation, fault }: Blocked, component: Component, observedFrom: number): Violation {
  const isObservation = operation.begin > observedFrom;
  const { kind, reason } = isObservation ? fault : diagnosed(operation, fault, component);
  return { kind, sentence: `${namesOf(operation)}, but ${reason}.`, call: operation.call };
}

const reads: ReadonlySet<string> = new Set([
  "DescribeVault",
  "FindVault",
  "FindArchive",
  "ReadArchive",
  "ListParts",
  "FindUpload",
  "ListTagsForVault",
  "GetVaultAccessPolicy",
  "GetVaultLock",
]);

/** A wrong answer that was right before the call is stale; one that is right only after it comes from the future. */
function diagnosed(operation: Operation, fault: Fault, { operations, initial }: Component): Fault {
  if (!reads.has(operation.action.op)) {
    return fault;
  }
  const isLegalWith = (change: Partial<Operation>, list: readonly Operation[]) =>
    findBlocked({ initial, operations: list.map((one) => (one === operation ? { ...one, ...change } : one)) }) === null;
  const before = operations.filter(({ begin }) => begin <= operation.end);
  if (isLegalWith({ begin: -1 }, before)) {
    return { kind: "stale read", reason: `that was so only before the call: ${fault.reason}` };
  }
  if (isLegalWith({ end: Number.POSITIVE_INFINITY }, operations)) {
    return { kind: "answer from the future", reason: `that was so only after the call: ${fault.reason}` };
  }
  return fault;
}
