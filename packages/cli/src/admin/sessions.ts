import { Command } from "commander";
import { wholeNumber } from "../numbers.ts";
import { credentialLines } from "../shell-lines.ts";
import type { AdminTools } from "../tools.ts";

export function sessionCommands({ call, show }: AdminTools): Command {
  const sessions = new Command("sessions").description("Temporary credentials of users");
  sessions
    .command("create")
    .description("Make credentials that expire")
    .argument("<user>")
    .option("--seconds <number>", "from 900 to 129600 (43200)", wholeNumber)
    .addHelpText("after", "\nExample:\n  moraine admin sessions create backup --seconds 3600")
    .action(async (userName: string, { seconds }: { seconds?: number }) => {
      const made = await call("CreateSession", { userName, DurationSeconds: seconds });
      show(made, () => credentialLines(`A session of user ${userName}, until ${made.Expiration}.`, made));
    });
  return sessions;
}
