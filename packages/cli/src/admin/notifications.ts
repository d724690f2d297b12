import { type NotificationStateName, notificationStates } from "@moraine/protocol";
import { Command, Option } from "commander";
import { everyPage } from "../context/every-page.ts";
import type { AdminContext } from "../context/tools.ts";
import { table } from "../terminal/table.ts";

/** Lists and retries messages; `list` is the default, since it is used most. */
export function notificationCommands({ call, printResult }: AdminContext): Command {
  const notifications = new Command("notifications").description(
    "Messages about ended jobs that have not been delivered",
  );
  notifications
    .command("list", { isDefault: true })
    .description("Show pending and failed messages, and why they failed")
    .addOption(new Option("--state <state>", "only messages in this state (default: both)").choices(notificationStates))
    .addHelpText("after", "\nExample:\n  moraine admin notifications list --state Failed")
    .action(async ({ state }: { state?: NotificationStateName }) => {
      const pages = await everyPage((page) => call("ListNotifications", { ...page, ...(state && { state }) }));
      const all = pages.flatMap(({ Notifications }) => Notifications);
      printResult(all, () => table(columns, all));
    });
  notifications
    .command("retry")
    .description("Send a message again, now and for three days if necessary")
    .argument("<message>", "its id")
    .addHelpText("after", "\nExample:\n  moraine admin notifications retry 11111111-2222-4333-8444-555555555555")
    .action(async (messageId: string) => {
      await call("RetryNotification", { messageId });
      printResult({}, () => `Message ${messageId} is sent again.`);
    });
  return notifications;
}

const columns = {
  MESSAGE: "MessageId",
  STATE: "State",
  ATTEMPTS: "Attempts",
  NEXT: "NextAttemptDate",
  TOPIC: "TopicArn",
  REASON: "Reason",
} as const;
