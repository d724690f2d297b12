import { Command } from "commander";
import { everyPage } from "../context/every-page.ts";
import type { AdminContext } from "../context/tools.ts";
import { credentialLines, lostSecret } from "../terminal/shell-lines.ts";
import { table } from "../terminal/table.ts";

export function accountCommands({ call, printResult, keep }: AdminContext): Command {
  const accounts = new Command("accounts").description("Accounts of the service; only for the operator's own account");
  accounts
    .command("create")
    .description("Create an account, and its root's first key")
    .option("--id <digits>", "twelve digits (default: random)")
    .addHelpText("after", "\nExample:\n  moraine admin accounts create --id 210987654321")
    .action(async ({ id }: { id?: string }) => {
      const made = await call("CreateAccount", { AccountId: id });
      keep(lostSecret(made.AccessKey, `moraine admin accounts root-key ${made.AccountId}`));
      printResult(made, () => credentialLines(`The root's key of account ${made.AccountId}.`, made.AccessKey));
    });
  accounts
    .command("list")
    .description("Show every account")
    .addHelpText("after", "\nExample:\n  moraine admin accounts list --json")
    .action(async () => {
      const pages = await everyPage((page) => call("ListAccounts", page));
      const all = pages.flatMap(({ Accounts }) => Accounts);
      printResult(all, () => table({ ACCOUNT: "AccountId", CREATED: "CreationDate" }, all));
    });
  accounts
    .command("delete")
    .description("Delete an account that has no vaults, with its users and keys")
    .argument("<account>", "twelve digits")
    .addHelpText("after", "\nExample:\n  moraine admin accounts delete 210987654321")
    .action(async (accountId: string) => {
      await call("DeleteAccount", { accountId });
      printResult({}, () => `Deleted account ${accountId}.`);
    });
  accounts
    .command("root-key")
    .description("Create another key for an account's root that has lost its own")
    .argument("<account>", "twelve digits")
    .addHelpText("after", "\nExample:\n  moraine admin accounts root-key 210987654321")
    .action(async (accountId: string) => {
      const made = await call("CreateRootKey", { accountId });
      keep(lostSecret(made, `moraine admin accounts root-key ${accountId}`));
      printResult(made, () => credentialLines(`Another key of the root of account ${accountId}.`, made));
    });
  return accounts;
}
