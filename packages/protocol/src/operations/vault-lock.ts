import type { Operation } from "./operation.ts";

// biome-ignore format: one line per operation reads as a table.
export const vaultLockOperations = {
  InitiateVaultLock: { method: "POST",   path: "/{accountId}/vaults/{vaultName}/lock-policy",          status: 201, request: "json", response: "none", account: "own", responseHeaders: { lockId: "x-amz-lock-id" } },
  CompleteVaultLock: { method: "POST",   path: "/{accountId}/vaults/{vaultName}/lock-policy/{lockId}", status: 204, request: "none", response: "none", account: "own" },
  AbortVaultLock:    { method: "DELETE", path: "/{accountId}/vaults/{vaultName}/lock-policy",          status: 204, request: "none", response: "none", account: "own" },
  GetVaultLock:      { method: "GET",    path: "/{accountId}/vaults/{vaultName}/lock-policy",          status: 200, request: "none", response: "json", account: "owner" },
} as const satisfies Record<string, Operation>;
