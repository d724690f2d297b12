import type { Command } from "commander";
import { UsageError } from "../exit-codes.ts";

/** Replaces commander's own help command, which shows other help for an unknown name. */
export function addHelpCommands(command: Command): void {
  const isGroup = command.commands.length > 0;
  for (const below of command.commands) {
    addHelpCommands(below);
  }
  // The first argument of a command that takes some may be "help".
  if (isGroup && command.registeredArguments.length === 0) {
    command
      .helpCommand(false)
      .command("help")
      .description("show help of a command")
      .argument("[command...]")
      .helpOption(false)
      .action((names: readonly string[]) => names.reduce(commandBelow, command).help());
  }
}

function commandBelow(command: Command, name: string): Command {
  const found = command.commands.find((below) => below.name() === name);
  if (found === undefined) {
    throw new UsageError(`unknown command '${name}'. Try moraine --help.`);
  }
  return found;
}
