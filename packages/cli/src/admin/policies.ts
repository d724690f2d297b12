import { Command } from "commander";
import { readPolicy } from "../arguments/policy-document.ts";
import { everyPage } from "../context/every-page.ts";
import type { AdminContext } from "../context/tools.ts";
import { onOneLine } from "../terminal/printable.ts";

export function policyCommands({ call, printResult, readText }: AdminContext): Command {
  const policies = new Command("policies").description("What users may do");
  policies
    .command("put")
    .description("Attach a policy to a user, or replace it")
    .argument("<user>")
    .argument("<name>", "name of the policy")
    .argument("<file>", "the policy, as JSON; - is standard input")
    .addHelpText("after", "\nExample:\n  moraine admin policies put backup uploads uploads.json")
    .action(async (userName: string, policyName: string, file: string) => {
      await call("PutUserPolicy", { userName, policyName, Policy: await readPolicy(readText, file) });
      printResult({}, () => `Policy ${policyName} is attached to user ${userName}.`);
    });
  policies
    .command("get")
    .description("Print a policy exactly as it was set")
    .argument("<user>")
    .argument("<name>")
    .addHelpText("after", "\nExample:\n  moraine admin policies get backup uploads > uploads.json")
    .action(async (userName: string, policyName: string) => {
      const policy = await call("GetUserPolicy", { userName, policyName });
      printResult(policy, () => policy.Policy);
    });
  policies
    .command("list")
    .description("Show the names of a user's policies")
    .argument("<user>")
    .addHelpText("after", "\nExample:\n  moraine admin policies list backup")
    .action(async (userName: string) => {
      const pages = await everyPage((page) => call("ListUserPolicies", { userName, ...page }));
      const names = pages.flatMap(({ PolicyNames }) => PolicyNames);
      printResult(names, () => names.map(onOneLine).join("\n"));
    });
  policies
    .command("delete")
    .description("Detach a policy from a user")
    .argument("<user>")
    .argument("<name>")
    .addHelpText("after", "\nExample:\n  moraine admin policies delete backup uploads")
    .action(async (userName: string, policyName: string) => {
      await call("DeleteUserPolicy", { userName, policyName });
      printResult({}, () => `Policy ${policyName} is detached from user ${userName}.`);
    });
  return policies;
}
