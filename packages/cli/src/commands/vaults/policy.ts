import { Command } from "commander";
import { readPolicy } from "../../arguments/policy-document.ts";
import type { CommandContext } from "../../context/tools.ts";

/** Shows, sets and deletes a vault's access policy, which says who else may use it. */
export function policyCommand(tools: CommandContext): Command {
  const policy = new Command("policy").description("Access policy of a vault: get, set, delete");
  addGet(policy, tools);
  addSet(policy, tools);
  addDelete(policy, tools);
  return policy;
}

function addGet(policy: Command, { client, printResult, signal }: CommandContext): void {
  policy
    .command("get")
    .description("Print the policy exactly as it was set")
    .argument("<vault>")
    .addHelpText("after", "\nExample:\n  moraine policy get photos > policy.json")
    .action(async (vaultName: string) => {
      const answer = await (await client()).getVaultAccessPolicy({ vaultName }, { signal });
      printResult(answer, () => answer.policy.Policy);
    });
}

function addSet(policy: Command, { client, readText, printMessage, reportIfDryRun, signal }: CommandContext): void {
  policy
    .command("set")
    .description("Set the policy, replacing the previous one")
    .argument("<vault>")
    .argument("<file>", "the policy, as JSON; - is standard input")
    .addHelpText(
      "after",
      `
The file must be valid JSON; the service checks the rest. On AWS a change takes effect within minutes.

Examples:
  moraine policy set photos policy.json
  moraine policy get photos | moraine policy set copies -`,
    )
    .action(async (vaultName: string, file: string) => {
      const text = await readPolicy(readText, file);
      const facts = { vaultName, policy: { Policy: text } };
      if (!reportIfDryRun(`set the access policy of vault ${vaultName} to the content of ${file}`, facts)) {
        const answer = await (await client()).setVaultAccessPolicy(facts, { signal });
        printMessage(answer, `The access policy of vault ${vaultName} is set.`);
      }
    });
}

function addDelete(policy: Command, { client, printMessage, reportIfDryRun, signal }: CommandContext): void {
  policy
    .command("delete")
    .description("Delete the policy, if any")
    .argument("<vault>")
    .addHelpText("after", "\nExample:\n  moraine policy delete photos")
    .action(async (vaultName: string) => {
      if (!reportIfDryRun(`delete the access policy of vault ${vaultName}`)) {
        const answer = await (await client()).deleteVaultAccessPolicy({ vaultName }, { signal });
        printMessage(answer, `Vault ${vaultName} has no access policy.`);
      }
    });
}
