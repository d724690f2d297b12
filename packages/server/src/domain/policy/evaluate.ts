import type { AccountId } from "@moraine/protocol";
import { matchesArn } from "./arn-patterns.ts";
import { type Context, valueLengthMax } from "./conditions/condition-keys.ts";
import { holds } from "./conditions/conditions.ts";
import { stepsMax, withinBounds } from "./effort.ts";
import type { Effect, Policy, Statement } from "./model.ts";
import { matches } from "./patterns.ts";
import { type Principal, speaksOf } from "./principals.ts";

export { type Principal, principalArn } from "./principals.ts";

export interface AccessRequest {
  readonly principal: Principal;
  /** `glacier:DeleteArchive`; in any case. */
  readonly action: string;
  /** An ARN, or `*` for what no resource limits. */
  readonly resource: string;
  readonly resourceAccountId: AccountId;
  /** Lower-case key → values. A key that is not known of this request is not in the map. */
  readonly context: Context;
}

export interface NamedPolicy {
  readonly name: string;
  readonly policy: Policy;
}

export interface PolicySet {
  /** Those of the user who asks. */
  readonly identity: readonly NamedPolicy[];
  /** Those of the vault: access policy and lock policy. */
  readonly resource: readonly NamedPolicy[];
}

export type PolicySource = "identity" | "resource";

export interface Decision {
  readonly allowed: boolean;
  readonly reason: "explicit-deny" | "implicit-deny" | "allow" | "owner-root";
  /**
   * Where the Deny or the Allow stands, or an Allow is missing. Identity policies come first when both kinds deny, or both
   * allow within an account; across accounts an Allow is the resource's. Null for the owner's root.
   */
  readonly source: PolicySource | null;
  /** Every statement that applies, whatever came of it. */
  readonly matched: readonly MatchedStatement[];
  /** Set when the policies deny because they cost too much to judge: they were stored before such policies were refused. */
  readonly isTooCostly?: true;
}

export interface MatchedStatement {
  readonly source: PolicySource;
  readonly policy: string;
  readonly sid: string | null;
  /** The statement's place in its document, from 0. */
  readonly index: number;
  readonly effect: Effect;
}

/**
 * IAM's rules (docs/wire.md#policies): a Deny wins, the owner's root may do everything else, within an account one Allow is
 * enough, across accounts both sides must allow.
 * Policies that cost too much to judge by deny, like those that cannot be understood.
 * @param onSpent is passed the steps that it took, in one or two parts.
 */
export function evaluate(
  policies: PolicySet,
  request: AccessRequest,
  onSpent: (steps: number) => void = () => undefined,
): Decision {
  const prepared = { ...request, action: request.action.toLowerCase(), context: bounded(request.context) };
  const matched: MatchedStatement[] = [];
  for (const source of ["identity", "resource"] as const) {
    const statements = withinBounds(stepsMax[source], () => applying(source, policies[source], prepared), onSpent);
    if (statements === null) {
      return { allowed: false, reason: "explicit-deny", source, matched: [], isTooCostly: true };
    }
    matched.push(...statements);
  }
  return { ...decide(matched, request), matched };
}

type Verdict = Pick<Decision, "allowed" | "reason" | "source">;

function decide(matched: readonly MatchedStatement[], request: AccessRequest): Verdict {
  const sources = (effect: Effect): readonly PolicySource[] =>
    matched.filter((statement) => statement.effect === effect).map(({ source }) => source);
  const [denied] = sources("Deny");
  if (denied !== undefined) {
    return { allowed: false, reason: "explicit-deny", source: denied };
  }
  const { principal, resourceAccountId } = request;
  if (principal.accountId !== resourceAccountId) {
    return acrossAccounts(sources("Allow"), principal);
  }
  if (principal.kind === "root") {
    return { allowed: true, reason: "owner-root", source: null };
  }
  const [allowing] = sources("Allow");
  return allowing === undefined ? missing("identity") : { allowed: true, reason: "allow", source: allowing };
}

function acrossAccounts(allowing: readonly PolicySource[], { kind }: Principal): Verdict {
  if (!allowing.includes("resource")) {
    return missing("resource");
  }
  // An account's root has no identity policies, and needs none.
  const accountAllows = kind === "root" || allowing.includes("identity");
  return accountAllows ? { allowed: true, reason: "allow", source: "resource" } : missing("identity");
}

const missing = (source: PolicySource): Verdict => ({
  allowed: false,
  reason: "implicit-deny",
  source,
});

function applying(
  source: PolicySource,
  policies: readonly NamedPolicy[],
  request: AccessRequest,
): readonly MatchedStatement[] {
  return policies.flatMap(({ name, policy }) =>
    policy.statements.flatMap((statement, index) =>
      applies(statement, request)
        ? [{ source, policy: name, sid: statement.sid, index, effect: statement.effect }]
        : [],
    ),
  );
}

/** The parts that cost least come first. */
function applies(statement: Statement, request: AccessRequest): boolean {
  const { principals, effect, actions, resources, conditions } = statement;
  const { principal, resourceAccountId, action, resource, context } = request;
  return (
    (principals === null || speaksOf(principals, principal, effect, resourceAccountId)) &&
    actions.patterns.some((pattern) => matches(pattern, action)) !== actions.negated &&
    resources.patterns.some((pattern) => matchesArn(pattern, resource, context)) !== resources.negated &&
    conditions.every((condition) => holds(condition, context))
  );
}

/** Longer values are compared by their beginning. */
function bounded(context: Context): Context {
  const isShort = [...context.values()].every((values) => values.every((value) => value.length <= valueLengthMax));
  if (isShort) {
    return context;
  }
  return new Map([...context].map(([key, values]) => [key, values.map((value) => value.slice(0, valueLengthMax))]));
}
