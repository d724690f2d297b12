import { nextPlace } from "../../domain/stores/next-place.ts";
import { arnOfRow } from "../vault-arn.ts";
import type { Verification } from "../verification.ts";

const pageRows = 500;

/**
 * A vault is locked if, and only if, the audit trail says so. The trail names the lock, not the bytes of its policy: a MAC of
 * the vault's row will bind those.
 */
export async function checkLocks(verification: Verification): Promise<void> {
  await checkLocked(verification);
  await checkRecorded(verification);
}

/** Passes over the trail once for each page of locked vaults. */
async function checkLocked(verification: Verification): Promise<void> {
  const { database } = verification;
  const page = database.prepare(
    `SELECT id, account_id, region, name, lock_id, lock_created_at FROM vaults
     WHERE typeof(id) = 'text' AND id > ? AND lock_state = 'locked' ORDER BY id LIMIT ${pageRows}`,
  );
  const recorded = database.prepare(
    "SELECT vault, subject FROM audit_entries WHERE operation = 'CompleteVaultLock' AND outcome = 'done'",
  );
  for (let after = ""; ; ) {
    const rows = page.all(after);
    const last = rows.at(-1);
    if (last === undefined) {
      return;
    }
    after = nextPlace(after, String(last["id"]));
    const firstTime = pruningEnd(verification);
    const judged = rows.filter((row) => Number(row["lock_created_at"]) >= firstTime);
    const unrecorded = new Map(
      judged.map((row) => [entryKey(`${row["account_id"]}/${row["name"]}`, row["lock_id"]), row]),
    );
    for (const { vault, subject } of recorded.iterate()) {
      unrecorded.delete(entryKey(vault, subject));
    }
    for (const row of unrecorded.values()) {
      const vault = arnOfRow(row as Record<"account_id" | "region" | "name", unknown>);
      const message = `the vault is locked, but the audit trail has no completion of the lock ${row["lock_id"]}`;
      verification.found({ code: "lock-unrecorded", message, vault });
    }
    await verification.step();
  }
}

const entryKey = (vault: unknown, lockId: unknown): string => `${vault} ${lockId}`;

/** From when on the trail is complete: entries of earlier locks may have been pruned. */
function pruningEnd({ database }: Verification): number {
  const pruned = Number(database.prepare("SELECT pruned_seq FROM audit_state").get()?.["pruned_seq"] ?? 0);
  const first = database.prepare("SELECT time FROM audit_entries ORDER BY seq LIMIT 1").get();
  return pruned === 0 ? Number.MIN_SAFE_INTEGER : Number(first?.["time"] ?? Number.MAX_SAFE_INTEGER);
}

async function checkRecorded(verification: Verification): Promise<void> {
  const { database } = verification;
  const next = database.prepare(
    `SELECT seq, vault, subject FROM audit_entries
     WHERE seq > ? AND operation = 'CompleteVaultLock' AND outcome = 'done' ORDER BY seq LIMIT 1`,
  );
  const locked = database.prepare(
    `SELECT 1 FROM vaults WHERE account_id = substr(?1, 1, 12) AND name = substr(?1, 14) AND lock_id = ?2
     AND lock_state = 'locked'`,
  );
  // The vault was deleted later, alone or with everything else.
  const removed = database.prepare(
    `SELECT 1 FROM audit_entries WHERE seq > ?1 AND outcome = 'done'
     AND (operation = 'ResetService' OR (operation = 'DeleteVault' AND vault = ?2)) LIMIT 1`,
  );
  let seq = 0;
  for (let row = next.get(seq); row !== undefined; row = next.get(seq)) {
    seq = nextPlace(seq, Number(row["seq"]));
    const [vault, lockId] = [String(row["vault"]), String(row["subject"])];
    if (locked.get(vault, lockId) === undefined && removed.get(seq, vault) === undefined) {
      const message = `the audit trail has the completion of the lock ${lockId} of ${vault} (entry ${seq}), but the vault does not have that lock`;
      verification.found({ code: "lock-lost", message });
    }
    await verification.step();
  }
}
