import { type AccountId, millisecondsPer } from "@moraine/protocol";
import { conditionsOfMatter } from "../../auth/conditions-of-request.ts";
import { evaluate, type Principal } from "../../domain/policy/evaluate.ts";
import type { Policy, Statement } from "../../domain/policy/model.ts";
import { PolicyError, parseVaultPolicy } from "../../domain/policy/parse.ts";
import { nextPlace } from "../../domain/stores/next-place.ts";
import { packHead } from "../../storage/metadata/tables/packed.ts";
import { arnOfRow } from "../vault-arn.ts";
import type { Verification } from "../verification.ts";

const pageRows = 500;
const vaultsMax = 100;
const archiveAge = "glacier:archiveageindays";

type Deletion = Readonly<Record<"seq" | "time" | "latest" | "account_id" | "principal" | "address", unknown>> & {
  readonly vault: string;
  readonly subject: string;
};

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
  const page = verification.database.prepare(
    `SELECT seq, time, account_id, principal, address, vault, subject FROM audit_entries
     WHERE seq > ? AND operation = 'DeleteArchive' AND outcome = 'done' AND vault IS NOT NULL AND subject IS NOT NULL
     ORDER BY seq LIMIT ${pageRows}`,
  );
  let latest = Number.MIN_SAFE_INTEGER;
  for (let after = 0; ; ) {
    const rows = page.all(after) as unknown as Array<Omit<Deletion, "latest">>;
    for (const row of rows) {
      latest = Math.max(latest, Number(row.time));
      deletions.judge({ ...row, latest });
    }
    const last = rows.at(-1);
    if (last === undefined) {
      return;
    }
    after = nextPlace(after, Number(last.seq));
    await verification.step();
  }
}

class LockDeletions {
  readonly #verification: Verification;
  readonly #vaults = new Map<string, LockedVault | null>();

  constructor(verification: Verification) {
    this.#verification = verification;
  }

  judge(deletion: Deletion): void {
    const vault = this.#vaultOf(deletion.vault);
    const archive = this.#archiveOf(deletion);
    if (vault === null || (archive !== null && archive.vaultId !== vault.id)) {
      return;
    }
    // Policies go by a trusted time, which lay anywhere between these: one that denies by all of them denied by it.
    const { time, latest } = deletion;
    const times = [archive?.createdAt ?? time, time, latest].map(Number);
    const isDenied = times.every((time) => isForbidden(vault, deletion, time, archive?.createdAt ?? null));
    if (isDenied && Number(deletion.seq) > this.#completionOf(vault) && !this.#isRepeated(deletion)) {
      this.#verification.found({
        code: "lock-violated",
        message: `entry ${deletion.seq} of the audit trail is a deletion by ${deletion.principal} that the vault's lock forbids`,
        archive: deletion.subject,
        vault: vault.arn,
      });
    }
  }

  #vaultOf(name: string): LockedVault | null {
    const known = this.#vaults.get(name);
    if (known !== undefined) {
      return known;
    }
    const [oldest] = this.#vaults.keys();
    if (oldest !== undefined && this.#vaults.size >= vaultsMax) {
      this.#vaults.delete(oldest);
    }
    const vault = this.#readVault(name);
    this.#vaults.set(name, vault);
    return vault;
  }

  #readVault(name: string): LockedVault | null {
    const row = this.#verification.database
      .prepare(
        `SELECT id, account_id, region, name, lock_id, lock_policy FROM vaults
         WHERE account_id = substr(?1, 1, 12) AND name = substr(?1, 14) AND lock_state = 'locked'`,
      )
      .get(name) as Readonly<Record<"id" | "account_id" | "region" | "name" | "lock_id" | "lock_policy", string>>;
    const arn = row === undefined ? undefined : arnOfRow(row);
    const policy = arn === undefined ? null : policyOf(row.lock_policy, arn);
    const { id, account_id: accountId, region, lock_id: lockId } = row ?? {};
    return arn === undefined || policy === null
      ? null
      : { id, accountId: accountId as AccountId, region, arn, lockId, policy, completedAt: null };
  }

  #archiveOf({ subject }: Deletion): { readonly vaultId: unknown; readonly createdAt: number } | null {
    const row = this.#verification.database
      .prepare("SELECT vault_id, created_at FROM archives WHERE id_head = ?")
      .get(packHead(subject));
    return row === undefined ? null : { vaultId: row["vault_id"], createdAt: Number(row["created_at"]) };
  }

  /** A completion that was pruned, or is missing, is the business of other checks: nothing is judged by it. */
  #completionOf(vault: LockedVault): number {
    vault.completedAt ??= Number(
      this.#verification.database
        .prepare(
          `SELECT seq FROM audit_entries WHERE operation = 'CompleteVaultLock' AND outcome = 'done' AND subject = ?
           ORDER BY seq LIMIT 1`,
        )
        .get(vault.lockId)?.["seq"] ?? Number.MAX_SAFE_INTEGER,
    );
    return vault.completedAt;
  }

  /** To delete an archive again succeeds, and its age is no matter then. */
  #isRepeated({ seq, subject }: Deletion): boolean {
    const earlier = this.#verification.database.prepare(
      `SELECT 1 FROM audit_entries WHERE seq < ? AND operation = 'DeleteArchive' AND outcome = 'done' AND subject = ? LIMIT 1`,
    );
    return earlier.get(Number(seq), subject) !== undefined;
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
