import type { Operation } from "./operation.ts";

// biome-ignore format: one line per operation reads as a table.
export const vaultTagOperations = {
  AddTagsToVault:      { method: "POST", path: "/{accountId}/vaults/{vaultName}/tags", status: 204, request: "json", response: "none", account: "own", selector: { operation: "add" } },
  RemoveTagsFromVault: { method: "POST", path: "/{accountId}/vaults/{vaultName}/tags", status: 204, request: "json", response: "none", account: "own", selector: { operation: "remove" } },
  ListTagsForVault:    { method: "GET",  path: "/{accountId}/vaults/{vaultName}/tags", status: 200, request: "none", response: "json", account: "own" },
} as const satisfies Record<string, Operation>;
