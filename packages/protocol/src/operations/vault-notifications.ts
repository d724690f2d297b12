import type { Operation } from "./operation.ts";

// biome-ignore format: one line per operation reads as a table.
export const vaultNotificationOperations = {
  SetVaultNotifications:    { method: "PUT",    path: "/{accountId}/vaults/{vaultName}/notification-configuration", status: 204, request: "json", response: "none", account: "owner" },
  GetVaultNotifications:    { method: "GET",    path: "/{accountId}/vaults/{vaultName}/notification-configuration", status: 200, request: "none", response: "json", account: "owner" },
  DeleteVaultNotifications: { method: "DELETE", path: "/{accountId}/vaults/{vaultName}/notification-configuration", status: 204, request: "none", response: "none", account: "owner" },
} as const satisfies Record<string, Operation>;
