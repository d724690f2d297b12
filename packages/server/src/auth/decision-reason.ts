import type { Decision } from "../domain/policy/evaluate.ts";

/** A Sid may be as long as a policy. */
const nameLengthMax = 128;

/**
 * Which statement decided, for the audit trail: `allow by identity policy Writers, statement 0 (Upload)`. It never goes to the caller, who
 * would learn from it what policies say.
 */
export function decisionReason({ allowed, reason, source, matched }: Decision): string {
  if (reason === "owner-root") {
    return "the account's root";
  }
  const effect = allowed ? "Allow" : "Deny";
  const statement = matched.find((one) => one.effect === effect && one.source === source);
  if (statement !== undefined) {
    const sid = statement.sid === null ? "" : ` (${statement.sid.slice(0, nameLengthMax)})`;
    const name = statement.source === "identity" ? `identity policy ${statement.policy}` : statement.policy;
    return `${effect.toLowerCase()} by ${name}, statement ${statement.index}${sid}`;
  }
  return reason === "implicit-deny" ? `no ${source} policy allows it` : `a ${source} policy cannot be judged`;
}
