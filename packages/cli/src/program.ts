import { Command } from "commander";
import { accessKeyCommands } from "./admin/access-keys.ts";
import { accountCommands } from "./admin/accounts.ts";
import { clockCommands } from "./admin/clock.ts";
import { faultCommands } from "./admin/faults.ts";
import { healthCommand } from "./admin/health.ts";
import { notificationCommands } from "./admin/notifications.ts";
import { policyCommands } from "./admin/policies.ts";
import { sessionCommands } from "./admin/sessions.ts";
import { simulateCommand } from "./admin/simulation.ts";
import { userCommands } from "./admin/users.ts";
import { adminClient } from "./client.ts";
import type { Surroundings, Tools } from "./tools.ts";

/** Every command, ready to parse arguments. Rejects with what went wrong; commander throws for what it cannot read. */
export function buildProgram(surroundings: Surroundings): Command {
  const program = new Command("moraine").description("Administers a server of the Glacier vault API.");
  const admin = program
    .command("admin")
    .description("Accounts, users, keys, policies, messages, clock, faults and health of a server")
    .option("--endpoint <url>", "where it listens (MORAINE_ENDPOINT, AWS_ENDPOINT_URL_GLACIER; http://127.0.0.1:8484)")
    .option("--region <name>", "what requests are signed for (AWS_REGION, AWS_DEFAULT_REGION; us-east-1)")
    .option("--json", "print what the server answered, as JSON")
    .addHelpText(
      "after",
      `
Credentials come from where AWS's tools look for them: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 5 denied.`,
    );
  const tools = toolsOf(admin, surroundings);
  const commands = [
    accountCommands(tools),
    userCommands(tools),
    accessKeyCommands(tools),
    sessionCommands(tools),
    policyCommands(tools),
    simulateCommand(tools),
    notificationCommands(tools),
    clockCommands(tools),
    faultCommands(tools),
    healthCommand(tools),
  ];
  for (const command of commands) {
    admin.addCommand(command);
  }
  return strict(program);
}

function toolsOf(admin: Command, { environment, pathOf, print }: Surroundings): Tools {
  const options = () => admin.opts<{ endpoint?: string; region?: string; json?: boolean }>();
  return {
    call: (name, input) => adminClient(options(), environment)(name, input),
    pathOf,
    show: (answer, readable) => print(options().json === true ? JSON.stringify(answer, null, 2) : readable()),
  };
}

/** Commands that are added do not take after their parents by themselves. */
function strict(command: Command): Command {
  command
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "moraine: ")) })
    .showHelpAfterError("Try --help.");
  for (const below of command.commands) {
    strict(below);
  }
  return command;
}
