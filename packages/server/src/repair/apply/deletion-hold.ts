import { arnOf, type VaultKey } from "../../domain/vaults/vault.ts";

/**
 * An access policy that denies every deletion. The lock of a rebuilt vault is unknown, so nothing in it may be deleted until
 * somebody who knows has looked: removing the policy is the acknowledgement, and is in the audit trail.
 */
export function deletionHold(key: VaultKey): string {
  return JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "rebuilt-by-moraine-repair",
        Effect: "Deny",
        Principal: "*",
        Action: ["glacier:DeleteArchive", "glacier:DeleteVault"],
        Resource: arnOf(key),
      },
    ],
  });
}
