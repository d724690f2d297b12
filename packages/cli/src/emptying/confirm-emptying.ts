import type { GlacierClient } from "@moraine/client";
import { serviceFacts } from "../context/service-facts.ts";
import type { CommandContext } from "../context/tools.ts";
import { type EmptyingFacts, lossWarnings, surveyText } from "./survey-text.ts";

/** Shows what is to be deleted. Resolves to false when nothing may be: with `--dry-run`, or when nobody can be asked. */
export async function isConfirmed(
  tools: CommandContext,
  facts: EmptyingFacts,
  { client, yes }: { readonly client: GlacierClient; readonly yes: boolean },
): Promise<boolean> {
  const { dryRun = false, json = false, quiet = false } = tools.options();
  if (yes && !dryRun) {
    for (const warning of json || quiet ? [] : lossWarnings(facts)) {
      tools.stderr.write(`moraine: ${warning}\n`);
    }
    return true;
  }
  const text = surveyText(facts);
  if (dryRun || !isOnTerminal(tools)) {
    const hint = dryRun ? "" : "\nTo delete, run this on a terminal, or add --yes.";
    tools.printResult({ dryRun: true, ...facts }, () => `${text}\nNothing was deleted.${hint}`);
    return false;
  }
  await tools.confirm(facts.vault, async () => {
    const service = await serviceFacts({ client, signal: tools.signal }, facts.vault);
    return `${service}\n${text}`;
  });
  return true;
}

function isOnTerminal({ stdin, stderr }: CommandContext): boolean {
  const input = stdin();
  if (input.isTTY && stderr.isTTY) {
    return true;
  }
  // It would keep the process.
  input.destroy();
  return false;
}
