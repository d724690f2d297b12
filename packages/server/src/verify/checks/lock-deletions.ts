import { type AccountId, millisecondsPer } from "@moraine/protocol";
import { conditionsOfMatter } from "../../auth/conditions-of-request.ts";
import { evaluate, type Principal } from "../../domain/policy/evaluate.ts";
import type { Policy, Statement } from "../../domain/policy/model.ts";
import { PolicyError, parseVaultPolicy } from "../../domain/policy/parse.ts";
import { packHead } from "../../storage/metadata/tables/packed.ts";
import { arnOfRow } from "../vault-arn.ts";
import type { Verification } from "../verification.ts";
import { doneEntries, type FoundEntry, firstDone } from "./audit-entries.ts";

const vaultsMax = 100;
const archiveAge = "glacier:archiveageindays";

interface Deletion extends FoundEntry {
  readonly vault: string;
  readonly subject: string;
  /** The latest time of all entries up to it. */
  readonly latest: number;
}

interface LockedVault {
  readonly id: string;
  readonly accountId: AccountId;
  readonly region: string;
  readonly arn: string;
  readonly lockId: string;
  readonly policy: Policy;
  /** The entry with which the lock was completed; null until somebody asks. */
  completedAt: number | null;
}

/**
 * No deletion that the trail has was forbidden by the vault's lock. The trail has no tags, no user agent and no session: statements
 * that ask for them are not judged, nor are deletions in vaults that have gone, with whose rows the policies went.
 */
export async function checkLockDeletions(verification: Verification): Promise<void> {
  const deletions = new LockDeletions(verification);
  const done = { after: 0, condition: "operation = 'DeleteArchive'", values: [] };
  let latest = Number.MIN_SAFE_INTEGER;
  for await (const entry of doneEntries(verification, done)) {
    const { vault, subject } = entry;
    if (vault !== null && subject !== null) {
      latest = Math.max(latest, Number(entry.time));
      await deletions.judge({ ...entry, vault, subject, latest });
    }
  }
}

class LockDeletions {
  readonly #verification: Verification;
  readonly #vaults = new Map<string, LockedVault | null>();

  constructor(verification: Verification) {
    this.#verification = verification;
  }

