import { parseIdentityAction, parseVaultAction } from "./actions.ts";
import { type ArnPattern, couldMatchArn, couldNameService, isWholly, parseResourcePattern } from "./arn-patterns.ts";
import { parseConditions } from "./conditions/conditions.ts";
import { assertMembers, objectOf, textOf, textsOf } from "./documents.ts";
import type { Clause, Effect, Statement } from "./model.ts";
import { PolicyError } from "./policy-error.ts";
import { type PrincipalClause, parsePrincipals } from "./principals.ts";
import type { DocumentScope } from "./templates.ts";

export interface StatementScope extends DocumentScope {
  /** The vault that the policy is set on; null for an identity policy. */
  readonly vaultArn: string | null;
}

const members = [
  "Sid",
  "Effect",
  "Principal",
  "NotPrincipal",
  "Action",
  "NotAction",
  "Resource",
  "NotResource",
  "Condition",
] as const;

/** Throws PolicyError for whatever could mean something else to its writer than to us. */
export function parseStatement(value: unknown, scope: StatementScope): Statement {
  const statement = objectOf(value, "a statement");
  assertMembers(statement, members, "a statement");
  const effect = parseEffect(statement["Effect"]);
  const resources = parseClause(statement, "Resource", (text) => parseResource(text, scope));
  assertResources(resources, scope);
  return {
    sid: Object.hasOwn(statement, "Sid") ? textOf(statement["Sid"], "Sid") : null,
    effect,
    principals: parsePrincipalClause(statement, effect, scope),
    actions: parseClause(statement, "Action", (text) =>
      scope.vaultArn === null ? parseIdentityAction(text) : parseVaultAction(text, effect),
    ),
    resources,
    conditions: Object.hasOwn(statement, "Condition") ? parseConditions(statement["Condition"], scope) : [],
  };
}

function parseEffect(value: unknown): Effect {
  if (value !== "Allow" && value !== "Deny") {
    throw new PolicyError("Effect must be Allow or Deny");
  }
  return value;
}

/** `Action` or `NotAction`, `Resource` or `NotResource`: one of the two. */
function parseClause<Named>(
  statement: Record<string, unknown>,
  name: string,
  parse: (text: string) => Named,
): Clause<Named> {
  const negated = isNegated(statement, name);
  const member = negated ? `Not${name}` : name;
  return { negated, patterns: textsOf(statement[member], member).map(parse) };
}

function isNegated(statement: Record<string, unknown>, name: string): boolean {
  const [plain, negated] = [Object.hasOwn(statement, name), Object.hasOwn(statement, `Not${name}`)];
  if (plain === negated) {
    throw new PolicyError(`a statement needs either ${name} or Not${name}`);
  }
  return negated;
}

function parsePrincipalClause(
  statement: Record<string, unknown>,
  effect: Effect,
  { vaultArn }: StatementScope,
): PrincipalClause | null {
  if (vaultArn === null) {
    if (Object.hasOwn(statement, "Principal") || Object.hasOwn(statement, "NotPrincipal")) {
      throw new PolicyError("an identity policy names no principal");
    }
    return null;
  }
  const negated = isNegated(statement, "Principal");
  if (negated && effect === "Allow") {
    // It would let in everyone in the world who is not named.
    throw new PolicyError("NotPrincipal cannot be used with Allow");
  }
  const clause = parsePrincipals(statement[negated ? "NotPrincipal" : "Principal"], negated);
  if (negated && clause.names.some(({ kind }) => kind === "everyone")) {
    throw new PolicyError("NotPrincipal names everyone: the statement would never apply");
  }
  return clause;
}

function parseResource(text: string, scope: StatementScope): ArnPattern {
  const pattern = parseResourcePattern(text, scope);
  if (!couldNameService(pattern, ["glacier", "iam"])) {
    throw new PolicyError(`no such resource here: ${text}`);
  }
  return pattern;
}

/** A vault's policy is about that vault: a resource that cannot be its ARN is a mistake (docs/wire.md#policies). */
function assertResources({ negated, patterns }: Clause<ArnPattern>, { vaultArn }: StatementScope): void {
  if (vaultArn === null) {
    return;
  }
  if (
    negated
      ? patterns.some((pattern) => isWholly(pattern, vaultArn))
      : !patterns.every((pattern) => couldMatchArn(pattern, vaultArn))
  ) {
    throw new PolicyError(`${negated ? "NotResource names" : "Resource does not name"} the vault ${vaultArn}`);
  }
}
