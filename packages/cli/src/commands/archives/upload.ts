import { stat } from "node:fs/promises";
import { basename } from "node:path";
import type { Readable } from "node:stream";
import type { UploadResult, UploadSource } from "@moraine/client/node";
import { Command, Option } from "commander";
import { checkedId } from "../../arguments/ids.ts";
import { bytesExactly, bytesInWords, size } from "../../arguments/sizes.ts";
import { recordUpload } from "../../catalog/inventory/record-changes.ts";
import type { CommandContext } from "../../context/tools.ts";
import { UsageError } from "../../exit-codes.ts";
import { listing } from "../../terminal/table.ts";
import { addPaceOptions, type PaceOptions, paceOf } from "../../transfers/transfer-options.ts";
import { forgetUpload, prepareFolderOf, uploadJournalPath } from "../../transfers/upload-state.ts";
import { addUploadsCommands } from "./uploads.ts";

interface UploadOptions extends PaceOptions {
  readonly description?: string;
  readonly partSize?: number;
  readonly journal?: string;
  readonly restart?: true;
  readonly ifChanged?: "fail" | "restart";
}

/** Uploads archives, and lists and aborts unfinished uploads. */
export function uploadCommand(tools: CommandContext): Command {
  const upload = new Command("upload").description("Upload a file or a pipe as one archive, in parts, several at once");
  asUpload(upload, tools);
  addUploadsCommands(upload, tools);
  // A vault may have the name of a command of this group; after this word it is a vault.
  upload.addCommand(asUpload(new Command("to"), tools).description("Upload, also to a vault called list"));
  return upload.helpCommand(false);
}

const details = `
The archive's id is printed when the archive is stored; with --quiet, nothing
else is printed. Keep it: archives have no names in Glacier.

After any interruption, the same command resumes the upload of a file: parts that
the service has are not sent again. The journal that this needs is kept in
$XDG_STATE_HOME/moraine/uploads (~/.local/state/moraine/uploads) until the id has
been printed. A pipe is resumed only with --journal, and with the same bytes.

A file that has changed since its upload was interrupted is refused, since the
parts sent before are of no use. In a script, --if-changed restart aborts that
upload and starts over.

To upload to a vault called "list", "abort" or "to": moraine upload to list
FILE

Examples:
  moraine upload photos holiday.tar --description "Holiday 2026"
  tar c holiday | moraine upload photos - --part-size 128MiB
  moraine upload backups nightly.tar --if-changed restart
  moraine upload photos holiday.tar --bwlimit 2MiB --quiet >> ids.txt
  moraine upload photos holiday.tar --dry-run
  moraine upload list photos`;

function asUpload(command: Command, tools: CommandContext): Command {
  command
    .argument("<vault>")
    .argument("<file>", "its path, or - for standard input")
    .option(
      "--description <text>",
      "description of the archive: up to 1,024 printable ASCII characters (default: none)",
    )
    .option(
      "--part-size <size>",
      "size of each part: 1MiB times a power of two, up to 4GiB (default: depends on the size of the file)",
      size,
    )
    .option("--journal <file>", "file in which to record upload progress")
    .option("--restart", "abort the unfinished upload and start over")
    .addOption(
      new Option(
        "--if-changed <what>",
        "action if the file has changed since its upload was interrupted (default: fail)",
      ).choices(["restart", "fail"]),
    );
  return addPaceOptions(command, "parts")
    .addHelpText("after", details)
    .action((vaultName: string, file: string, options: UploadOptions) => upload(tools, vaultName, file, options));
}

async function upload(tools: CommandContext, vaultName: string, file: string, options: UploadOptions): Promise<void> {
  const opened = await sourceOf(tools, file);
  try {
    await uploadFrom(opened, tools, vaultName, file, options);
  } finally {
    // An open pipe from a silent producer would keep the command alive.
    opened.close();
  }
}

