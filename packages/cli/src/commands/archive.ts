import { Command } from "commander";
import { recordDeletion } from "../catalog/record-changes.ts";
import type { CommandContext } from "../context/tools.ts";

/** Deletes archives; `upload` makes them, and `retrieve` gets them. */
export function archiveCommand(tools: CommandContext): Command {
  const { client, readId, notice, printMessage, reportIfDryRun, signal } = tools;
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
        const warning = await recordDeletion(tools, vaultName, archiveId);
        if (warning !== null) {
          notice(`warning: ${warning}`);
        }
        printMessage(answer, `Deleted archive ${archiveId}.`);
      }
    });
  return archive;
}
