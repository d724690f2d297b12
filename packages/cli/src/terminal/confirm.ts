import { createInterface } from "node:readline";
import type { Command } from "commander";
import type { CliEnvironment, CommandContext } from "../context/tools.ts";
import { UsageError } from "../exit-codes.ts";
import { printable } from "./printable.ts";

export interface YesOption {
  readonly yes?: true;
}

export function addYesOption(command: Command): Command {
  return command.option("-y, --yes", "do not ask first");
}

/** Asks a person, on the terminal, before what cannot be undone. */
export function confirmer({ stdin, stderr, signal }: CliEnvironment): CommandContext["confirm"] {
  return async (word, warning) => {
    const input = stdin();
    if (!input.isTTY || !stderr.isTTY) {
      throw new UsageError("There is no terminal to ask on: look at it with --dry-run, then do it with --yes");
    }
    stderr.write(`${printable(await warning())}\nType ${word} to go on: `);
    // Without the line editor of readline, which would take Ctrl-C for itself.
    const lines = createInterface({ input, terminal: false, signal });
    const typed = await new Promise<string>((resolve) => {
      lines.once("line", resolve).once("close", () => resolve(""));
    });
    lines.close();
    // The terminal stays open, and would keep the process.
    input.destroy();
    if (typed.trim() === word) {
      return;
    }
    throw new Error("Not confirmed; nothing was changed");
  };
}
