import type { AuditFacts } from "../../domain/audit.ts";
import type { Changes, Queries } from "./methods.ts";
import { forgetHead } from "./tables/audit-chain.ts";
import type { Database } from "./tables/schema.ts";
import { forgetWrittenVault } from "./tables/vaults/written-vault.ts";

/** A call of a method, as plain data. */
export interface Request {
  readonly method: string;
  readonly input: unknown;
  /** Facts for the audit trail about a change; they are kept with the change, or neither is. */
  readonly facts?: AuditFacts | undefined;
}

export type Outcome = { readonly value: unknown } | { readonly error: unknown };

/** Runs a method in the transaction that its driver has started. */
export function invoke(methods: Queries | Changes, name: string, db: Database, input: unknown): Promise<unknown> {
  const method = methods[name as keyof typeof methods] as (db: Database, input: unknown) => Promise<unknown>;
  return method(db, input);
}

/** For the beginning of a transaction, and after anything of it was rolled back. */
export function forgetWritten(db: Database): void {
  forgetHead(db);
  forgetWrittenVault(db);
}
