import { Command } from "commander";
import { UsageError } from "../exit-codes.ts";

/** Describes `moraine serve` to help and completion; run.ts starts the server, whose flags are not this program's. */
export function serveCommand(): Command {
  return new Command("serve")
    .description("Serve the vault API from a folder on this machine")
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText(
      "after",
      `
moraine serve --help lists its flags.

Examples:
  moraine serve
  moraine serve --data /var/lib/moraine --listen 127.0.0.1:8484`,
    )
    .action(() => {
      throw new UsageError('"serve" must be the first word: moraine serve [FLAGS]');
    });
}
