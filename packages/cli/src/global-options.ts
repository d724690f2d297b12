import { type Command, Option } from "commander";

/** What every command may be told. */
export interface GlobalOptions {
  readonly endpoint?: string;
  readonly region?: string;
  readonly profile?: string;
  readonly account?: string;
  readonly json?: true;
  readonly quiet?: true;
  readonly dryRun?: true;
}

const table = [
  ["--endpoint <url>", "of the service (MORAINE_ENDPOINT, AWS_ENDPOINT_URL_GLACIER, AWS_ENDPOINT_URL; AWS's)"],
  ["--region <name>", "of the service (AWS_REGION, AWS_DEFAULT_REGION, the profile's)"],
  ["--profile <name>", "of AWS's configuration files (AWS_PROFILE, default)"],
  ["--account <id>", "whose vaults, twelve digits (those of the credentials)"],
  ["--json", "print JSON: one document, or one line for each event of a transfer"],
  ["--quiet", "print only what was asked for"],
  ["--dry-run", "say what would be changed, and change nothing"],
] as const;

/** The one option that the program itself takes alone. */
export const versionFlag = "--version";

/** Makes a command and all below it take them, wherever they stand. */
export function addGlobalOptions(program: Command): void {
  for (const [flags, description] of table) {
    program.addOption(new Option(flags, description));
  }
  program.enablePositionalOptions();
  for (const command of program.commands) {
    addBelow(command);
  }
}

/** The one nearest to the end of the line counts. */
export function globalOptionsOf(command: Command): GlobalOptions {
  return command.parent === null
    ? command.opts()
    : { ...globalOptionsOf(command.parent), ...command.opts<GlobalOptions>() };
}

/** Help shows them once, as the program's. */
function addBelow(command: Command): void {
  if (command.name() === "admin") {
    return;
  }
  for (const [flags, description] of table) {
    command.addOption(new Option(flags, description).hideHelp());
  }
  command.enablePositionalOptions();
  for (const below of command.commands) {
    addBelow(below);
  }
}
