import type { EmptyOutput, Operation, VaultInput } from "./operation.ts";

// biome-ignore format: one line per operation reads as a table.
export const vaultNotificationOperations = {
  SetVaultNotifications:    { method: "PUT",    path: "/{accountId}/vaults/{vaultName}/notification-configuration", status: 204, request: "json", requestPayload: "vaultNotificationConfig", response: "none", account: "owner", vault: "exists", resource: "vault", policies: "all" },
  GetVaultNotifications:    { method: "GET",    path: "/{accountId}/vaults/{vaultName}/notification-configuration", status: 200, request: "none", response: "json", responsePayload: "vaultNotificationConfig", account: "owner", vault: "exists", resource: "vault", policies: "all" },
  DeleteVaultNotifications: { method: "DELETE", path: "/{accountId}/vaults/{vaultName}/notification-configuration", status: 204, request: "none", response: "none", account: "owner", vault: "exists", resource: "vault", policies: "all" },
} as const satisfies Record<string, Operation>;

export interface VaultNotificationShapes {
  SetVaultNotifications: { input: SetVaultNotificationsInput; output: EmptyOutput };
  GetVaultNotifications: { input: VaultInput; output: GetVaultNotificationsOutput };
  DeleteVaultNotifications: { input: VaultInput; output: EmptyOutput };
}

export interface SetVaultNotificationsInput extends VaultInput {
  /** As the client wrote it; the service says what is legal. */
  readonly vaultNotificationConfig?:
    | { readonly SNSTopic?: string | undefined; readonly Events?: readonly string[] | undefined }
    | undefined;
}

export interface GetVaultNotificationsOutput {
  readonly vaultNotificationConfig: VaultNotificationConfig;
}

export interface VaultNotificationConfig {
  readonly Events: readonly VaultNotificationEvent[];
  /** The topic's ARN. */
  readonly SNSTopic: string;
}

export type VaultNotificationEvent = "ArchiveRetrievalCompleted" | "InventoryRetrievalCompleted";
