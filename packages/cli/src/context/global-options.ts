import { secondsPer } from "@moraine/protocol";
import { type Command, InvalidArgumentError, Option } from "commander";
import { seconds } from "../arguments/numbers.ts";

/** Options of every command. */
export interface GlobalOptions {
  readonly endpoint?: string;
  readonly region?: string;
  readonly profile?: string;
  readonly account?: string;
  readonly ca?: string;
  readonly retryFor?: number;
  readonly timeout?: number;
  readonly logFile?: string;
  readonly verbose?: true;
  readonly json?: true;
  readonly quiet?: true;
  readonly dryRun?: true;
}

type Row = readonly [flags: string, description: string, parse?: (text: string) => unknown];

const table: readonly Row[] = [
  [
    "--endpoint <url>",
    "of the service (MORAINE_ENDPOINT, AWS_ENDPOINT_URL_GLACIER, AWS_ENDPOINT_URL, the profile's; AWS's)",
  ],
  ["--region <name>", "of the service (AWS_REGION, AWS_DEFAULT_REGION, the profile's)"],
  ["--profile <name>", "of AWS's configuration files (AWS_PROFILE, default)"],
  ["--account <id>", "whose vaults, twelve digits (those of the credentials)"],
  ["--ca <file>", "certificates (PEM) to trust instead of the built-in (AWS_CA_BUNDLE, the profile's ca_bundle)"],
  [
    "--retry-for <duration>",
    "how long to retry during an outage, e.g. 90s, 6h (default: 30m; no limit while waiting for a job)",
    seconds,
  ],
  ["--log-file <file>", "append events to this file, one line each with its time"],
  ["-v, --verbose", "print each request and each failed attempt on standard error"],
  ["--timeout <duration>", "how long an attempt waits for the next byte, e.g. 10s, 2m (default: 60s)", timeout],
  ["--json", "print JSON: one document, or one line for each event of a transfer"],
  ["--quiet", "print only what was asked for"],
  ["--dry-run", "say what would be changed, and change nothing"],
];

/** The one option that only the program itself takes. */
export const versionFlag = "--version";

/** Lets every command take the options, before or after its name. */
export function addGlobalOptions(program: Command): void {
  for (const row of table) {
    program.addOption(optionOf(row));
  }
  program.enablePositionalOptions();
  for (const command of program.commands) {
    addBelow(command);
  }
}

/** Returns the options of a command line. The last one of a kind counts. */
export function globalOptionsOf(command: Command): GlobalOptions {
  return command.parent === null
    ? command.opts()
    : { ...globalOptionsOf(command.parent), ...command.opts<GlobalOptions>() };
}

/** Hides the options here, since help shows them once, as the program's. */
function addBelow(command: Command): void {
  if (command.name() === "admin") {
    return;
  }
  for (const row of table) {
    command.addOption(optionOf(row).hideHelp());
  }
  command.enablePositionalOptions();
  for (const below of command.commands) {
    addBelow(below);
  }
}

function optionOf([flags, description, parse]: Row): Option {
  const option = new Option(flags, description);
  return parse === undefined ? option : option.argParser(parse);
}

/** Parses a duration of 1 second to 1 day. */
function timeout(text: string): number {
  const value = seconds(text);
  if (value < 1 || value > secondsPer.day) {
    throw new InvalidArgumentError("It must be from 1s to 1d.");
  }
  return value;
}
