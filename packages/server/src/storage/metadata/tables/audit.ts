import type { AuditRow } from "@moraine/protocol";
import { pruningOperation, pruningSubject } from "@moraine/protocol";
import { type AuditPage, serviceFacts } from "../../../domain/audit.ts";
import type { Changes, Queries } from "../methods.ts";
import { literal, manyRows, rowsChanged } from "../prepared.ts";
import { appendEntry, changeState, headOf, hexOf, stateOf } from "./audit-chain.ts";
import type { AuditEntryRow, Database } from "./schema.ts";

export const auditQueries = {
  async listAuditEntries(db, page) {
    const { afterSequence, limit, visitsMax } = page;
    const through = afterSequence + visitsMax;
    const rows = await selectMatching(db, page, through);
    const last = rows.at(-1);
    if (rows.length === limit && last !== undefined) {
      return { rows: rows.map(entryOf), through: last.seq, isLast: false };
    }
    const { sequence } = await headOf(db);
    return {
      rows: rows.map(entryOf),
      through: Math.max(afterSequence, Math.min(sequence, through)),
      isLast: sequence <= through,
    };
  },

  async auditState(db) {
    const [first] = await selectFirst(db, { limit: 1 });
    return { ...(await stateOf(db)), head: await headOf(db), firstTime: first?.time ?? null };
  },
} satisfies Partial<Queries>;

export const auditChanges = {
  async addAuditEntries(db, entries) {
    for (const facts of entries) {
      await appendEntry(db, facts);
    }
  },

  async pruneAuditEntries(db, { recordedBefore, now, limit }) {
    const first = await selectFirst(db, { limit });
    const kept = first.findIndex(({ time }) => time >= recordedBefore);
    const old = kept < 0 ? first : first.slice(0, kept);
    const last = old.at(-1);
    if (last === undefined) {
      return 0;
    }
    const pruned = { sequence: last.seq, hash: hexOf(last.hash) };
    // Before the entries are dropped: it follows the last of them when there are no others.
    await appendEntry(
      db,
      serviceFacts({
        time: now,
        operation: pruningOperation,
        subject: pruningSubject(pruned),
        reason: `entries from before ${new Date(recordedBefore).toISOString()}`,
      }),
    );
    await dropThrough(db, { seq: last.seq });
    await changeState(db, { pruned_seq: pruned.sequence, pruned_hash: last.hash });
    return old.length;
  },

  async noteAuditLogged(db, { sequence }) {
    await changeState(db, { logged_seq: sequence });
  },

  async addAuditKey(db, { sealed }) {
    if ((await stateOf(db)).sealedKey === null) {
      await changeState(db, { sealed_key: sealed });
    }
  },
} satisfies Partial<Changes>;

const selectFirst = manyRows((db, page: { limit: number }) =>
  db
    .selectFrom("audit_entries")
    .select(["seq", "time", "hash"])
    .where("seq", ">", literal(0))
    .orderBy("seq")
    .limit(page.limit),
);

const dropThrough = rowsChanged((db, at: { seq: number }) => db.deleteFrom("audit_entries").where("seq", "<=", at.seq));

/** Built for each page: which filters there are is up to the one who asks. */
function selectMatching(db: Database, page: AuditPage, through: number): Promise<AuditEntryRow[]> {
  const { afterSequence, limit, since, until, accountId, principal, operation, vault, outcome } = page;
  let query = db
    .selectFrom("audit_entries")
    .selectAll()
    .where("seq", ">", afterSequence)
    .where("seq", "<=", through)
    .orderBy("seq")
    .limit(limit);
  const equal = { account_id: accountId, principal, operation, outcome } as const;
  for (const [column, value] of Object.entries(equal) as [keyof typeof equal, string | null][]) {
    query = value === null ? query : query.where(column, "=", value as never);
  }
  if (vault !== null) {
    query = query.where(({ eb, fn, val }) =>
      vault.includes("/")
        ? eb("vault", "=", vault)
        : eb(fn("substr", ["vault", val(accountPrefixLength + 1)]), "=", vault),
    );
  }
  query = since === null ? query : query.where("time", ">=", since);
  query = until === null ? query : query.where("time", "<", until);
  return query.execute();
}

/** Twelve digits and a slash. */
const accountPrefixLength = 13;

/** Somebody may have put anything into a column: what is no text cannot be what was hashed. */
export function entryOf(row: AuditEntryRow): AuditRow {
  return {
    sequence: row.seq,
    time: row.time,
    accountId: textOf(row.account_id),
    principal: textOf(row.principal),
    accessKeyId: textOf(row.access_key_id),
    address: textOf(row.address),
    operation: textOf(row.operation) ?? "",
    vault: textOf(row.vault),
    subject: textOf(row.subject),
    outcome: (textOf(row.outcome) ?? "") as AuditRow["outcome"],
    reason: textOf(row.reason),
    requestId: textOf(row.request_id),
    hash: hexOf(row.hash),
  };
}

const textOf = (value: unknown): string | null => (value === null || typeof value === "string" ? value : "\ufffd");
