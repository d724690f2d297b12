import { adminErrors, errors, formatMilliseconds, type NotificationDescription } from "@moraine/protocol";
import type { NotificationState } from "../domain/notifications/notification.ts";
import type { NotificationStatus } from "../domain/stores/notification-store.ts";
import type { AdminHandler } from "./context.ts";
import { adminPage, byCreation } from "./list-page.ts";

export const listNotifications: AdminHandler<"ListNotifications"> = async ({ metadata }, input, { accountId }) => {
  const state = stateOf(input.state);
  const { rows, marker } = await adminPage(input, messages, (after, limit) =>
    metadata.listNotifications({ accountId, state, after, limit }),
  );
  return { Notifications: rows.map(describe), Marker: marker };
};

export const retryNotification: AdminHandler<"RetryNotification"> = async (
  { metadata, clock, wakeDelivery },
  { messageId },
  { accountId },
) => {
  if (!(await metadata.retryNotification({ accountId, id: messageId, now: clock.now() }))) {
    throw adminErrors.notificationNotFound(messageId);
  }
  wakeDelivery();
  return {};
};

const stateNames = { pending: "Pending", failed: "Failed" } as const;

function stateOf(name: string | undefined): NotificationState | null {
  switch (name) {
    case undefined:
      return null;
    case "Pending":
      return "pending";
    case "Failed":
      return "failed";
    default:
      throw errors.invalidParameter(`Invalid state: ${name}. It must be Pending or Failed`);
  }
}

const messages = byCreation(({ id }: NotificationStatus) => id, /[0-9a-f-]{36}/);

function describe(status: NotificationStatus): NotificationDescription {
  return {
    MessageId: status.id,
    State: stateNames[status.state],
    TopicArn: status.topic,
    JobId: status.jobId,
    VaultARN: status.vaultArn,
    CreationDate: formatMilliseconds(new Date(status.createdAt)),
    Attempts: status.attempts,
    NextAttemptDate: status.failedAt === null ? formatMilliseconds(new Date(status.dueAt)) : null,
    FailureDate: status.failedAt === null ? null : formatMilliseconds(new Date(status.failedAt)),
    Reason: status.lastError,
  };
}
