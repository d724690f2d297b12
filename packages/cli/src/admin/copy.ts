import { Command } from "commander";
import { UsageError } from "../exit-codes.ts";

/** Describes `moraine admin copy` to help and completion; run.ts starts the program, whose flags are not this program's. */
export function copyCommand(): Command {
  return new Command("copy")
    .description("Copy everything between data folders with files or a bucket, and clusters")
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText(
      "after",
      `
moraine admin copy --help lists its flags.

Examples:
  moraine admin copy --data /var/lib/moraine --to postgres://moraine@db1.example.com/moraine \\
    --blobs 's3://archives/moraine?endpoint=https://s3.example.com&region=us-east-1'
  moraine admin copy --database postgres://moraine@db1.example.com/moraine \\
    --from-blobs 's3://archives/moraine?endpoint=https://s3.example.com&region=us-east-1' \\
    --sealing-key sealing-key --to /var/lib/moraine
  moraine admin copy --data /var/lib/moraine --from-blobs 's3://archives/moraine?region=us-east-1' \\
    --to postgres://moraine@db1.example.com/moraine --blobs 's3://archives/moraine?region=us-east-1'`,
    )
    .action(() => {
      throw new UsageError('"admin copy" must be the first words: moraine admin copy [FLAGS]');
    });
}
