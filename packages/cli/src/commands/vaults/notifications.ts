import type { VaultNotificationEvent } from "@moraine/protocol";
import { Command, InvalidArgumentError, Option } from "commander";
import type { CommandContext } from "../../context/tools.ts";
import { listing } from "../../terminal/table.ts";

/** All events that the service has. */
const allEvents: readonly VaultNotificationEvent[] = ["ArchiveRetrievalCompleted", "InventoryRetrievalCompleted"];

/** Shows, sets and deletes the topic that is notified when jobs on a vault have ended. */
export function notificationsCommand(tools: CommandContext): Command {
  const notifications = new Command("notifications").description(
    "The topic that is notified when jobs on a vault have ended: get, set, delete",
  );
  addGet(notifications, tools);
  addSet(notifications, tools);
  addDelete(notifications, tools);
  return notifications;
}

function addGet(notifications: Command, { client, printResult, signal }: CommandContext): void {
  notifications
    .command("get")
    .description("Show the topic, and the jobs it is notified of")
    .argument("<vault>")
    .addHelpText("after", "\nExample:\n  moraine notifications get photos")
    .action(async (vaultName: string) => {
      const answer = await (await client()).getVaultNotifications({ vaultName }, { signal });
      const { SNSTopic, Events } = answer.vaultNotificationConfig;
      printResult(answer, () => listing({ topic: SNSTopic, events: Events.join(", ") }));
    });
}

function addSet(notifications: Command, { client, printMessage, reportIfDryRun, signal }: CommandContext): void {
  notifications
    .command("set")
    .description("Set the topic, replacing the previous one")
    .argument("<vault>")
    .argument("<topic>", "ARN of an SNS topic; the operator of a Moraine server maps it to an endpoint")
    .addOption(
      new Option("--event <event>", "notify only of these jobs; may be repeated (default: both)")
        .choices(allEvents)
        .argParser(addEvent),
    )
    .addHelpText(
      "after",
      `
Examples:
  moraine notifications set photos arn:aws:sns:us-east-1:123456789012:jobs
  moraine notifications set photos arn:aws:sns:us-east-1:123456789012:jobs --event InventoryRetrievalCompleted`,
    )
    .action(
      async (
        vaultName: string,
        topic: string,
        { event: events = allEvents }: { event?: readonly VaultNotificationEvent[] },
      ) => {
        const vaultNotificationConfig = { SNSTopic: topic, Events: events };
        const what = `set the topic of vault ${vaultName} to ${topic}, notified of ${events.join(" and ")}`;
        if (!reportIfDryRun(what, { vaultName, vaultNotificationConfig })) {
          const answer = await (await client()).setVaultNotifications(
            { vaultName, vaultNotificationConfig },
            { signal },
          );
          printMessage(answer, `Vault ${vaultName} notifies ${topic} of ${events.join(" and ")}.`);
        }
      },
    );
}

function addDelete(notifications: Command, { client, printMessage, reportIfDryRun, signal }: CommandContext): void {
  notifications
    .command("delete")
    .description("Remove the notification configuration, if any")
    .argument("<vault>")
    .addHelpText("after", "\nExample:\n  moraine notifications delete photos")
    .action(async (vaultName: string) => {
      if (!reportIfDryRun(`delete the topic of vault ${vaultName}`)) {
        const answer = await (await client()).deleteVaultNotifications({ vaultName }, { signal });
        printMessage(answer, `Vault ${vaultName} has no topic.`);
      }
    });
}

function addEvent(given: string, before: readonly VaultNotificationEvent[] = []): readonly VaultNotificationEvent[] {
  const event = allEvents.find((one) => one === given);
  if (event === undefined) {
    throw new InvalidArgumentError(`Allowed choices are ${allEvents.join(", ")}.`);
  }
  return [...new Set([...before, event])];
}
