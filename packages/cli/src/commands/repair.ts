import { Command } from "commander";
import { UsageError } from "../exit-codes.ts";

/** Describes `moraine repair` to help and completion; run.ts starts the program, whose flags are not this program's. */
export function repairCommand(): Command {
  return new Command("repair")
    .description("Repair the data folder of a stopped server on this machine")
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText(
      "after",
      `
moraine repair --help lists its flags.

Examples:
  moraine repair /var/lib/moraine
  moraine repair /var/lib/moraine --apply
  moraine repair --orphans /var/lib/moraine --blobs s3://archives/moraine --restored never`,
    )
    .action(() => {
      throw new UsageError('"repair" must be the first word: moraine repair [DATA_DIR] [FLAGS]');
    });
}
