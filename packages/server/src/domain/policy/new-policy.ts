import { assertVisible } from "./characters.ts";
import { assertAffordable } from "./cost.ts";
import { parseIdentityPolicy, parseVaultPolicy } from "./parse.ts";

/**
 * Throws PolicyError for the policy of a user that is not to be stored: in addition to what is not fully understood, one that costs
 * too much to evaluate or has invisible characters. Policies that were stored before such were refused stay in force.
 */
export function assertNewIdentityPolicy(text: string): void {
  const policy = parseIdentityPolicy(text);
  assertVisible(JSON.parse(text));
  assertAffordable(policy, Buffer.byteLength(text));
}

/** As above, for a vault access policy or a vault lock policy. */
export function assertNewVaultPolicy(text: string, vaultArn: string): void {
  const policy = parseVaultPolicy(text, vaultArn);
  assertVisible(JSON.parse(text));
  assertAffordable(policy, Buffer.byteLength(text));
}
