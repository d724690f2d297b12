import { conditionFlaw, conditionHolds } from "./naive-conditions.ts";
import { expanded, like, resourceLike, type Token } from "./naive-patterns.ts";

/**
 * A second evaluator, written from AWS's documentation of IAM and on raw JSON. It shares no code with the first, is slow,
 * and knows only the refusals that the generator plants.
 */
export type Scalar = string | number | boolean;
export type OneOrMany<Item> = Item | readonly Item[];
export type Conditions = Readonly<Record<string, Readonly<Record<string, OneOrMany<Scalar>>>>>;

export interface RawStatement {
  readonly Sid?: string;
  readonly Effect: string;
  readonly Principal?: "*" | { readonly AWS: OneOrMany<string> };
  readonly NotPrincipal?: "*" | { readonly AWS: OneOrMany<string> };
  readonly Action?: OneOrMany<string>;
  readonly NotAction?: OneOrMany<string>;
  readonly Resource?: OneOrMany<string>;
  readonly NotResource?: OneOrMany<string>;
  readonly Condition?: Conditions;
}

export interface RawPolicy {
  readonly Version?: string;
  readonly Statement: RawStatement | readonly RawStatement[];
}

export interface RawSet {
  readonly identity: readonly RawPolicy[];
  readonly resource: readonly RawPolicy[];
}

export interface RawRequest {
  readonly account: string;
  /** "" for the account's root. */
  readonly user: string;
  readonly action: string;
  readonly resource: string;
  readonly owner: string;
  readonly context: Readonly<Record<string, readonly string[]>>;
}

export interface Verdict {
  readonly outcome: string;
  /** `identity 0.2`: the statements that apply. */
  readonly applying: readonly string[];
}

export function many<Item>(value: OneOrMany<Item> | undefined): readonly Item[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? (value as readonly Item[]) : [value as Item];
}

export function naiveVerdict(set: RawSet, request: RawRequest): Verdict {
  const all = (["identity", "resource"] as const).flatMap((side) =>
    set[side].flatMap((policy, at) =>
      many(policy.Statement).map((statement, index) => ({ side, policy, statement, name: `${side} ${at}.${index}` })),
    ),
  );
  const hits = all.filter(({ policy, statement }) => statementApplies(policy, statement, request));
  const says = (effect: string, side: string) =>
    hits.some((hit) => hit.statement.Effect === effect && hit.side === side);
  return { outcome: outcome(says, request), applying: hits.map(({ name }) => name) };
}

function outcome(says: (effect: string, side: string) => boolean, { account, user, owner }: RawRequest): string {
  if (says("Deny", "identity")) return "explicit-deny identity";
  if (says("Deny", "resource")) return "explicit-deny resource";
  if (account === owner) {
    if (user === "") return "owner-root null";
    if (says("Allow", "identity")) return "allow identity";
    return says("Allow", "resource") ? "allow resource" : "implicit-deny identity";
  }
  if (!says("Allow", "resource")) return "implicit-deny resource";
  return user === "" || says("Allow", "identity") ? "allow resource" : "implicit-deny identity";
}

/** Whether a policy has one of the flaws that the generator plants. */
export function isFlawed(policy: RawPolicy, knownActions: readonly string[]): boolean {
  if (policy.Version !== undefined && !["2012-10-17", "2008-10-17"].includes(policy.Version)) return true;
  return many(policy.Statement).some((statement) => {
    const { Effect, Action, NotAction, NotPrincipal, Condition = {} } = statement;
    const actions = [...many(Action), ...many(NotAction)];
    const isUnknown = (pattern: string) => !knownActions.some((action) => actionLike(pattern, action));
    return (
      (Effect !== "Allow" && Effect !== "Deny") ||
      (Effect === "Allow" && NotPrincipal !== undefined) ||
      actions.some(isUnknown) ||
      Object.entries(Condition).some(([operator, block]) => conditionFlaw(operator, block))
    );
  });
}

function statementApplies(policy: RawPolicy, statement: RawStatement, request: RawRequest): boolean {
  const { Action, NotAction, Resource, NotResource, Condition = {} } = statement;
  const { context } = request;
  const tokens = (text: string): Token[] | null => expanded(text, policy.Version === "2012-10-17", context);
  const namesAction = many(Action ?? NotAction).some((pattern) => actionLike(pattern, request.action));
  const namesResource = many(Resource ?? NotResource).some((text) => {
    const pattern = tokens(text);
    return pattern !== null && resourceLike(pattern, request.resource);
  });
  return (
    namesPrincipal(statement, request) &&
    namesAction === (Action !== undefined) &&
    namesResource === (Resource !== undefined) &&
    Object.entries(Condition).every(([operator, block]) =>
      Object.entries(block).every(([key, values]) => conditionHolds(operator, key, many(values), tokens, context)),
    )
  );
}

function actionLike(pattern: string, action: string): boolean {
  const tokens = [...pattern.toLowerCase()].map((character) => ({ character, isWild: "*?".includes(character) }));
  return like(tokens, [...action.toLowerCase()]);
}

function namesPrincipal({ Effect, Principal, NotPrincipal }: RawStatement, request: RawRequest): boolean {
  const { account, user, owner } = request;
  if (Principal === undefined && NotPrincipal === undefined) return true;
  const self = user === "" ? [account, `arn:aws:iam::${account}:root`] : [`arn:aws:iam::${account}:user/${user}`];
  const ofAccount = [account, `arn:aws:iam::${account}:root`];
  if (NotPrincipal !== undefined) {
    const spared = NotPrincipal === "*" ? ["*"] : many(NotPrincipal.AWS);
    return !spared.some((name) => name === "*" || self.includes(name));
  }
  const named = Principal === "*" || Principal === undefined ? ["*"] : many(Principal.AWS);
  // An account as principal stands for all within it; an Allow from the owner to itself only hands on to its own policies.
  const isDelegation = Effect === "Allow" && account === owner;
  return named.some((name) => name === "*" || self.includes(name) || (ofAccount.includes(name) && !isDelegation));
}
