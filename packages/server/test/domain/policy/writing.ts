import { type Policy, parseIdentityPolicy, parseVaultPolicy } from "../../../src/domain/policy/parse.ts";
import { vault } from "./asking.ts";

type Members = Record<string, unknown>;

/** A user's policy of one statement: it allows everything, but for the fields given. */
export const identityPolicy = (...statements: readonly Members[]): Policy =>
  parseIdentityPolicy(document(statements.map((members) => statement({ Resource: "*" }, members))));

/** The vault's policy of one statement: it allows everyone everything, but for the fields given. */
export const vaultPolicy = (...statements: readonly Members[]): Policy =>
  parseVaultPolicy(
    document(statements.map((members) => statement({ Principal: "*", Resource: vault }, members))),
    vault,
  );

export const document = (statements: unknown, rest: Members = { Version: "2012-10-17" }): string =>
  JSON.stringify({ ...rest, Statement: statements });

/** Fields that are undefined are left out, and `Not…` stands in the place of its twin. */
export function statement(defaults: Members, members: Members): Members {
  const all: Members = { Effect: "Allow", Action: "*", ...defaults, ...members };
  for (const name of Object.keys(members)) {
    if (name.startsWith("Not")) delete all[name.slice(3)];
  }
  return all;
}
