import { Command } from "commander";
import { checkedId } from "../../arguments/ids.ts";
import { serviceFacts } from "../../context/service-facts.ts";
import type { CommandContext } from "../../context/tools.ts";
import { addYesOption, type YesOption } from "../../terminal/confirm.ts";
import { table } from "../../terminal/table.ts";
import { sentOnce } from "../../transfers/sent-once.ts";

/** Capacity that is kept free for the account's Expedited retrievals. */
export function capacityCommand(tools: CommandContext): Command {
  const capacity = new Command("capacity").description(
    "Provisioned capacity, which guarantees Expedited retrievals: list, purchase",
  );
  addList(capacity, tools);
  addPurchase(capacity, tools);
  return capacity;
}

const columns = { CAPACITY: "CapacityId", START: "StartDate", EXPIRES: "ExpirationDate" } as const;

function addList(capacity: Command, { client, printResult, signal }: CommandContext): void {
  capacity
    .command("list")
    .description("List the units that have been purchased")
    .addHelpText("after", "\nWith --quiet, only ids.\n\nExample:\n  moraine capacity list")
    .action(async () => {
      const answer = await (await client()).listProvisionedCapacity({}, { signal });
      const units = answer.ProvisionedCapacityList;
      printResult(
        answer,
        () => table(columns, units),
        () => units.map(({ CapacityId }) => checkedId(CapacityId)).join("\n"),
      );
    });
}

const what = "purchase one unit of provisioned capacity, for a month from now";
const price = "AWS charges its price at once, whether the unit is used or not; a purchase cannot be taken back.";

function addPurchase(
  capacity: Command,
  { client, confirm, printResult, keep, reportIfDryRun, signal }: CommandContext,
): void {
  const command = capacity.command("purchase").description("Purchase one unit, for a month; it costs money at AWS");
  addYesOption(command)
    .addHelpText(
      "after",
      `
${price} A Moraine server charges nothing.
Asks for confirmation on the terminal; without one, --yes is required. With --quiet, prints only the unit's id.

Examples:
  moraine capacity purchase --dry-run
  moraine capacity purchase`,
    )
    .action(async ({ yes }: YesOption) => {
      if (reportIfDryRun(what, { cost: price })) {
        return;
      }
      const glacier = await client({ attemptsMax: 1 });
      if (!yes) {
        await confirm("purchase", async () => {
          const facts = await serviceFacts({ client: glacier, signal }, null);
          return `${facts}\n\nThis would ${what}. ${price}`;
        });
      }
      // Neither retried nor aborted: a unit could be bought twice, or unnoticed.
      const request = glacier.purchaseProvisionedCapacity({});
      const answer = await sentOnce(request, "see moraine capacity list");
      keep(`The unit was purchased. Its id is ${answer.capacityId}`);
      printResult(
        answer,
        () => `Purchased a unit of provisioned capacity, for a month: ${checkedId(answer.capacityId)}`,
        () => checkedId(answer.capacityId),
      );
    });
}
