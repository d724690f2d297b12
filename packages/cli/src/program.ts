import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { markIds, unmarked, unmarkIds } from "./arguments/dashed-ids.ts";
import { commandsFor } from "./commands.ts";
import { buildAdminTools, buildTools } from "./context/build-tools.ts";
import { addGlobalOptions, versionFlag } from "./context/global-options.ts";
import type { RunState } from "./context/running.ts";
import { startLogging } from "./context/start-logging.ts";
import type { CliEnvironment } from "./context/tools.ts";
import { endOf, exitCodeOf, exitCodes, messageOf, OutputError } from "./exit-codes.ts";
import { adviceFor } from "./terminal/advice.ts";
import { addHelpCommands } from "./terminal/help-command.ts";
import { fitHelp, helpSettings, helpWidthOf } from "./terminal/help-text.ts";
import { onOneLine, printable } from "./terminal/printable.ts";

/** Runs the command of the arguments, and prints the error if it fails. Resolves with the exit code. */
export async function runProgram(args: readonly string[], surroundings: CliEnvironment): Promise<number> {
  const program = new Command("moraine").description(
    "Archives in Glacier vaults, at AWS or on a Moraine server: parallel, verified, resumable transfers.",
  );
  const running: RunState = { command: program, args, resumeHint: null, unprinted: null, isOutput: true, log: null };
  let stopLogging = () => {};
  program.hook("preAction", (_, command) => {
    unmarkIds(command);
    running.command = command;
    stopLogging = startLogging(running, args, surroundings);
  });
  const tools = buildTools(running, surroundings);
  const adminTools = buildAdminTools(running, surroundings);
  for (const make of commandsFor(args)) {
    program.addCommand(await make(tools, adminTools));
  }
  program.addHelpText("after", details);
  addGlobalOptions(program);
  addHelpCommands(program);
  program.version(packageVersion(), versionFlag, "print the version of this command");
  strict(program, surroundings);
  try {
    await program.parseAsync(markIds(args, program), { from: "user" });
    await tools.printed();
    running.log?.write("done");
    return exitCodes.done;
  } catch (error) {
    return failed(endOf(error, surroundings.signal), running, surroundings);
  } finally {
    stopLogging();
  }
}

const details = `
Global options may be anywhere after "moraine". An id may be given as itself,
also when it begins with a dash; as @FILE, a file that contains it; or as -, to
be read from standard input. Everything after -- is an argument, not an option.

Credentials come from where AWS's tools look for them: AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY, profiles, SSO, roles.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 verification
failed, 5 denied, 6 limit of yours reached, 69 service unavailable (try again later), 75 not ready yet,
130 interrupted (143 by SIGTERM).

Examples:
  moraine vault create photos
  moraine upload photos holiday.tar --description "Holiday 2026"
  moraine inventory photos
  moraine retrieve photos ARCHIVE_ID -o holiday.tar`;

function failed(error: unknown, running: RunState, { stderr, environment }: CliEnvironment): number {
  // Commander has printed its own errors already; its only success is help.
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  }
  const { unprinted } = running;
  if (error instanceof OutputError && error.isClosed && running.isOutput) {
    return closedPipeCode;
  }
  const message = messageOf(error);
  stderr.write(`moraine: ${onOneLine(message)}\n`);
  running.log?.write(`failed with exit code ${exitCodeOf(error)}: ${message}`);
  const isUnprinted = error instanceof OutputError && unprinted !== null;
  const advice = isUnprinted
    ? unprinted
    : isOfAdmin(running.command)
      ? null
      : adviceFor(error, running.resumeHint, environment);
  if (advice !== null) {
    stderr.write(`moraine: ${onOneLine(advice)}\n`);
  }
  return exitCodeOf(error);
}

/** The code that shells give a program that SIGPIPE ended, as it ends most programs when `head` closes the pipe. */
const closedPipeCode = 141;

function packageVersion(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

/** Failures of admin commands are one line, without advice. */
function isOfAdmin(command: Command): boolean {
  return command.name() === "admin" || (command.parent !== null && isOfAdmin(command.parent));
}

/** Applies the settings to a command and all below it: commander's commands do not inherit them when they are added. */
function strict(command: Command, streams: Pick<CliEnvironment, "stdout" | "stderr">): void {
  const { stdout, stderr } = streams;
  command
    .exitOverride()
    .configureHelp(helpSettings)
    .configureOutput({
      writeOut: (text) => stdout.write(fitHelp(text, helpWidthOf(stdout))),
      writeErr: (text) => stderr.write(fitHelp(text, helpWidthOf(stderr))),
      getOutHelpWidth: () => helpWidthOf(stdout),
      getErrHelpWidth: () => helpWidthOf(stderr),
      outputError: (text) => stderr.write(printable(unmarked(text)).replace(/^error: /, "moraine: ")),
    })
    .showHelpAfterError("Try --help.");
  for (const below of command.commands) {
    strict(below, streams);
  }
}
