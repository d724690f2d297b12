import { Command } from "commander";
import { UsageError } from "../exit-codes.ts";

/** Describes `moraine backup` to help and completion; run.ts starts the program, whose flags are not this program's. */
export function backupCommand(): Command {
  return new Command("backup")
    .description("Copy the data folder of a server on this machine")
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText(
      "after",
      `
moraine backup --help lists its flags.

Examples:
  moraine backup /mnt/backup/moraine --data /var/lib/moraine --keep 7
  moraine backup /mnt/backup/moraine --check`,
    )
    .action(() => {
      throw new UsageError('"backup" must be the first word: moraine backup DIR [FLAGS]');
    });
}
