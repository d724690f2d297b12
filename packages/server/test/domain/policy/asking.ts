import type { AccountId } from "@moraine/protocol";
import { type Decision, evaluate, type Principal } from "../../../src/domain/policy/evaluate.ts";
import type { Policy } from "../../../src/domain/policy/parse.ts";

export const owner = "123456789012";
export const stranger = "210987654321";
export const vault = `arn:aws:glacier:us-west-2:${owner}:vaults/photos`;

export const root = (accountId: string): Principal => ({ kind: "root", accountId: accountId as AccountId });
export const user = (accountId: string, userName: string): Principal => ({
  kind: "user",
  accountId: accountId as AccountId,
  userName,
});

/** Asks as the owner's root to describe the vault, unless the options say otherwise. */
export function asked(question: {
  identity?: readonly Policy[];
  resource?: readonly Policy[];
  principal?: Principal;
  action?: string;
  on?: string;
  context?: Record<string, string | readonly string[]>;
}): Decision {
  const named = (policies: readonly Policy[] = []) =>
    policies.map((policy, index) => ({ name: `policy-${index}`, policy }));
  const context = Object.entries(question.context ?? {}).map(
    ([key, value]) => [key, typeof value === "string" ? [value] : value] as const,
  );
  return evaluate(
    { identity: named(question.identity), resource: named(question.resource) },
    {
      principal: question.principal ?? root(owner),
      action: question.action ?? "glacier:DescribeVault",
      resource: question.on ?? vault,
      resourceAccountId: owner as AccountId,
      context: new Map(context),
    },
  );
}
