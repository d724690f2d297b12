import { Command } from "commander";
import type { AdminContext } from "../context/tools.ts";
import { accessKeyCommands } from "./access-keys.ts";
import { accountCommands } from "./accounts.ts";
import { auditCommand } from "./audit.ts";
import { clockCommands } from "./clock.ts";
import { copyCommand } from "./copy.ts";
import { damagedCommand } from "./damage.ts";
import { faultCommands } from "./faults.ts";
import { healthCommand } from "./health.ts";
import { nodesCommand } from "./nodes.ts";
import { notificationCommands } from "./notifications.ts";
import { policyCommands } from "./policies.ts";
import { rootKeyCommand } from "./root-key.ts";
import { sessionCommands } from "./sessions.ts";
import { simulateCommand } from "./simulation.ts";
import { requestsCommand, resetCommand } from "./testing.ts";
import { userCommands } from "./users.ts";

/** Commands for the operator of a server, and for owners of accounts on it. */
export function adminCommand(tools: AdminContext): Command {
  const admin = new Command("admin")
    .description(
      "Accounts, users, keys, policies, messages, clock, faults, health, nodes, damage and audit trail of a server",
    )
    .option(
      "--endpoint <url>",
      "URL of the server (MORAINE_ENDPOINT, AWS_ENDPOINT_URL_GLACIER; default: http://127.0.0.1:8484)",
    )
    .option(
      "--region <name>",
      "region that requests are signed for (AWS_REGION, AWS_DEFAULT_REGION; default: us-east-1)",
    )
    .option("--json", "print the server's response as JSON")
    .addHelpText(
      "after",
      `
Credentials come from where AWS's tools look for them: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 verification failed, 5 denied.`,
    );
  const commands = [
    accountCommands(tools),
    userCommands(tools),
    accessKeyCommands(tools),
    rootKeyCommand(tools),
    sessionCommands(tools),
    policyCommands(tools),
    simulateCommand(tools),
    notificationCommands(tools),
    clockCommands(tools),
    faultCommands(tools),
    healthCommand(tools),
    nodesCommand(tools),
    damagedCommand(tools),
    auditCommand(tools),
    copyCommand(),
    requestsCommand(tools),
    resetCommand(tools),
  ];
  for (const command of commands) {
    admin.addCommand(command);
  }
  return admin;
}
