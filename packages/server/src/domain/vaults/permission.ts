import type { Vault, VaultKey } from "./vault.ts";

/** The row of a vault that allowed a change. The change holds only while the row has this version. */
export interface PermittedVault {
  readonly vaultId: string;
  /** Named in the error when the vault is gone. */
  readonly vault: VaultKey;
  readonly accessVersion: number;
}

export function permittedBy({ id, accountId, region, vaultName, accessVersion }: Vault): PermittedVault {
  return { vaultId: id, vault: { accountId, region, vaultName }, accessVersion };
}

/**
 * Error thrown when a vault's row has another version than the one that allowed a change. Nothing was changed: the caller has to be
 * authorized again.
 */
export class VaultChangedError extends Error {
  override readonly name = "VaultChangedError";

  constructor() {
    super("The vault has changed since the request was authorized");
  }
}

/** Throws VaultChangedError unless the vault has the version that allowed the change; null is a vault that does not exist. */
export function assertVersion(vault: Pick<Vault, "accessVersion">, expectedVersion: number | null): void {
  if (vault.accessVersion !== expectedVersion) {
    throw new VaultChangedError();
  }
}
