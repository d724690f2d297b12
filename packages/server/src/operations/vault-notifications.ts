import { errors } from "@moraine/protocol";
import { notificationsOf } from "../domain/notifications/vault-notifications.ts";
import { permittedBy } from "../domain/vaults/permission.ts";
import type { VaultHandler } from "./context.ts";

/** Replaces the previous configuration: docs/wire.md#notifications */
export const setVaultNotifications: VaultHandler<"SetVaultNotifications"> = async (
  { metadata, sharedTopicAccounts: sharedAccounts },
  { vaultNotificationConfig },
  { key, permitted },
) => {
  const { SNSTopic: topic, Events: events } = vaultNotificationConfig ?? {};
  if (topic === undefined) {
    throw errors.missingParameter("snsTopic");
  }
  if (events === undefined) {
    throw errors.missingParameter("events");
  }
  const notifications = notificationsOf(topic, events, { ownerId: key.accountId, sharedAccounts });
  await permitted((vault) => metadata.setNotifications({ ...permittedBy(vault), notifications }));
  return {};
};

export const getVaultNotifications: VaultHandler<"GetVaultNotifications"> = async (_services, _input, { vault }) => {
  if (vault.notifications === null) {
    throw errors.notificationsNotFound(vault.vaultName);
  }
  const { topic, events } = vault.notifications;
  return { vaultNotificationConfig: { Events: events, SNSTopic: topic } };
};

/** Deleting what is not set succeeds. */
export const deleteVaultNotifications: VaultHandler<"DeleteVaultNotifications"> = async (
  { metadata },
  _input,
  { permitted },
) => {
  await permitted((vault) => metadata.setNotifications({ ...permittedBy(vault), notifications: null }));
  return {};
};
