import { errors } from "@moraine/protocol";
import { PolicyError, parseVaultPolicy } from "../domain/policy/parse.ts";
import { arnOf, type VaultKey } from "../domain/vault.ts";

/**
 * The document of an access policy or a lock policy, as it was given. Throws MissingParameterValueException without one,
 * and what `invalid` makes, with the reason as its cause, for a document that is not fully understood.
 */
export function requirePolicy(
  document: string | undefined,
  vault: VaultKey,
  invalid: (options: ErrorOptions) => Error,
): string {
  if (document === undefined) {
    throw errors.missingParameter("policy");
  }
  try {
    parseVaultPolicy(document, arnOf(vault));
  } catch (error) {
    throw error instanceof PolicyError ? invalid({ cause: error }) : error;
  }
  return document;
}
