import type { EmptyOutput, Operation, VaultInput } from "./operation.ts";

// biome-ignore format: one line per operation reads as a table.
export const vaultTagOperations = {
  AddTagsToVault:      { method: "POST", path: "/{accountId}/vaults/{vaultName}/tags", status: 204, request: "json", response: "none", account: "own", vault: "exists", resource: "vault", policies: "all", selector: { operation: "add" } },
  RemoveTagsFromVault: { method: "POST", path: "/{accountId}/vaults/{vaultName}/tags", status: 204, request: "json", response: "none", account: "own", vault: "exists", resource: "vault", policies: "all", selector: { operation: "remove" } },
  ListTagsForVault:    { method: "GET",  path: "/{accountId}/vaults/{vaultName}/tags", status: 200, request: "none", response: "json", account: "own", vault: "exists", resource: "vault", policies: "all" },
} as const satisfies Record<string, Operation>;

export interface VaultTagShapes {
  AddTagsToVault: { input: AddTagsToVaultInput; output: EmptyOutput };
  RemoveTagsFromVault: { input: RemoveTagsFromVaultInput; output: EmptyOutput };
  ListTagsForVault: { input: VaultInput; output: ListTagsForVaultOutput };
}

export interface AddTagsToVaultInput extends VaultInput {
  readonly Tags?: Readonly<Record<string, string>> | undefined;
}

export interface RemoveTagsFromVaultInput extends VaultInput {
  readonly TagKeys?: readonly string[] | undefined;
}

export interface ListTagsForVaultOutput {
  readonly Tags: Readonly<Record<string, string>>;
}
