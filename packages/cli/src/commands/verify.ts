import { Command } from "commander";
import { UsageError } from "../exit-codes.ts";

/** Describes `moraine verify` to help and completion; run.ts starts the program, whose flags are not this program's. */
export function verifyCommand(): Command {
  return new Command("verify")
    .description("Check a data folder, or the database and the bucket of a cluster")
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
  moraine verify --database postgres://db1.example.com/moraine --blobs s3://archives/moraine --sealing-key sealing-key
  moraine verify --orphans --data /var/lib/moraine --blobs s3://archives/moraine`,
    )
    .action(() => {
      throw new UsageError('"verify" must be the first word: moraine verify [FLAGS]');
    });
}
