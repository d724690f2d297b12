import type { AccountId, OperationName } from "@moraine/protocol";
import { type ActiveFault, type FaultRule, type Faults, faultModes } from "../domain/faults/fault.ts";
import { type Random, seededRandom } from "./random.ts";

/** Reports each rule that is set or removed: nobody must overlook that responses are corrupted on purpose. */
export interface FaultLog {
  put(fault: ActiveFault): void;
  removed(fault: ActiveFault): void;
  fired(fault: ActiveFault): void;
}

/** A rule that may act on the response at hand. */
export interface FaultContext {
  readonly rule: FaultRule;
  /** For what the fault makes up; the rule's own. */
  readonly random: Random;
  /** Whether it does act: asked once, and only when it could. */
  fires(): boolean;
}

interface Entry {
  fault: ActiveFault;
  readonly random: Random;
}

/** The rules in force. Each draws its own random numbers, so that one rule more does not change what the others do. */
export class FaultRegistry implements Faults {
  readonly #seed: number;
  readonly #log: FaultLog;
  readonly #initial: readonly FaultRule[];
  #entries: Entry[] = [];
  #putCount = 0;

  /** @param initial rules that are in force from the start. */
  constructor(seed: number, log: FaultLog, initial: readonly FaultRule[] = []) {
    this.#seed = seed;
    this.#log = log;
    this.#initial = initial;
    this.#putInitial();
  }

  put(rule: FaultRule): ActiveFault {
    const random = seededRandom(this.#seed, this.#putCount);
    this.#putCount += 1;
    const fault = { ...rule, id: `fault-${this.#putCount}`, left: rule.count, fired: 0 };
    this.#entries.push({ fault, random });
    this.#log.put(fault);
    return fault;
  }

  list(): readonly ActiveFault[] {
    return this.#entries.map(({ fault }) => fault);
  }

  remove(id: string): boolean {
    const index = this.#entries.findIndex(({ fault }) => fault.id === id);
    const [removed] = index < 0 ? [] : this.#entries.splice(index, 1);
    if (removed !== undefined) {
      this.#log.removed(removed.fault);
    }
    return removed !== undefined;
  }

  clear(): void {
    for (const { fault } of this.#entries.splice(0)) {
      this.#log.removed(fault);
    }
  }

  reset(): void {
    this.clear();
    this.#putCount = 0;
    this.#putInitial();
  }

  #putInitial(): void {
    for (const rule of this.#initial) {
      this.put(rule);
    }
  }

  /** The rules that may act on the response to a request, in the order in which they were put. */
  contextsFor(operation: OperationName, accountId: AccountId): readonly FaultContext[] {
    return this.#entries
      .filter(({ fault }) => concerns(fault, operation, accountId))
      .map((entry) => ({ rule: entry.fault, random: entry.random, fires: () => this.#fires(entry) }));
  }

  #fires(entry: Entry): boolean {
    const { fault } = entry;
    if (fault.left === 0 || entry.random() >= fault.rate) {
      return false;
    }
    entry.fault = { ...fault, fired: fault.fired + 1, left: fault.left === null ? null : fault.left - 1 };
    this.#log.fired(entry.fault);
    return true;
  }
}

function concerns(fault: ActiveFault, operation: OperationName, accountId: AccountId): boolean {
  const possible: readonly OperationName[] | null = faultModes[fault.mode];
  return (
    fault.left !== 0 &&
    (fault.operation === null || fault.operation === operation) &&
    (possible === null || possible.includes(operation)) &&
    (fault.accountId === null || fault.accountId === accountId)
  );
}
