import { type AccountId, isAccountId } from "@moraine/protocol";
import { assertMembers, objectOf, textsOf } from "./documents.ts";
import { PolicyError } from "./policy-error.ts";

/** The root or the user that sends a request. */
export type Principal =
  | { readonly kind: "root"; readonly accountId: AccountId }
  | { readonly kind: "user"; readonly accountId: AccountId; readonly userName: string };

export function principalArn(principal: Principal, partition = "aws"): string {
  const name = principal.kind === "root" ? "root" : `user/${principal.userName}`;
  return `arn:${partition}:iam::${principal.accountId}:${name}`;
}

/** Principal, or NotPrincipal (`negated`). */
export interface PrincipalClause {
  readonly negated: boolean;
  readonly names: readonly PrincipalName[];
}

type PrincipalName =
  | { readonly kind: "everyone" }
  | { readonly kind: "account"; readonly accountId: AccountId }
  | { readonly kind: "user"; readonly accountId: AccountId; readonly userName: string }
  /** A role: valid in IAM, and never who asks here. */
  | { readonly kind: "nobody" };

/** Parses `"*"` or `{"AWS": …}`: docs/wire.md#policies */
export function parsePrincipals(value: unknown, negated: boolean): PrincipalClause {
  const what = negated ? "NotPrincipal" : "Principal";
  if (value === "*") {
    return { negated, names: [{ kind: "everyone" }] };
  }
  const object = objectOf(value, what);
  assertMembers(object, ["AWS"], what);
  return { negated, names: textsOf(object["AWS"], what).map(principalName) };
}

/** Whether a statement of the resource's account speaks of the principal. */
export function speaksOf(
  { negated, names }: PrincipalClause,
  principal: Principal,
  effect: "Allow" | "Deny",
  owner: AccountId,
): boolean {
  if (negated) {
    return !names.some((name) => name.kind === "everyone" || isExactly(name, principal));
  }
  return names.some((name) => {
    if (name.kind === "account") {
      return name.accountId === principal.accountId && reachesInto(principal, effect, owner);
    }
    return name.kind === "everyone" || isExactly(name, principal);
  });
}

/**
 * An account's name denies to everyone in it. It allows its root, and leaves it to the account which of its users may: another
 * account does so by its identity policies, and within the owner's own they decide alone already.
 */
function reachesInto(principal: Principal, effect: "Allow" | "Deny", owner: AccountId): boolean {
  return effect === "Deny" || principal.kind === "root" || principal.accountId !== owner;
}

function isExactly(name: PrincipalName, principal: Principal): boolean {
  if (name.kind === "user") {
    return principal.kind === "user" && name.accountId === principal.accountId && name.userName === principal.userName;
  }
  return name.kind === "account" && principal.kind === "root" && name.accountId === principal.accountId;
}

const iamArn = /^arn:aws(?:-cn|-us-gov)?:iam::([0-9]{12}):(?:(root)|user\/([\w+=,.@-]+)|role\/[\w+=,.@/-]+)$/;
const sessionArn = /^arn:aws(?:-cn|-us-gov)?:sts::[0-9]{12}:assumed-role\/[\w+=,.@-]+\/[\w+=,.@-]+$/;

function principalName(text: string): PrincipalName {
  if (text === "*") {
    return { kind: "everyone" };
  }
  if (isAccountId(text)) {
    return { kind: "account", accountId: text };
  }
  const [found, accountId = "", root, userName] = iamArn.exec(text) ?? [];
  if (found === undefined && !sessionArn.test(text)) {
    throw new PolicyError(`unknown principal: ${text}`);
  }
  if (root !== undefined) {
    return { kind: "account", accountId: accountId as AccountId };
  }
  return userName === undefined ? { kind: "nobody" } : { kind: "user", accountId: accountId as AccountId, userName };
}
