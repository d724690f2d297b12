import type { Command } from "commander";
import { checkedId } from "../../arguments/ids.ts";
import { bytesInWords } from "../../arguments/sizes.ts";
import type { CommandContext } from "../../context/tools.ts";
import { listed } from "../../terminal/listed.ts";
import { table } from "../../terminal/table.ts";

/** Lists and aborts a vault's unfinished uploads. */
export function addUploadsCommands(upload: Command, tools: CommandContext): void {
  addList(upload, tools);
  addAbort(upload, tools);
}

function addList(upload: Command, { client, printResult, signal }: CommandContext): void {
  upload
    .command("list")
    .description("List a vault's unfinished uploads, neither completed nor aborted")
    .argument("<vault>")
    .addHelpText(
      "after",
      "\nWith --quiet, only ids.\n\nExamples:\n  moraine upload list photos\n  moraine upload list photos --json",
    )
    .action(async (vaultName: string) => {
      const { everyItem } = await import("@moraine/client/node");
      const uploads = await listed(everyItem(await client(), "listMultipartUploads", { vaultName }, { signal }));
      const rows = uploads.map((one) => ({ ...one, PartSize: bytesInWords(one.PartSizeInBytes) }));
      const columns = {
        CREATED: "CreationDate",
        "PART SIZE": "PartSize",
        UPLOAD: "MultipartUploadId",
        DESCRIPTION: "ArchiveDescription",
      } as const;
      printResult(
        uploads,
        () => table(columns, rows),
        () => uploads.map(({ MultipartUploadId }) => checkedId(MultipartUploadId)).join("\n"),
      );
    });
}

function addAbort(upload: Command, { client, readId, printMessage, reportIfDryRun, signal }: CommandContext): void {
  upload
    .command("abort")
    .description("Abort an upload and delete its parts")
    .argument("<vault>")
    .argument("<upload>", "its id, @FILE for a file that contains it, or - for standard input")
    .addHelpText("after", "\nExample:\n  moraine upload abort photos UPLOAD_ID")
    .action(async (vaultName: string, given: string) => {
      const uploadId = await readId(given);
      if (!reportIfDryRun(`abort upload ${uploadId} of vault ${vaultName}`)) {
        const answer = await (await client()).abortMultipartUpload({ vaultName, uploadId }, { signal });
        printMessage(answer, `Aborted upload ${uploadId}.`);
      }
    });
}