async function uploadFrom(
  { source, sizeBytes, path }: Opened,
  tools: CommandContext,
  vaultName: string,
  file: string,
  options: UploadOptions,
): Promise<void> {
  const journal =
    options.journal !== undefined
      ? tools.pathOf(options.journal)
      : path === null
        ? undefined
        : uploadJournalPath(tools, vaultName, path);
  const plan = { vaultName, file, sizeBytes, journal, partSizeBytes: await partSizeFor(sizeBytes, options) };
  if (await reportIfDryRun(tools, plan, options)) {
    return;
  }
  const client = await tools.client();
  if (journal !== undefined) {
    await prepareFolderOf(journal);
  }
  const { uploadArchive } = await import("@moraine/client/node");
  const { description, partSize: partSizeBytes } = options;
  const settings = {
    vaultName,
    ...(description !== undefined && { description }),
    ...(partSizeBytes !== undefined && { partSizeBytes }),
    ...(journal !== undefined && { journal }),
    ...(options.restart && { restart: true }),
    ...(options.ifChanged !== undefined && { ifChanged: options.ifChanged }),
    ...(await paceOf(options)),
  };
  await tools.transfer<UploadResult>(
    {
      name: path === null ? vaultName : basename(path),
      resumeHint: () => resumeText(path, journal),
      readable: resultText,
      quietOutput: ({ archiveId }) => checkedId(archiveId),
      unprinted: ({ archiveId }) => `The archive is stored. Its id is ${archiveId}`,
    },
    async (watched) => {
      const result = await uploadArchive(client, source, { ...settings, ...watched });
      const message = await recordUpload(tools, vaultName, { ...result, description: description ?? "" });
      if (message !== null) {
        watched.onEvent({ kind: "warning", code: "catalog-not-written", message });
      }
      return result;
    },
  );
  if (journal !== undefined) {
    // The next run must be able to print the id until it has been printed.
    await tools.printed();
    await forgetUpload(journal);
  }
}

interface Opened {
  readonly source: UploadSource;
  /** Null if it is not a file. */
  readonly sizeBytes: number | null;
  readonly path: string | null;
  close(): void;
}

async function sourceOf({ pathOf, stdin, signal }: CommandContext, file: string): Promise<Opened> {
  if (file === "-") {
    const input = stdin();
    if (input.isTTY) {
      throw new UsageError("standard input is a terminal: pipe data into the command, or name a file");
    }
    return streamed(input, signal);
  }
  const path = pathOf(file);
  const found = await stat(path).catch((error: Error) => {
    throw new UsageError(`cannot read ${file}: ${error.message}`, { cause: error });
  });
  if (found.isDirectory()) {
    throw new UsageError(`${file} is a folder; to upload it as one archive: tar c ${file} | moraine upload VAULT -`);
  }
  // Devices and pipes have no size, and are read as streams.
  const isFile = found.isFile() && found.size > 0;
  return {
    source: { path },
    sizeBytes: isFile ? found.size : null,
    path: isFile ? path : null,
    close: () => undefined,
  };
}

function streamed(source: Readable, signal: AbortSignal): Opened {
  const close = () => void source.destroy();
  signal.addEventListener("abort", close);
  return { source, sizeBytes: null, path: null, close };
}

interface Plan {
  readonly vaultName: string;
  readonly file: string;
  readonly sizeBytes: number | null;
  readonly journal: string | undefined;
  readonly partSizeBytes: number;
}

async function partSizeFor(sizeBytes: number | null, { partSize, bwlimit }: UploadOptions): Promise<number> {
  const { chosenPartSize } = await import("@moraine/client/node");
  try {
    return chosenPartSize(partSize, sizeBytes, bwlimit);
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

async function reportIfDryRun(tools: CommandContext, plan: Plan, options: UploadOptions): Promise<boolean> {
  if (!tools.options().dryRun) {
    return false;
  }
  const { vaultName, file, sizeBytes, journal, partSizeBytes } = plan;
  const partCount = sizeBytes === null ? null : Math.ceil(sizeBytes / partSizeBytes);
  const { readUnfinishedUpload } = await import("@moraine/client/node");
  const unfinished = journal === undefined || options.restart ? null : await readUnfinishedUpload(journal);
  const what = [
    `upload ${file === "-" ? "standard input" : file}`,
    sizeBytes === null ? "" : `, ${bytesExactly(sizeBytes)},`,
    ` to vault ${vaultName}`,
    partCount === 1 ? "" : ` in ${partCount ?? ""} parts of ${bytesInWords(partSizeBytes)}`.replace("  ", " "),
    unfinished === null ? "" : ", resuming the unfinished upload",
  ].join("");
  return tools.reportIfDryRun(what, {
    vaultName,
    sizeBytes,
    partSizeBytes,
    partCount,
    uploadId: unfinished?.uploadId ?? null,
  });
}

function resumeText(path: string | null, journal: string | undefined): string {
  if (journal === undefined) {
    return "A pipe can be resumed only with --journal FILE: run the same command again with the same bytes.";
  }
  const what = path === null ? "with the same bytes" : "to resume";
  return `Run the same command again ${what}: parts that the service has are not sent again. The journal is ${journal}.`;
}

function resultText({ archiveId, sizeBytes, treeHash, resumedBytes }: UploadResult): string {
  return listing({
    archive: checkedId(archiveId),
    size: bytesExactly(sizeBytes),
    "tree hash": treeHash,
    ...(resumedBytes > 0 && { "sent before": bytesExactly(resumedBytes) }),
  });
}
