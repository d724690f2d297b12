import { adminErrors, errors, formatMilliseconds, type NotificationDescription } from "@moraine/protocol";
import type { NotificationState } from "../domain/notifications/notification.ts";
import type { NotificationStatus } from "../domain/stores/notification-store.ts";
import type { Instant } from "../domain/time/instant.ts";
import type { AdminHandler } from "./context.ts";
import { pageOf } from "./list-page.ts";

export const listNotifications: AdminHandler<"ListNotifications"> = async ({ metadata }, input, { accountId }) => {
  const state = stateOf(input.state);
  const { rows, marker } = await pageOf(
    input,
    ({ createdAt, id }: NotificationStatus) => `${createdAt} ${id}`,
    (after, limit) => metadata.listNotifications({ accountId, state, after: placeOf(after), limit }),
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

function placeOf(after: string | null): { createdAt: Instant; id: string } | null {
  if (after === null) {
    return null;
  }
  const [, time, id] = /^([0-9]{1,15}) ([0-9a-f-]{36})$/.exec(after) ?? [];
  if (time === undefined || id === undefined) {
    throw errors.invalidMarker(after);
  }
  return { createdAt: Number(time), id };
}

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