  async judge(deletion: Deletion): Promise<void> {
    const vault = await this.#vaultOf(deletion.vault);
    if (vault === null) {
      return;
    }
    const archive = await this.#archiveOf(deletion);
    if (archive !== null && archive.vaultId !== vault.id) {
      return;
    }
    // Policies go by a trusted time, which lay anywhere between these: one that denies by all of them denied by it.
    const { time, latest } = deletion;
    const times = [archive?.createdAt ?? time, time, latest].map(Number);
    const isDenied = times.every((time) => isForbidden(vault, deletion, time, archive?.createdAt ?? null));
    if (isDenied && Number(deletion.seq) > (await this.#completionOf(vault)) && !(await this.#isRepeated(deletion))) {
      this.#verification.found({
        code: "lock-violated",
        message: `entry ${deletion.seq} of the audit trail is a deletion by ${deletion.principal} that the vault's lock forbids`,
        archive: deletion.subject,
        vault: vault.arn,
      });
    }
  }

  async #vaultOf(name: string): Promise<LockedVault | null> {
    const known = this.#vaults.get(name);
    if (known !== undefined) {
      return known;
    }
    const [oldest] = this.#vaults.keys();
    if (oldest !== undefined && this.#vaults.size >= vaultsMax) {
      this.#vaults.delete(oldest);
    }
    const vault = await this.#readVault(name);
    this.#vaults.set(name, vault);
    return vault;
  }

  async #readVault(vaultName: string): Promise<LockedVault | null> {
    const [ownerId = "", name = ""] = vaultName.split("/", 2);
    const [row] = (await this.#verification.rows.select(
      `SELECT id, account_id, region, name, lock_id, lock_policy FROM vaults
       WHERE account_id = $1 AND name = $2 AND lock_state = 'locked'`,
      [ownerId, name],
    )) as Readonly<Record<"id" | "account_id" | "region" | "name" | "lock_id" | "lock_policy", string>>[];
    const arn = row === undefined ? undefined : arnOfRow(row);
    const policy = row === undefined || arn === undefined ? null : policyOf(row.lock_policy, arn);
    if (row === undefined || arn === undefined || policy === null) {
      return null;
    }
    const { id, account_id: accountId, region, lock_id: lockId } = row;
    return { id, accountId: accountId as AccountId, region, arn, lockId, policy, completedAt: null };
  }

  async #archiveOf({ subject }: Deletion): Promise<{ readonly vaultId: unknown; readonly createdAt: number } | null> {
    const [row] = await this.#verification.rows.select("SELECT vault_id, created_at FROM archives WHERE id_head = $1", [
      packHead(subject),
    ]);
    return row === undefined ? null : { vaultId: row["vault_id"], createdAt: Number(row["created_at"]) };
  }

  /** A completion that was pruned, or is missing, is the business of other checks: nothing is judged by it. */
  async #completionOf(vault: LockedVault): Promise<number> {
    if (vault.completedAt === null) {
      const condition = "operation = 'CompleteVaultLock' AND subject = $3";
      const completion = await firstDone(this.#verification, { condition, values: [vault.lockId] });
      vault.completedAt = Number(completion?.seq ?? Number.MAX_SAFE_INTEGER);
    }
    return vault.completedAt;
  }

  /** To delete an archive again succeeds, and its age is no matter then. */
  async #isRepeated({ seq, subject }: Deletion): Promise<boolean> {
    const condition = "operation = 'DeleteArchive' AND subject = $3";
    return (await firstDone(this.#verification, { before: Number(seq), condition, values: [subject] })) !== undefined;
  }
}

function policyOf(text: string, arn: string): Policy | null {
  try {
    return parseVaultPolicy(text, arn);
  } catch (error) {
    if (error instanceof PolicyError) {
      return null;
    }
    throw error;
  }
}

function isForbidden(vault: LockedVault, deletion: Deletion, now: number, createdAt: number | null): boolean {
  const { accountId, region, arn } = vault;
  const principal = principalOf(deletion);
  const context = conditionsOfMatter(principal, "", { ownerId: accountId, vault: null }, { region, now });
  context.delete("aws:userid");
  if (typeof deletion.address === "string") {
    context.set("aws:sourceip", [deletion.address]);
  }
  if (createdAt !== null) {
    context.set(archiveAge, [String(Math.floor((now - createdAt) / millisecondsPer.day))]);
  }
  // A root has no name, and its lack of one is known.
  const isKnown = (key: string) => context.has(key) || key === "aws:username";
  const isSimple = [...vault.policy.conditionKeys].every(isKnown);
  const statements = vault.policy.statements.filter((statement) => isSimple || isJudged(statement, isKnown));
  const policy = { statements, conditionKeys: vault.policy.conditionKeys };
  const request = {
    principal,
    action: "glacier:DeleteArchive",
    resource: arn,
    resourceAccountId: accountId,
    context,
  };
  return (
    evaluate({ identity: [], resource: [{ name: "vault lock policy", policy }] }, request).reason === "explicit-deny"
  );
}

/** Variables stand for keys too, and one without a value makes what is negated true: such statements are left out. */
const isJudged = ({ actions, resources, conditions }: Statement, isKnown: (key: string) => boolean): boolean =>
  !actions.negated &&
  !resources.negated &&
  conditions.every((condition) => isKnown(condition.key) && condition.type === "values" && !condition.negated);

function principalOf({ account_id: account, principal }: Deletion): Principal {
  const accountId = String(account) as AccountId;
  const name = String(principal);
  return name.startsWith("user/")
    ? { kind: "user", accountId, userName: name.slice("user/".length) }
    : { kind: "root", accountId };
}
