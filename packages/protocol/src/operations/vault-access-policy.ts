import type { EmptyOutput, Operation, VaultInput } from "./operation.ts";

// biome-ignore format: one line per operation reads as a table.
export const vaultAccessPolicyOperations = {
  SetVaultAccessPolicy:    { method: "PUT",    path: "/{accountId}/vaults/{vaultName}/access-policy", status: 204, request: "json", requestPayload: "policy", response: "none", account: "owner", vault: "exists", resource: "vault", policies: "all" },
  GetVaultAccessPolicy:    { method: "GET",    path: "/{accountId}/vaults/{vaultName}/access-policy", status: 200, request: "none", response: "json", responsePayload: "policy", account: "owner", vault: "exists", resource: "vault", policies: "all" },
  DeleteVaultAccessPolicy: { method: "DELETE", path: "/{accountId}/vaults/{vaultName}/access-policy", status: 204, request: "none", response: "none", account: "owner", vault: "exists", resource: "vault", policies: "all" },
} as const satisfies Record<string, Operation>;

export interface VaultAccessPolicyShapes {
  SetVaultAccessPolicy: { input: SetVaultAccessPolicyInput; output: EmptyOutput };
  GetVaultAccessPolicy: { input: VaultInput; output: GetVaultAccessPolicyOutput };
  DeleteVaultAccessPolicy: { input: VaultInput; output: EmptyOutput };
}

export interface SetVaultAccessPolicyInput extends VaultInput {
  readonly policy?: Partial<VaultAccessPolicy> | undefined;
}

export interface GetVaultAccessPolicyOutput {
  readonly policy: VaultAccessPolicy;
}

export interface VaultAccessPolicy {
  /** The policy document as text, which comes back as it was given. */
  readonly Policy: string;
}
