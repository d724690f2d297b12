import { adminOperations, type OperationName, operations } from "@moraine/protocol";
import { matches, type Pattern, withWildcards } from "./patterns.ts";
import { PolicyError } from "./policy-error.ts";

/** Throws PolicyError for a pattern that no action of Glacier or of the admin API could match. */
export function parseIdentityAction(text: string): Pattern {
  return parseAction(text, allActions);
}

/**
 * Throws PolicyError for a pattern that no action of Glacier could match, and for a Deny of what a vault's policies have no
 * say in: it would promise what it cannot keep.
 */
export function parseVaultAction(text: string, effect: "Allow" | "Deny"): Pattern {
  return parseAction(text, effect === "Deny" ? vaultActions : glacierActions);
}

function parseAction(text: string, known: readonly string[]): Pattern {
  const pattern = withWildcards(text.toLowerCase());
  if (!known.some((action) => matches(pattern, action))) {
    throw new PolicyError(`no such action here: ${text}`);
  }
  return pattern;
}

const actionsOf = (service: string, names: readonly string[]): readonly string[] =>
  names.map((name) => `${service}:${name}`.toLowerCase());
const names = Object.keys(operations) as OperationName[];
const glacierActions = actionsOf("glacier", names);
const allActions = [...glacierActions, ...actionsOf("moraine", Object.keys(adminOperations))];
const vaultActions = actionsOf(
  "glacier",
  names.filter((name) => operations[name].policies === "all"),
);
