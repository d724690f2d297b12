import { errors } from "@moraine/protocol";
import { assertNewVaultPolicy } from "../../domain/policy/new-policy.ts";
import { PolicyError } from "../../domain/policy/parse.ts";
import { readingMilliseconds } from "../../domain/policy/policy-meter.ts";
import { arnOf, type VaultKey } from "../../domain/vaults/vault.ts";
import type { Services } from "../context.ts";

/**
 * The document of an access policy or a lock policy, as it was given. Throws MissingParameterValueException without one,
 * and what `invalid` makes, with the reason as its cause, for a document that is not to be stored.
 */
export async function requirePolicy(
  { policyMeter }: Pick<Services, "policyMeter">,
  document: string | undefined,
  vault: VaultKey,
  invalid: (options: ErrorOptions) => Error,
): Promise<string> {
  if (document === undefined) {
    throw errors.missingParameter("policy");
  }
  await policyMeter.admit(vault.accountId);
  policyMeter.charge(vault.accountId, readingMilliseconds(document.length));
  try {
    assertNewVaultPolicy(document, arnOf(vault));
  } catch (error) {
    throw error instanceof PolicyError ? invalid({ cause: error }) : error;
  }
  return document;
}
