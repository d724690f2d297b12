import { errors, type VaultNotificationEvent } from "@moraine/protocol";
import { assertTopic, type TopicRule } from "./topic.ts";

/** Where a vault announces the ends of jobs, and of which. */
export interface VaultNotifications {
  /** ARN of an SNS topic. Nobody has checked that it exists. */
  readonly topic: string;
  /** At least one, each once, in the order they were given. */
  readonly events: readonly VaultNotificationEvent[];
}

const allEvents: readonly string[] = ["ArchiveRetrievalCompleted", "InventoryRetrievalCompleted"];

/** Throws InvalidParameterValueException for a topic that `assertTopic` refuses, an unknown event, or no events at all. */
export function notificationsOf(topic: string, events: readonly string[], rule: TopicRule): VaultNotifications {
  assertTopic(topic, rule);
  if (events.length === 0) {
    throw errors.invalidParameter("Invalid events: there must be at least one");
  }
  const unknown = events.find((event) => !allEvents.includes(event));
  if (unknown !== undefined) {
    throw errors.invalidParameter(`Invalid event: ${unknown}`);
  }
  return { topic, events: [...new Set(events)] as VaultNotificationEvent[] };
}
