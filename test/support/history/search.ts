import { step } from "./model.ts";
import type { Operation } from "./operations.ts";
import type { Component } from "./partition.ts";
import { type Fault, isFault } from "./possibilities.ts";
import type { State } from "./state.ts";

/** The operation that no order can explain, at the furthest point that any order reached. */
export interface Blocked {
  readonly operation: Operation;
  readonly fault: Fault;
}

/** A point of the search: the operations that were carried out, and the state that they made. */
interface Point {
  /** All known operations before this index are done. */
  readonly next: number;
  /** Known operations after `next` that are done, by index, rising. */
  readonly ahead: readonly number[];
  /** Unknown operations that were carried out, by index, rising. */
  readonly unknown: readonly number[];
  /** The latest begin of a known or unknown operation that is done. */
  readonly latest: number;
  readonly state: State;
}

/**
 * Looks for an order of the operations that the model allows and the intervals permit: the search of Wing and Gong, with Lowe's
 * memory of points that led nowhere. Null when there is one. An operation with an unknown outcome may be left out.
 */
export function findBlocked({ operations, initial }: Component): Blocked | null {
  const known = operations.filter(({ outcome }) => outcome.kind !== "unknown").sort(byBegin);
  const unknown = operations.filter(({ outcome }) => outcome.kind === "unknown").sort(byBegin);
  const seen = new Memory();
  const stack: Point[] = [{ next: 0, ahead: [], unknown: [], latest: -1, state: initial }];
  let furthest = { done: -1, blocked: null as Blocked | null };
  for (let point = stack.pop(); point !== undefined; point = stack.pop()) {
    if (point.next === known.length) {
      return null;
    }
    if (seen.add(point, unknown)) {
      const { followers, blocked } = follow(point, known, unknown);
      const done = point.next + point.ahead.length;
      if (blocked !== null && done > furthest.done) {
        furthest = { done, blocked };
      }
      stack.push(...followers);
    }
  }
  return furthest.blocked;
}

const byBegin = (left: Operation, right: Operation) => left.begin - right.begin;

interface Step {
  /** The most likely one is the last. */
  readonly followers: readonly Point[];
  /** Set when the operation that has to be next cannot be. */
  readonly blocked: Blocked | null;
}

function follow(point: Point, known: readonly Operation[], unknown: readonly Operation[]): Step {
  const { candidates, deadline } = knownCandidates(point, known);
  const followers = withUnknown(point, unknown, deadline);
  let blocked: Blocked | null = null;
  for (const [index, operation] of candidates) {
    const state = step(point.state, operation.action, operation.outcome, operation.now);
    if (!isFault(state)) {
      followers.push(withDone(point, index, operation, state));
    } else if (operation.end === deadline) {
      blocked = { operation, fault: state };
    }
  }
  return { followers, blocked };
}

/** Points at which one more unknown operation was carried out. Without an effect it may as well be left out. */
function withUnknown(point: Point, unknown: readonly Operation[], deadline: number): Point[] {
  return unknown.flatMap((operation, index) => {
    if (operation.begin > deadline || operation.end <= point.latest || point.unknown.includes(index)) {
      return [];
    }
    const state = step(point.state, operation.action, operation.outcome, operation.now);
    const latest = Math.max(point.latest, operation.begin);
    return isFault(state) || state.equals(point.state)
      ? []
      : [{ ...point, unknown: inserted(point.unknown, index), latest, state }];
  });
}

/** Known operations that can be next, since none of those left ended before they began. The one to try first is the last. */
function knownCandidates({ next, ahead }: Point, known: readonly Operation[]) {
  const isDone = new Set(ahead);
  const found: Array<readonly [index: number, operation: Operation]> = [];
  let deadline = Number.POSITIVE_INFINITY;
  for (let index = next; index < known.length; index += 1) {
    const operation = known[index];
    if (operation === undefined || operation.begin > deadline) {
      break;
    }
    if (!isDone.has(index)) {
      found.push([index, operation]);
      deadline = Math.min(deadline, operation.end);
    }
  }
  const candidates = found.filter(([, { begin }]) => begin < deadline);
  return { candidates: candidates.sort(([, left], [, right]) => right.end - left.end), deadline };
}

function withDone(point: Point, index: number, { begin }: Operation, state: State): Point {
  let ahead = inserted(point.ahead, index);
  let { next } = point;
  while (ahead[0] === next) {
    ahead = ahead.slice(1);
    next += 1;
  }
  return { ...point, next, ahead, latest: Math.max(point.latest, begin), state };
}

const inserted = (list: readonly number[], index: number): readonly number[] =>
  [...list, index].sort((left, right) => left - right);

/** Points that were visited. Two are the same when the same can follow. */
class Memory {
  readonly #states = new Map<string, State[]>();

  /** False when the point was there already. */
  add({ next, ahead, unknown: done, latest, state }: Point, unknown: readonly Operation[]): boolean {
    const isOver = (index: number) => (unknown[index]?.end ?? 0) <= latest;
    const over = unknown.reduce((count, { end }) => count + (end <= latest ? 1 : 0), 0);
    const key = [next, ahead.join(), over, done.filter((index) => !isOver(index)).join(), state.hash].join("/");
    const states = this.#states.get(key) ?? [];
    if (states.some((other) => other.equals(state))) {
      return false;
    }
    states.push(state);
    this.#states.set(key, states);
    return true;
  }
}
