import {
  type AdminOperation,
  type AdminPageInput,
  type AdminPageOutput,
  type NoOutput,
  pageQuery,
} from "./admin-operation.ts";

// biome-ignore format: one line per operation reads as a table.
export const notificationOperations = {
  ListNotifications: { method: "GET",  path: "/admin/notifications",                   status: 200, scope: "account", resource: "any", request: "none", response: "json", query: ["state", ...pageQuery] },
  RetryNotification: { method: "POST", path: "/admin/notifications/{messageId}/retry", status: 204, scope: "account", resource: "any", request: "none", response: "none" },
} as const satisfies Record<string, AdminOperation>;

export interface NotificationShapes {
  /** The messages about ended jobs that have not arrived, oldest first. */
  ListNotifications: { input: ListNotificationsInput; output: ListNotificationsOutput };
  /** Sends a message now, with three days before it, whether it had failed or was waiting. */
  RetryNotification: { input: { readonly messageId: string }; output: NoOutput };
}

export const notificationStates = ["Pending", "Failed"] as const;
export type NotificationStateName = (typeof notificationStates)[number];

export interface ListNotificationsInput extends AdminPageInput {
  /** As sent, so it may be no state's name. @default both */
  readonly state?: string | undefined;
}

export interface NotificationDescription {
  /** By which receivers tell repeated messages. */
  readonly MessageId: string;
  readonly State: NotificationStateName;
  readonly TopicArn: string;
  readonly JobId: string;
  readonly VaultARN: string;
  /** When the job ended. */
  readonly CreationDate: string;
  readonly Attempts: number;
  /** Null when it has failed. */
  readonly NextAttemptDate: string | null;
  /** Null while it is pending. */
  readonly FailureDate: string | null;
  /** Why the last attempt did not succeed; null before it. */
  readonly Reason: string | null;
}

export interface ListNotificationsOutput extends AdminPageOutput {
  readonly Notifications: readonly NotificationDescription[];
}
