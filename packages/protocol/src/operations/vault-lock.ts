import type { EmptyOutput, Operation, VaultInput } from "./operation.ts";

// biome-ignore format: one line per operation reads as a table.
export const vaultLockOperations = {
  InitiateVaultLock: { method: "POST",   path: "/{accountId}/vaults/{vaultName}/lock-policy",          status: 201, request: "json", requestPayload: "policy", response: "none", account: "own", vault: "exists", resource: "vault", policies: "identity", responseHeaders: { lockId: "x-amz-lock-id" } },
  CompleteVaultLock: { method: "POST",   path: "/{accountId}/vaults/{vaultName}/lock-policy/{lockId}", status: 204, request: "none", response: "none", account: "own", vault: "exists", resource: "vault", policies: "identity" },
  AbortVaultLock:    { method: "DELETE", path: "/{accountId}/vaults/{vaultName}/lock-policy",          status: 204, request: "none", response: "none", account: "own", vault: "exists", resource: "vault", policies: "identity" },
  GetVaultLock:      { method: "GET",    path: "/{accountId}/vaults/{vaultName}/lock-policy",          status: 200, request: "none", response: "json", account: "owner", vault: "exists", resource: "vault", policies: "all" },
} as const satisfies Record<string, Operation>;

export interface VaultLockShapes {
  InitiateVaultLock: { input: InitiateVaultLockInput; output: InitiateVaultLockOutput };
  CompleteVaultLock: { input: CompleteVaultLockInput; output: EmptyOutput };
  AbortVaultLock: { input: VaultInput; output: EmptyOutput };
  GetVaultLock: { input: VaultInput; output: GetVaultLockOutput };
}

export interface InitiateVaultLockInput extends VaultInput {
  readonly policy?: VaultLockPolicy | undefined;
}

export interface VaultLockPolicy {
  /** The policy document as text. */
  readonly Policy?: string | undefined;
}

export interface InitiateVaultLockOutput {
  /** The service never tells it again. */
  readonly lockId: string;
}

export interface CompleteVaultLockInput extends VaultInput {
  /** As InitiateVaultLock returned it, at most 24 hours ago. */
  readonly lockId: string;
}

export interface GetVaultLockOutput {
  /** When the lock was initiated. */
  readonly CreationDate: string;
  /** When the lock id expires; null once the lock is complete. */
  readonly ExpirationDate: string | null;
  readonly Policy: string;
  readonly State: VaultLockState;
}

export type VaultLockState = "InProgress" | "Locked";
