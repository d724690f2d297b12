import type { AccessKeyStatus } from "@moraine/protocol";
import { Command } from "commander";
import { everyPage } from "../context/every-page.ts";
import type { AdminContext } from "../context/tools.ts";
import { credentialLines, lostSecret, shellWord } from "../terminal/shell-lines.ts";
import { table } from "../terminal/table.ts";

interface OwnerOption {
  readonly user?: string;
}

export function accessKeyCommands({ call, printResult, keep }: AdminContext): Command {
  const keys = new Command("keys").description("Access keys of a user, or of the account's root");
  const command = (name: string, description: string, example: string) =>
    keys
      .command(name)
      .description(description)
      .option("--user <name>", "owner of the key (default: the account's root)")
      .addHelpText("after", `\nExample:\n  moraine admin keys ${example}`);

  command("create", "Create a key; two may be active", "create --user backup").action(async ({ user }: OwnerOption) => {
    const made = await call("CreateAccessKey", owner(user));
    const option = user === undefined ? "" : ` --user ${shellWord(user)}`;
    keep(lostSecret(made, `moraine admin keys delete ${made.AccessKeyId}${option}`));
    printResult(made, () =>
      credentialLines(user === undefined ? "A key of the root." : `A key of user ${user}.`, made),
    );
  });
  command("list", "Show the keys, without their secrets", "list --user backup").action(
    async ({ user }: OwnerOption) => {
      const pages = await everyPage((page) => call("ListAccessKeys", { ...page, ...owner(user) }));
      const all = pages.flatMap(({ AccessKeys }) => AccessKeys);
      printResult(all, () =>
        table({ KEY: "AccessKeyId", STATUS: "Status", USER: "UserName", CREATED: "CreationDate" }, all),
      );
    },
  );
  for (const [name, status] of [
    ["enable", "Active"],
    ["disable", "Inactive"],
  ] as const satisfies ReadonlyArray<readonly [string, AccessKeyStatus]>) {
    command(name, `Make a key ${status.toLowerCase()}, at once`, `${name} AKIAEXAMPLE --user backup`)
      .argument("<key>", "its id")
      .action(async (accessKeyId: string, { user }: OwnerOption) => {
        await call("UpdateAccessKey", { accessKeyId, ...owner(user), Status: status });
        printResult({}, () => `Key ${accessKeyId} is ${status.toLowerCase()}.`);
      });
  }
  command("delete", "Delete a key, or end a session", "delete AKIAEXAMPLE --user backup")
    .argument("<key>", "its id")
    .action(async (accessKeyId: string, { user }: OwnerOption) => {
      await call("DeleteAccessKey", { accessKeyId, ...owner(user) });
      printResult({}, () => `Deleted key ${accessKeyId}.`);
    });
  return keys;
}

const owner = (userName: string | undefined) => (userName === undefined ? {} : { userName });
