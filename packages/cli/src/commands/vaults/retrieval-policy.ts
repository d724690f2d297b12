import type { OperationOutput } from "@moraine/client";
import { Argument, Command } from "commander";
import { bytesInWords, size } from "../../arguments/sizes.ts";
import type { CommandContext } from "../../context/tools.ts";
import { UsageError } from "../../exit-codes.ts";
import { onOneLine } from "../../terminal/printable.ts";
import { listing } from "../../terminal/table.ts";

type Rule = OperationOutput<"GetDataRetrievalPolicy">["Policy"]["Rules"][number];

const meanings: Readonly<Record<Rule["Strategy"], string>> = {
  None: "no limit; every retrieval is accepted and charged",
  FreeTier: "Standard retrievals beyond the free allowance are refused",
  BytesPerHour: "Standard retrievals beyond these bytes an hour are refused",
};

/** Shows and sets the limit of the account's Standard retrievals. */
export function retrievalPolicyCommand(tools: CommandContext): Command {
  const policy = new Command("retrieval-policy").description(
    "The account's limit for retrievals, a guard against surprise bills: get, set",
  );
  addGet(policy, tools);
  addSet(policy, tools);
  return policy;
}

function addGet(policy: Command, { client, printResult, signal }: CommandContext): void {
  policy
    .command("get")
    .description("Show the data retrieval policy")
    .addHelpText(
      "after",
      `
With --quiet, printed as "set" takes it.

Example:
  moraine retrieval-policy get`,
    )
    .action(async () => {
      const answer = await (await client()).getDataRetrievalPolicy({}, { signal });
      printResult(
        answer,
        () => answer.Policy.Rules.map(inWords).join("\n"),
        () =>
          answer.Policy.Rules.map(({ Strategy, BytesPerHour }) =>
            onOneLine(`${Strategy} ${BytesPerHour ?? ""}`.trim()),
          ).join("\n"),
      );
    });
}

function addSet(policy: Command, { client, printMessage, reportIfDryRun, signal }: CommandContext): void {
  policy
    .command("set")
    .description("Set the data retrieval policy")
    .addArgument(new Argument("<strategy>", "which retrievals are accepted").choices(Object.keys(meanings)))
    .argument("[size]", "for BytesPerHour: a number of bytes, e.g. 10GiB", size)
    .addHelpText(
      "after",
      `
${Object.entries(meanings)
  .map(([name, meaning]) => `  ${name}: ${meaning}`)
  .join("\n")}

It applies to jobs started from now on. Expedited and Bulk retrievals, and inventories, are never refused.

Examples:
  moraine retrieval-policy set FreeTier
  moraine retrieval-policy set BytesPerHour 10GiB`,
    )
    .action(async (strategy: Rule["Strategy"], bytesPerHour: number | undefined) => {
      if ((strategy === "BytesPerHour") !== (bytesPerHour !== undefined)) {
        throw new UsageError("BytesPerHour needs a size, like 10GiB; the other strategies take none");
      }
      const rule = { Strategy: strategy, ...(bytesPerHour !== undefined && { BytesPerHour: bytesPerHour }) };
      const what = [strategy, ...(bytesPerHour === undefined ? [] : [bytesInWords(bytesPerHour)])].join(", ");
      if (!reportIfDryRun(`set the data retrieval policy to ${what}`, { Policy: { Rules: [rule] } })) {
        const answer = await (await client()).setDataRetrievalPolicy({ Policy: { Rules: [rule] } }, { signal });
        printMessage(answer, `The data retrieval policy is ${what}: ${meanings[strategy]}.`);
      }
    });
}

/** Describes a rule. AWS's own pages show the bytes of the other strategies as null, or leave them out. */
function inWords({ Strategy, BytesPerHour }: Rule): string {
  return listing({
    strategy: Strategy,
    ...(BytesPerHour && { "bytes per hour": `${BytesPerHour} (${bytesInWords(Number(BytesPerHour))})` }),
    meaning: meanings[Strategy],
  });
}
