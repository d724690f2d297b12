import { Command } from "commander";
import { everyPage } from "../context/every-page.ts";
import type { AdminContext } from "../context/tools.ts";
import { listing, table } from "../terminal/table.ts";

export function userCommands({ call, printResult }: AdminContext): Command {
  const users = new Command("users").description("Users of the account");
  users
    .command("create")
    .description("Create a user, who may do nothing until a policy allows it")
    .argument("<name>", "1 to 64 letters, digits or _+=,.@-")
    .addHelpText("after", "\nExample:\n  moraine admin users create backup")
    .action(async (userName: string) => {
      const user = await call("CreateUser", { userName });
      printResult(user, () => listing({ name: user.UserName, id: user.UserId, arn: user.Arn }));
    });
  users
    .command("list")
    .description("Show every user")
    .addHelpText("after", "\nExample:\n  moraine admin users list")
    .action(async () => {
      const pages = await everyPage((page) => call("ListUsers", page));
      const all = pages.flatMap(({ Users }) => Users);
      printResult(all, () => table({ NAME: "UserName", ID: "UserId", CREATED: "CreationDate", ARN: "Arn" }, all));
    });
  users
    .command("delete")
    .description("Delete a user with its keys, sessions and policies")
    .argument("<name>")
    .addHelpText("after", "\nExample:\n  moraine admin users delete backup")
    .action(async (userName: string) => {
      await call("DeleteUser", { userName });
      printResult({}, () => `Deleted user ${userName}.`);
    });
  return users;
}
