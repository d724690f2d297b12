import type { Expression, ExpressionBuilder, RawBuilder, SqlBool } from "kysely";
import type { Instant } from "../../../../domain/time/instant.ts";
import { oneRow, rowsChanged } from "../../prepared.ts";
import type { Schema } from "../schema.ts";

type Conditions = readonly Expression<SqlBool>[];
type Builder = ExpressionBuilder<Schema, "jobs">;

export interface LeasedTable<Lane extends object> {
  readonly name: "jobs" | "notifications";
  /** The state of rows that wait, or are claimed until their lease ends. */
  readonly state: RawBuilder<"in_progress" | "pending">;
  /** Conditions of a lane, where the rows have lanes. */
  inLane(eb: Builder, lane: Lane): Conditions;
  /** Conditions of rows that are still to be dealt with. */
  exists(eb: Builder): Conditions;
}

/** The statements by which rows of a table are claimed, in turns of their accounts. */
export const leaseStatements = <Lane extends object>(table: LeasedTable<Lane>) => ({
  ...ofWaitingRows(table),
  ...ofClaimedRows(table),
});

// Both tables have every column that is named here; the compiler knows those of one.
const oneOf = (name: LeasedTable<object>["name"]) => name as "jobs";
const stateOf = (eb: Builder, state: RawBuilder<string>) => eb("state", "=", state as RawBuilder<"in_progress">);

function ofWaitingRows<Lane extends object>({ name, state, inLane, exists }: LeasedTable<Lane>) {
  const table = oneOf(name);
  const waits = (eb: Builder, lane: Lane) => [...inLane(eb, lane), stateOf(eb, state), eb("lease_until", "is", null)];
  return {
    /** Selects the first account after `after` of which rows wait. */
    nextAccount: oneRow((db, at: Lane & { after: string }) =>
      db
        .selectFrom(table)
        .select("account_id")
        .where((eb) => eb.and(waits(eb, at)))
        .where("account_id", ">", at.after)
        .orderBy("account_id")
        .limit(1),
    ),

    /** Selects the row of an account that has been due for the longest time. */
    earliest: oneRow((db, at: Lane & { accountId: string; now: Instant }) =>
      db
        .selectFrom(table)
        .select("id")
        .where((eb) => eb.and(waits(eb, at)))
        .where("account_id", "=", at.accountId)
        .where("due_at", "<=", at.now)
        .orderBy("due_at")
        .orderBy("id")
        .limit(1),
    ),

    nextDue: oneRow((db, at: Lane & { dueAfter: Instant }) =>
      db
        .selectFrom(table)
        .select("due_at")
        .where((eb) => eb.and([...waits(eb, at), ...exists(eb)]))
        .where("due_at", ">", at.dueAfter)
        .orderBy("due_at")
        .limit(1),
    ),
  };
}

function ofClaimedRows<Lane extends object>({ name, state, inLane, exists }: LeasedTable<Lane>) {
  const table = oneOf(name);
  const lapses = (eb: Builder, at: Lane & { now: Instant }) => [
    ...inLane(eb, at),
    stateOf(eb, state),
    eb("lease_until", "<=", at.now),
  ];
  return {
    /** Selects the row whose lease has lapsed first. */
    lapsed: oneRow((db, at: Lane & { now: Instant }) =>
      db
        .selectFrom(table)
        .select("due_at")
        .where((eb) => eb.and([...lapses(eb, at), ...exists(eb)]))
        .orderBy("lease_until")
        .limit(1),
    ),

    endLapsed: rowsChanged((db, at: Lane & { now: Instant }) =>
      db
        .updateTable(table)
        .set({ lease_until: null })
        .where((eb) => eb.and(lapses(eb, at))),
    ),

    /** The fence moves too, so that the holder of a claim has lost it. */
    releaseAll: rowsChanged((db, _: object) =>
      db
        .updateTable(table)
        .set((eb) => ({ lease_until: null, fence: eb("fence", "+", 1) }))
        .where((eb) => stateOf(eb, state))
        .where("lease_until", "is not", null),
    ),
  };
}
