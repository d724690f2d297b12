import type { Denial, Tags } from "../calls.ts";
import { dayOver } from "../expiry.ts";
import { type Fault, fault, type Possibility, refusal } from "../possibilities.ts";
import type { Lock, State, TimeSpan, Values } from "../state.ts";
import { denied } from "./in-vault.ts";

type Rules = Values["rules"];

const noRules: Rules = { lock: null, policy: null };

export const rulesOf = (state: State, vault: string): Rules => state.get("rules", vault) ?? noRules;

export const tagsOf = (state: State, vault: string): Tags => state.get("tags", vault) ?? {};

/** Whether a lock is in force: one in progress ends after a day. */
export function isInForce(lock: Lock | null, now: TimeSpan): "yes" | "perhaps" | "no" {
  if (lock === null) {
    return "no";
  }
  const over = lock.state === "locked" ? "no" : dayOver(lock.since, now);
  return ({ yes: "no", perhaps: "perhaps", no: "yes" } as const)[over];
}

/** Adds the refusal by lock or access policy. Where they deny for sure nothing else may happen. */
export function unlessDenied(
  state: State,
  { vault, op }: { readonly vault: string; readonly op: "DeleteArchive" | "DeleteVault" },
  now: TimeSpan,
  possibilities: readonly Possibility[],
): readonly Possibility[] {
  const { lock, policy } = rulesOf(state, vault);
  const tags = tagsOf(state, vault);
  const byPolicy = policy !== null && denies(policy, op, tags);
  const byLock = lock !== null && denies(lock, op, tags) ? isInForce(lock, now) : "no";
  if (byPolicy) {
    return [refusal(denied, state, fault("wrong success", `access policy ${policy.name} denies it`))];
  }
  if (lock === null || byLock === "no") {
    return possibilities;
  }
  const refused = refusal(denied, state, againstLock(lock));
  return byLock === "yes" ? [refused] : [...possibilities, refused];
}

const againstLock = (lock: Lock): Fault => fault("deletion against a lock", `lock ${lock.name} denies it`);

function denies({ denies: operations, whileTag }: Denial, op: "DeleteArchive" | "DeleteVault", tags: Tags) {
  return operations.includes(op) && (whileTag === undefined || tags[whileTag.key] === whileTag.value);
}
