import { Command } from "commander";
import { UsageError } from "../exit-codes.ts";

/** Describes `moraine restore` to help and completion; run.ts starts the program, whose flags are not this program's. */
export function restoreCommand(): Command {
  return new Command("restore")
    .description("Make a data folder of a backup, and verify it")
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText(
      "after",
      `
moraine restore --help lists its flags.

Examples:
  moraine restore /mnt/backup/moraine /var/lib/moraine --key secrets.key`,
    )
    .action(() => {
      throw new UsageError('"restore" must be the first word: moraine restore BACKUPS DIR [FLAGS]');
    });
}
