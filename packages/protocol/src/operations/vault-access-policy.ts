import type { Operation } from "./operation.ts";

// biome-ignore format: one line per operation reads as a table.
export const vaultAccessPolicyOperations = {
  SetVaultAccessPolicy:    { method: "PUT",    path: "/{accountId}/vaults/{vaultName}/access-policy", status: 204, request: "json", response: "none", account: "owner" },
  GetVaultAccessPolicy:    { method: "GET",    path: "/{accountId}/vaults/{vaultName}/access-policy", status: 200, request: "none", response: "json", account: "owner" },
  DeleteVaultAccessPolicy: { method: "DELETE", path: "/{accountId}/vaults/{vaultName}/access-policy", status: 204, request: "none", response: "none", account: "owner" },
} as const satisfies Record<string, Operation>;
