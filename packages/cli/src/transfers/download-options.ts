import { existsSync } from "node:fs";
import type { DownloadResult } from "@moraine/client/node";
import { type Command, Option } from "commander";
import { bytesExactly } from "../arguments/sizes.ts";
import type { CommandContext, TransferView } from "../context/tools.ts";
import { UsageError } from "../exit-codes.ts";
import { listing } from "../terminal/table.ts";
import { addPaceOptions, type PaceOptions, paceOf, rangeSize } from "./transfer-options.ts";

export const newJobFlag = "--new-job";

export interface DownloadOptions extends PaceOptions {
  readonly output?: string;
  readonly verifyOnly?: true;
  readonly rangeSize?: number;
  readonly force?: true;
  readonly acceptUnverified?: true;
}

/** Adds the options that say where an output is written: to a file, to standard output, or nowhere. */
export function addOutputOptions(command: Command): Command {
  const verifyOnly = new Option("--verify-only", "download and verify, but write no file").conflicts("output");
  return command.option("-o, --output <file>", "file to write to; - is standard output").addOption(verifyOnly);
}

/** Throws UsageError when neither is given. Called before the first request. */
export function assertHasOutput({ output, verifyOnly }: DownloadOptions): void {
  if (output === undefined && verifyOnly === undefined) {
    throw new UsageError("Missing output: name a file with -o FILE, or add --verify-only to write no file");
  }
}

export function addDownloadOptions(command: Command): Command {
  command
    .option("--force", "replace an existing file")
    .option("--accept-unverified", "accept bytes for which the service gives no checksum")
    .option(
      "--range-size <size>",
      "size of each range: 1MiB times a power of two, e.g. 4MiB (default: 16MiB or more)",
      rangeSize,
    );
  return addPaceOptions(command, "ranges");
}

type Watched = Parameters<Parameters<CommandContext["transfer"]>[1]>[0];
type Settings = Watched &
  Awaited<ReturnType<typeof paceOf>> & { readonly acceptUnverified: boolean; readonly rangeSizeBytes?: number };

/** The functions of the library that download an output. */
export interface Download {
  readonly name: string;
  toFile(settings: Settings & { readonly target: string; readonly overwrite: boolean }): Promise<DownloadResult>;
  stream(settings: Settings): AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>;
}

export interface VerifiableDownload extends Download {
  verify(settings: Settings): Promise<DownloadResult>;
}

/** Returns the name of a download in the progress line. */
export const nameOf = ({ output }: DownloadOptions, vaultName: string) =>
  output === undefined || output === "-" ? vaultName : output;

/** Downloads to a file, or with `-` to standard output; with `--verify-only` it verifies and writes nothing. */
export async function downloadOrVerify(
  tools: CommandContext,
  options: DownloadOptions,
  way: VerifiableDownload,
): Promise<void> {
  if (!options.verifyOnly) {
    await download(tools, options, way);
    return;
  }
  const settings = await settingsOf(options);
  await tools.transfer<DownloadResult>(
    {
      name: way.name,
      resumeHint: () => `A verification cannot be resumed, so it starts over. ${resumeHint(tools, null)}`,
      readable: (result) => resultText(null, result),
    },
    (watched) => way.verify({ ...settings, ...watched }),
  );
}

/** Downloads to a file, or with `-` to standard output. */
export async function download(tools: CommandContext, options: DownloadOptions, way: Download): Promise<void> {
  const { output = "-" } = options;
  const settings = await settingsOf(options);
  if (output === "-") {
    await downloadToStdout(tools, settings, way);
    return;
  }
  const target = tools.pathOf(output);
  const overwrite = options.force ?? false;
  const { partialFileOf } = await import("@moraine/client/node");
  const partialFile = partialFileOf(target);
  await tools.transfer<DownloadResult>(
    {
      name: way.name,
      resumeHint: () => resumeHint(tools, partialFile),
      readable: (result) => resultText(output, result),
    },
    (watched) => way.toFile({ ...settings, ...watched, target, overwrite }),
  );
}

async function settingsOf(options: DownloadOptions): Promise<Omit<Settings, keyof Watched>> {
  const { rangeSize: rangeSizeBytes, acceptUnverified = false } = options;
  return { acceptUnverified, ...(rangeSizeBytes !== undefined && { rangeSizeBytes }), ...(await paceOf(options)) };
}

async function downloadToStdout(
  tools: CommandContext,
  settings: Omit<Settings, keyof Watched>,
  way: Download,
): Promise<void> {
  let sizeBytes = 0;
  const counted = async function* (bytes: AsyncIterable<Uint8Array>) {
    for await (const piece of bytes) {
      sizeBytes += piece.length;
      yield piece;
    }
  };
  const view: TransferView<{ sizeBytes: number }> = {
    name: way.name,
    resumeHint: () =>
      `Output is correct but incomplete; a pipe cannot be resumed, a file can. ${resumeHint(tools, null)}`,
    bytesOnStdout: true,
    readable: () => "",
  };
  await tools.transfer(view, async (watched) => {
    await tools.writeOut(counted(await way.stream({ ...settings, ...watched })));
    return { sizeBytes };
  });
}

/**
 * Says how to resume without paying for another job.
 *
 * @param partialFile named if it exists.
 */
export function resumeHint(tools: CommandContext, partialFile: string | null): string {
  const kept = partialFile !== null && existsSync(partialFile) ? `verified bytes are kept in ${partialFile}` : null;
  if (tools.args.includes(newJobFlag)) {
    return `To resume with the job that was started${kept === null ? "" : ` (${kept})`}, run: ${tools.commandLineWithout(newJobFlag)}`;
  }
  return `Run the same command again to resume${kept === null ? "" : `: ${kept}`}.`;
}

const verifications = {
  whole: "by the tree hash of the entire output",
  ranges: "by the checksum of each range",
  size: "by its size, since inventories have no checksum",
  nothing: "NO: the service gave no checksum",
} as const;

/** Verdicts on an existing file that needed no download. */
const existingStates = {
  whole: "already complete, verified by the tree hash of the entire output",
  ranges: "already complete, verified by the checksum of each range",
  size: "already complete by its size; its bytes were not read",
  nothing: "skipped, since the file exists; the archive's size is not known",
} as const;

function resultText(file: string | null, result: DownloadResult): string {
  const { sizeBytes, treeHash, verifiedBy, resumedBytes, alreadyComplete } = result;
  return listing({
    ...(file !== null && { file }),
    size: bytesExactly(sizeBytes),
    ...(treeHash !== null && { "tree hash": treeHash }),
    ...(alreadyComplete ? { state: existingStates[verifiedBy] } : { verified: verifications[verifiedBy] }),
    ...(resumedBytes > 0 && !alreadyComplete && { "fetched before": bytesExactly(resumedBytes) }),
  });
}
