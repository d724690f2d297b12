import { step } from "./model.ts";
import type { Operation } from "./operations.ts";
import type { Component } from "./partition.ts";
import { type Fault, isFault } from "./possibilities.ts";
import type { State } from "./state.ts";

/** More than any history of the rigs needs, in some hundred MiB. */
const pointsMaxDefault = 200_000;

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
  /** The state before the last step, if that was an unknown operation. */
  readonly before: State | null;
}

/**
 * Looks for an order of the operations that the model allows and the intervals permit: the search of Wing and Gong, with Lowe's
 * memory of points that led nowhere. Null when there is one. An operation with an unknown outcome may be left out.
 * Throws for a history whose unknown outcomes allow too many orders.
 */
export function findBlocked({ operations, initial }: Component, pointsMax = pointsMaxDefault): Blocked | null {
  const known = operations.filter(({ outcome }) => outcome.kind !== "unknown").sort(byBegin);
  const unknown = operations.filter(({ outcome }) => outcome.kind === "unknown").sort(byBegin);
  const seen = new Memory();
  const stack: Point[] = [{ next: 0, ahead: [], unknown: [], latest: -1, state: initial, before: null }];
  let furthest = { done: -1, blocked: null as Blocked | null };
  for (let point = stack.pop(); point !== undefined; point = stack.pop()) {
    if (point.next === known.length) {
      return null;
    }
    if (seen.add(point, unknown)) {
      if (seen.size > pointsMax) {
        throw new Error(`the ${unknown.length} unknown outcomes of ${operations.length} calls allow too many orders`);
      }
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

/** Points at which one more unknown operation was carried out. Without an effect it may as well be left out, as may the one before it. */
function withUnknown(point: Point, unknown: readonly Operation[], deadline: number): Point[] {
  return unknown.flatMap((operation, index) => {
    if (operation.begin > deadline || operation.end <= point.latest || point.unknown.includes(index)) {
      return [];
    }
    const state = step(point.state, operation.action, operation.outcome, operation.now);
    const latest = Math.max(point.latest, operation.begin);
    return isFault(state) || state.equals(point.state) || isOverwritten(point.before, operation, state)
      ? []
      : [{ ...point, unknown: inserted(point.unknown, index), latest, state, before: point.state }];
  });
}

/** Whether an operation leads to the same state without the unknown operation before it. */
function isOverwritten(before: State | null, { action, outcome, now }: Operation, state: State): boolean {
  const without = before === null ? null : step(before, action, outcome, now);
  return without !== null && !isFault(without) && without.equals(state);
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
  return { ...point, next, ahead, latest: Math.max(point.latest, begin), state, before: null };
}

const inserted = (list: readonly number[], index: number): readonly number[] =>
  [...list, index].sort((left, right) => left - right);

/**
 * Points that were visited. A point is left out when all that can follow it can follow another: with the same operations done, the
 * same state, and no fewer unknown operations left to carry out. Without this, n of them that overwrite each other make 2ⁿ points.
 */
class Memory {
  size = 0;
  readonly #visited = new Map<string, Visited[]>();

  /** False when nothing new can follow the point. */
  add({ next, ahead, unknown: done, latest, state }: Point, unknown: readonly Operation[]): boolean {
    const isOver = (index: number) => (unknown[index]?.end ?? 0) <= latest;
    const over = unknown.reduce((count, { end }) => count + (end <= latest ? 1 : 0), 0);
    const key = [next, ahead.join(), state.hash].join("/");
    const visited = this.#visited.get(key) ?? [];
    const isCovered = (other: Visited) =>
      other.over <= over &&
      other.done.every((index) => isOver(index) || done.includes(index)) &&
      other.state.equals(state);
    if (visited.some(isCovered)) {
      return false;
    }
    visited.push({ over, done: done.filter((index) => !isOver(index)), state });
    this.#visited.set(key, visited);
    this.size += 1;
    return true;
  }
}

interface Visited {
  /** How many unknown operations have ended too early to be carried out. */
  readonly over: number;
  /** The others that were carried out. */
  readonly done: readonly number[];
  readonly state: State;
}
