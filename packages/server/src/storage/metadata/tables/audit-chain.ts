import { hash } from "node:crypto";
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { auditText, type ChainPlace, chainOrigin } from "@moraine/protocol";
import type { AuditFacts } from "../../../domain/audit.ts";
import { recordedChanges } from "../../../domain/stores/recorded-changes.ts";
import { insertion, literal, manyRows, oneRow, rowsChanged } from "../prepared.ts";
import type { AuditEntryRow, AuditStateRow, Database } from "./schema.ts";

/** The chain's head, for the rest of a transaction. */
const heads = new WeakMap<object, ChainPlace>();

/** For the beginning of a transaction, and after anything of it was rolled back. */
export function forgetHead(db: Database): void {
  heads.delete(db.getExecutor().adapter);
}

export interface RecordedCall {
  readonly method: string;
  readonly input: unknown;
  readonly value: unknown;
  readonly facts: AuditFacts;
}

/** Appends the entry of a change, in its transaction; none when it changed nothing. @param database see `appendEntry`. */
export async function recordChange(
  db: Database,
  { method, input, value, facts }: RecordedCall,
  database?: DatabaseSync,
): Promise<void> {
  const subjectOf = recordedChanges[method as keyof typeof recordedChanges] as
    | ((input: unknown, result: unknown) => string | null | false)
    | null;
  const subject = subjectOf?.(input, value) ?? null;
  if (subject !== false) {
    await appendEntry(db, subject === null ? facts : { ...facts, subject }, database);
  }
}

/**
 * Appends an entry to the chain: one hash and one insertion.
 *
 * @param database the connection below `db`: with it the insertion skips the query builder, which takes longer than SQLite does.
 */
export async function appendEntry(db: Database, facts: AuditFacts, database?: DatabaseSync): Promise<void> {
  const { adapter } = db.getExecutor();
  const head = heads.get(adapter) ?? (await headOf(db));
  const sequence = head.sequence + 1;
  const entryHash = hash("sha256", auditText(head.hash, { ...facts, sequence }));
  const row: AuditEntryRow = {
    seq: sequence,
    time: facts.time,
    account_id: facts.accountId,
    principal: facts.principal,
    access_key_id: facts.accessKeyId,
    address: facts.address,
    operation: facts.operation,
    vault: facts.vault,
    subject: facts.subject,
    outcome: facts.outcome,
    reason: facts.reason,
    request_id: facts.requestId,
    hash: Buffer.from(entryHash, "hex"),
  };
  if (database === undefined) {
    await insertEntry(db, row);
  } else {
    statementOf(db, database, row).run(...(Object.values(row) as SQLInputValue[]));
  }
  heads.set(adapter, { sequence, hash: entryHash });
}

const statements = new WeakMap<DatabaseSync, StatementSync>();

/** All rows have their columns in the same order. */
function statementOf(db: Database, database: DatabaseSync, row: AuditEntryRow): StatementSync {
  let statement = statements.get(database);
  if (statement === undefined) {
    statement = database.prepare(db.insertInto("audit_entries").values(row).compile().sql);
    statements.set(database, statement);
  }
  return statement;
}

/** The last entry; where the trail was pruned to, when it is empty. */
export async function headOf(db: Database): Promise<ChainPlace> {
  const [last] = await selectLast(db, {});
  return last === undefined ? (await stateOf(db)).pruned : { sequence: last.seq, hash: hexOf(last.hash) };
}

export async function stateOf(db: Database) {
  const row = await selectState(db, {});
  return {
    pruned: row === undefined ? chainOrigin : { sequence: row.pruned_seq, hash: hexOf(row.pruned_hash) },
    loggedSequence: row?.logged_seq ?? 0,
    sealedKey: row?.sealed_key ?? null,
  };
}

/** Also of a hash that somebody replaced by something else. */
export const hexOf = (bytes: unknown): string =>
  bytes instanceof Uint8Array ? Buffer.from(bytes).toString("hex") : "";

/** Makes the only row, if need be. */
export async function changeState(db: Database, change: Partial<Omit<AuditStateRow, "id">>): Promise<void> {
  const row = await selectState(db, {});
  const origin = { pruned_seq: 0, pruned_hash: Buffer.from(chainOrigin.hash, "hex"), logged_seq: 0, sealed_key: null };
  await dropState(db, {});
  await insertState(db, { ...origin, ...row, ...change, id: 1 });
}

const insertEntry = insertion("audit_entries");
const insertState = insertion("audit_state");
const dropState = rowsChanged((db, _: object) => db.deleteFrom("audit_state").where("id", "=", literal(1)));
const selectState = oneRow((db, _: object) => db.selectFrom("audit_state").selectAll().where("id", "=", literal(1)));
const selectLast = manyRows((db, _: object) =>
  db.selectFrom("audit_entries").select(["seq", "hash"]).where("seq", ">", literal(0)).orderBy("seq", "desc").limit(1),
);
