import { createInterface } from "node:readline";
import type { Command } from "commander";
import type { CliEnvironment, CommandContext } from "../context/tools.ts";
import { UsageError } from "../exit-codes.ts";
import { printable } from "./printable.ts";

export interface YesOption {
  readonly yes?: true;
}

export function addYesOption(command: Command): Command {
  return command.option("-y, --yes", "do not ask for confirmation");
}

/** Asks a person on the terminal before something that cannot be undone. */
export function confirmer({ stdin, stderr, signal }: CliEnvironment): CommandContext["confirm"] {
  return async (word, warning) => {
    const input = stdin();
    if (!input.isTTY || !stderr.isTTY) {
      throw new UsageError(
        "This needs confirmation on a terminal, and there is none: check with --dry-run, then add --yes",
      );
    }
    stderr.write(`${printable(await warning())}\nType ${word} to continue: `);
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
