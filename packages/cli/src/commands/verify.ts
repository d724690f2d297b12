import { Command } from "commander";
import { UsageError } from "../exit-codes.ts";

/** Describes `moraine verify` to help and completion; run.ts starts the program, whose flags are not this program's. */
export function verifyCommand(): Command {
  return new Command("verify")
    .description("Check the data folder of a server on this machine")
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText(
      "after",
      `
moraine verify --help lists its flags.

Examples:
  moraine verify --quick
  moraine verify --data /var/lib/moraine --deep --json
  moraine verify --orphans --data /var/lib/moraine --blobs s3://archives/moraine`,
    )
    .action(() => {
      throw new UsageError('"verify" must be the first word: moraine verify [FLAGS]');
    });
}
