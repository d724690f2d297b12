import type { SimulatePolicyOutput } from "@moraine/protocol";
import { Command, InvalidArgumentError } from "commander";
import type { AdminContext } from "../context/tools.ts";
import { table } from "../terminal/table.ts";

interface SimulateOptions {
  readonly user?: string;
  readonly vault?: string;
  readonly resource?: string;
  readonly context?: Readonly<Record<string, readonly string[]>>;
}

export function simulateCommand({ call, printResult }: AdminContext): Command {
  return new Command("simulate")
    .description("Show whether a user may perform an action, and which statement decides it")
    .argument("<action>", "e.g. glacier:DeleteArchive")
    .option("--user <name>", "sender of the request (default: the account's root)")
    .option("--vault <name>", "vault of the account, whose policies are evaluated too")
    .option("--resource <arn>", "resource of an action of the admin API")
    .option(
      "--context <key=value>",
      "a condition key of the request, e.g. aws:SourceIp=192.0.2.1; may be repeated",
      collect,
    )
    .addHelpText(
      "after",
      `
Examples:
  moraine admin simulate glacier:DeleteArchive --user backup --vault photos
  moraine admin simulate glacier:DeleteArchive --user backup --vault photos --context glacier:ArchiveAgeInDays=400
  moraine admin simulate moraine:CreateUser --user lead --resource arn:aws:iam::123456789012:user/new`,
    )
    .action(async (action: string, { user, vault, resource, context }: SimulateOptions) => {
      const decision = await call("SimulatePolicy", {
        Action: action,
        UserName: user,
        VaultName: vault,
        Resource: resource,
        Context: context,
      });
      printResult(decision, () => readable(decision));
    });
}

function readable({ Allowed, Reason, Statements, Message }: SimulatePolicyOutput): string {
  const verdict = Allowed ? `allowed (${Reason})` : `denied (${Reason}): ${Message}`;
  const columns = { POLICY: "Policy", STATEMENT: "Index", SID: "Sid", EFFECT: "Effect" } as const;
  return Statements.length === 0 ? `${verdict}\nNo statement matches.` : `${verdict}\n${table(columns, Statements)}`;
}

/** Adds a value to a key, which may have several. */
function collect(pair: string, before: Record<string, string[]> = {}): Record<string, string[]> {
  const equals = pair.indexOf("=");
  if (equals < 1) {
    throw new InvalidArgumentError("Expected KEY=VALUE, like aws:SourceIp=192.0.2.1.");
  }
  const key = pair.slice(0, equals);
  return { ...before, [key]: [...(before[key] ?? []), pair.slice(equals + 1)] };
}
