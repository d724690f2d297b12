import { Command } from "commander";
import { seconds as duration } from "../arguments/numbers.ts";
import type { AdminContext } from "../context/tools.ts";
import { credentialLines } from "../terminal/shell-lines.ts";

export function sessionCommands({ call, printResult }: AdminContext): Command {
  const sessions = new Command("sessions").description("Temporary credentials of users");
  sessions
    .command("create")
    .description("Create credentials that expire")
    .argument("<user>")
    .option("--seconds <duration>", "lifetime, from 15m to 36h, or a number of seconds (default: 12h)", duration)
    .addHelpText("after", "\nExample:\n  moraine admin sessions create backup --seconds 3600")
    .action(async (userName: string, { seconds }: { seconds?: number }) => {
      const made = await call("CreateSession", { userName, DurationSeconds: seconds });
      printResult(made, () => credentialLines(`A session of user ${userName}, until ${made.Expiration}.`, made));
    });
  return sessions;
}
