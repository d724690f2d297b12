import { Command } from "commander";
import type { CommandContext } from "../context/tools.ts";

/** Deletes archives; `upload` makes them, and `retrieve` gets them. */
export function archiveCommand({ client, readId, printMessage, reportIfDryRun, signal }: CommandContext): Command {
  const archive = new Command("archive").description("Archives: delete");
  archive
    .command("delete")
    .description("Delete an archive permanently")
    .argument("<vault>")
    .argument("<archive>", "its id, @FILE for a file that contains it, or - for standard input")
    .addHelpText(
      "after",
      `
Deleting an archive that does not exist succeeds: the service reports no error.

Examples:
  moraine archive delete photos ARCHIVE_ID
  moraine archive delete photos @id.txt --dry-run`,
    )
    .action(async (vaultName: string, given: string) => {
      const archiveId = await readId(given);
      if (!reportIfDryRun(`delete archive ${archiveId} of vault ${vaultName}`)) {
        const answer = await (await client()).deleteArchive({ vaultName, archiveId }, { signal });
        printMessage(answer, `Deleted archive ${archiveId}.`);
      }
    });
  return archive;
}
