import type { VaultRow } from "../../storage/metadata/tables/schema.ts";
import type { Finding } from "../finding.ts";
import { arnOfRow } from "../vault-arn.ts";
import type { Verification } from "../verification.ts";
import { doneEntries, firstDone } from "./audit-entries.ts";

const pageRows = 500;

/**
 * A vault is locked if, and only if, the audit trail says so. The trail names the lock, not the bytes of its policy: a MAC of
 * the vault's row will bind those.
 */
export async function checkLocks(verification: Verification): Promise<void> {
  await checkLocked(verification);
  await checkRecorded(verification);
}

type LockedRow = Pick<VaultRow, "id" | "account_id" | "region" | "name" | "lock_id" | "lock_created_at">;

const completions = { condition: "operation = 'CompleteVaultLock'", values: [] };

/** Passes over the trail once for each page of locked vaults. */
async function checkLocked(verification: Verification): Promise<void> {
  const columns = "id, account_id, region, name, lock_id, lock_created_at";
  const locked = { table: "vaults", columns, where: "lock_state = 'locked'", pageRows } as const;
  for await (const rows of verification.pages<LockedRow>(locked)) {
    if (rows.length > 0) {
      await checkPage(verification, rows);
    }
  }
}

async function checkPage(verification: Verification, rows: readonly LockedRow[]): Promise<void> {
  const firstTime = await pruningEnd(verification);
  const judged = rows.filter((row) => Number(row.lock_created_at) >= firstTime);
  const unrecorded = new Map(judged.map((row) => [entryKey(`${row.account_id}/${row.name}`, row.lock_id), row]));
  for await (const { vault, subject } of doneEntries(verification, completions)) {
    unrecorded.delete(entryKey(vault, subject));
  }
  for (const row of unrecorded.values()) {
    const message = `the vault is locked, but the audit trail has no completion of the lock ${row.lock_id}`;
    verification.found({ code: "lock-unrecorded", message, vault: arnOfRow(row) });
  }
}

const entryKey = (vault: unknown, lockId: unknown): string => `${vault} ${lockId}`;

/** From when on the trail is complete: entries of earlier locks may have been pruned. */
async function pruningEnd({ rows }: Verification): Promise<number> {
  const [state] = await rows.select("SELECT pruned_seq FROM audit_state", []);
  const [first] = await rows.select("SELECT time FROM audit_entries ORDER BY seq LIMIT 1", []);
  const isPruned = Number(state?.["pruned_seq"] ?? 0) !== 0;
  return isPruned ? Number(first?.["time"] ?? Number.MAX_SAFE_INTEGER) : Number.MIN_SAFE_INTEGER;
}

async function checkRecorded(verification: Verification): Promise<void> {
  for await (const { seq, vault, subject } of doneEntries(verification, { after: 0, ...completions })) {
    await verification.confirmed(() => lostLock(verification, seq, { vault: String(vault), lockId: String(subject) }));
  }
}

interface RecordedLock {
  /** Account and name. */
  readonly vault: string;
  readonly lockId: string;
}

async function lostLock(verification: Verification, seq: number, { vault, lockId }: RecordedLock): Promise<Finding[]> {
  const [accountId = "", name = ""] = vault.split("/", 2);
  const locked = await verification.rows.select(
    "SELECT 1 FROM vaults WHERE account_id = $1 AND name = $2 AND lock_id = $3 AND lock_state = 'locked'",
    [accountId, name, lockId],
  );
  if (locked.length > 0) {
    return [];
  }
  // The vault was deleted later, alone or with everything else.
  const removed = await firstDone(verification, {
    after: seq,
    condition: "(operation = 'ResetService' OR (operation = 'DeleteVault' AND vault = $3))",
    values: [vault],
  });
  const message = `the audit trail has the completion of the lock ${lockId} of ${vault} (entry ${seq}), but the vault does not have that lock`;
  return removed === undefined ? [{ code: "lock-lost", message }] : [];
}
