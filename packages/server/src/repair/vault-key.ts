import type { AccountId } from "@moraine/protocol";
import type { VaultKey } from "../domain/vaults/vault.ts";

/** Null when the text is no ARN of a vault. */
export function vaultKeyOf(arn: string): VaultKey | null {
  const [, region, accountId, vaultName] =
    /^arn:aws:glacier:([a-z0-9-]{1,32}):([0-9]{12}):vaults\/([A-Za-z0-9._-]{1,255})$/.exec(arn) ?? [];
  return region === undefined || accountId === undefined || vaultName === undefined
    ? null
    : { accountId: accountId as AccountId, region, vaultName };
}
