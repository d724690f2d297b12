import { nextPlace } from "../../domain/stores/next-place.ts";
import type { RowValue } from "../../storage/metadata/row-reader.ts";
import type { AuditEntryRow } from "../../storage/metadata/tables/schema.ts";
import type { Verification } from "../verification.ts";

/** Entries that one statement looks at: no index knows an operation or its subject. */
const windowRows = 5000;

export type FoundEntry = Pick<
  AuditEntryRow,
  "seq" | "time" | "account_id" | "principal" | "address" | "operation" | "vault" | "subject"
>;

export interface EntrySearch {
  /** Entries after this one. @default all */
  readonly after?: number;
  /** Entries before this one. @default all */
  readonly before?: number;
  /** SQL that an entry has to meet; its first parameter is `$3`. */
  readonly condition: string;
  readonly values: readonly RowValue[];
}

/** Yields changes that were done, in their order. */
export async function* doneEntries(
  verification: Verification,
  { after: first = Number.MIN_SAFE_INTEGER, before = Number.MAX_SAFE_INTEGER, condition, values }: EntrySearch,
): AsyncGenerator<FoundEntry, void, void> {
  const { rows } = verification;
  for (let after: number | null = first; after !== null; ) {
    const [ending] = await rows.select(
      `SELECT seq FROM audit_entries WHERE seq > $1 ORDER BY seq LIMIT 1 OFFSET ${windowRows - 1}`,
      [after],
    );
    const end: number | null = ending === undefined ? null : nextPlace(after, Number(ending["seq"]));
    const found = await rows.select(
      `SELECT seq, time, account_id, principal, address, operation, vault, subject FROM audit_entries
       WHERE seq > $1 AND seq <= $2 AND outcome = 'done' AND ${condition} ORDER BY seq`,
      [after, Math.min(end ?? Number.MAX_SAFE_INTEGER, before - 1), ...values],
    );
    yield* found as unknown as FoundEntry[];
    after = end !== null && end < before ? end : null;
    await verification.step();
  }
}

/** The first of them; undefined when there is none. */
export async function firstDone(verification: Verification, search: EntrySearch): Promise<FoundEntry | undefined> {
  for await (const entry of doneEntries(verification, search)) {
    return entry;
  }
  return undefined;
}
