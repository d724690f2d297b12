import { Command } from "commander";
import { ManyIds } from "../../arguments/many-ids.ts";
import { oneOrMore } from "../../arguments/numbers.ts";
import { recordDeletion } from "../../catalog/inventory/record-changes.ts";
import type { CatalogOptions } from "../../catalog/opening/catalog-path.ts";
import type { CommandContext } from "../../context/tools.ts";
import { isNotFound } from "../../rescue/service-errors.ts";
import type { DeleteOptions } from "../../sending/delete-many.ts";
import type { FileCounts } from "../../sending/files-progress.ts";
import { listing } from "../../terminal/table.ts";
import { catalogFlags } from "../catalog/catalog-flags.ts";

/** Deletes archives; `upload` makes them, and `retrieve` gets them. */
export function archiveCommand(tools: CommandContext): Command {
  const archive = new Command("archive").description("Archives: delete");
  archive
    .command("delete")
    .description("Delete archives permanently, several at once")
    .argument("<vault>")
    .argument("<archive...>", "ids, @FILE for a file with one a line, or - for standard input")
    .option("--concurrency <number>", "number of requests at once (default: 16)", oneOrMore)
    .option("--max-per-second <number>", "maximum deletions a second (default: no limit)", oneOrMore)
    .option(...catalogFlags)
    .addHelpText("after", details)
    .action((vaultName: string, given: readonly string[], options: DeleteOptions) =>
      deleteArchives(tools, vaultName, given, options),
    );
  return archive;
}

const details = `
An archive that does not exist is no error. A service may report one that was
deleted before as deleted; others are counted apart. The vault's catalogue, if
there is one, records deletions. With several archives, each is reported, and
one that cannot be deleted does not stop the others; the exit code is 1 then.
After any interruption, run the same command again.

Examples:
  moraine archive delete photos ARCHIVE_ID
  moraine archive delete photos @ids.txt --dry-run
  moraine catalog find photos '*.tmp' --quiet | moraine archive delete photos -`;

interface DeleteResult extends Pick<FileCounts, "absent" | "failed"> {
  readonly deleted: number;
}

async function deleteArchives(
  tools: CommandContext,
  vaultName: string,
  given: readonly string[],
  options: DeleteOptions,
): Promise<void> {
  if (options.catalog !== undefined) {
    // One that is named has to exist, before anything is deleted.
    const { openCatalog } = await import("../../catalog/opening/open-catalog.ts");
    openCatalog(tools, vaultName, options)[Symbol.dispose]();
  }
  const ids = await ManyIds.of(tools, given);
  const only = await ids.single();
  if (only !== null) {
    await deleteOne(tools, vaultName, only, options);
    return;
  }
  const count = await ids.count();
  const what = count === null ? `all archives that ${ids.stream} lists` : `${count} archives`;
  if (tools.reportIfDryRun(`delete ${what}, of vault ${vaultName}`, { count })) {
    return;
  }
  const { deleteMany } = await import("../../sending/delete-many.ts");
  const { assertAllDone } = await import("../../sending/file-counts-text.ts");
  const result = await tools.transfer<DeleteResult>(
    {
      name: vaultName,
      resumeHint: () => "Run the same command again to resume: what was deleted before is no error.",
      readable: ({ deleted, absent, failed }) =>
        listing({ deleted, ...(absent > 0 && { "did not exist": absent }), ...(failed > 0 && { failed }) }),
    },
    async (watched) => {
      const { done, absent, failed } = await deleteMany(tools, vaultName, ids, options, watched);
      return { deleted: done.files, absent, failed };
    },
  );
  assertAllDone({ failed: result.failed, unknown: 0 }, "Run the same command again to delete them", "archives");
}

async function deleteOne(
  tools: CommandContext,
  vaultName: string,
  archiveId: string,
  options: CatalogOptions,
): Promise<void> {
  const { client, notice, printMessage, reportIfDryRun, signal } = tools;
  if (reportIfDryRun(`delete archive ${archiveId} of vault ${vaultName}`)) {
    return;
  }
  const deletion = (await client()).deleteArchive({ vaultName, archiveId }, { signal });
  const answer = await deletion.catch((error: unknown) => {
    if (!isNotFound(error)) {
      throw error;
    }
    return null;
  });
  const warning = await recordDeletion(tools, vaultName, archiveId, options);
  if (warning !== null) {
    notice(`warning: ${warning}`);
  }
  printMessage(
    answer ?? { absent: true },
    answer === null ? `Archive ${archiveId} did not exist.` : `Deleted archive ${archiveId}.`,
  );
}
