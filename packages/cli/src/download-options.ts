import type { DownloadResult } from "@moraine/client/node";
import type { Command } from "commander";
import { bytesExactly } from "./sizes.ts";
import { listing } from "./table.ts";
import type { Tools, TransferView } from "./tools.ts";
import { addPaceOptions, type PaceOptions, paceOf } from "./transfer-options.ts";

export interface DownloadOptions extends PaceOptions {
  readonly output: string;
  readonly force?: true;
  readonly acceptUnverified?: true;
}

export function addDownloadOptions(command: Command): Command {
  command
    .option("--force", "replace a file that is there")
    .option("--accept-unverified", "take an archive's bytes also where the service gives no checksum for them");
  return addPaceOptions(command, "ranges");
}

type Watched = Parameters<Parameters<Tools["transfer"]>[1]>[0];
type Settings = Watched & Awaited<ReturnType<typeof paceOf>> & { readonly acceptUnverified: boolean };

/** The two ways in which the library gives an output. */
export interface Download {
  readonly name: string;
  toFile(settings: Settings & { readonly target: string; readonly overwrite: boolean }): Promise<DownloadResult>;
  stream(settings: Settings): AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>;
}

/** To a file, or with `-` to standard output. */
export async function download(tools: Tools, options: DownloadOptions, way: Download): Promise<void> {
  const settings = { acceptUnverified: options.acceptUnverified ?? false, ...(await paceOf(options)) };
  if (options.output === "-") {
    await downloadToStdout(tools, settings, way);
    return;
  }
  const target = tools.pathOf(options.output);
  const overwrite = options.force ?? false;
  await tools.transfer<DownloadResult>(
    {
      name: way.name,
      goOn: `Run the same command again to go on: what was verified is kept in ${target}.partial.`,
      readable: (result) => resultText(options.output, result),
    },
    (watched) => way.toFile({ ...settings, ...watched, target, overwrite }),
  );
}

async function downloadToStdout(tools: Tools, settings: Omit<Settings, keyof Watched>, way: Download): Promise<void> {
  let sizeBytes = 0;
  const counted = async function* (bytes: AsyncIterable<Uint8Array>) {
    for await (const piece of bytes) {
      sizeBytes += piece.length;
      yield piece;
    }
  };
  const view: TransferView<{ sizeBytes: number }> = {
    name: way.name,
    goOn: "What was written is right, but not all: a pipe starts from the beginning. Download to a file to go on where it was.",
    bytesOnStdout: true,
    readable: () => "",
  };
  await tools.transfer(view, async (watched) => {
    await tools.writeOut(counted(await way.stream({ ...settings, ...watched })));
    return { sizeBytes };
  });
}

const provenBy = {
  whole: "by the tree hash of the whole",
  ranges: "by the checksum of each range",
  size: "by its size, for inventories have no checksum",
  nothing: "NOT: the service gave nothing to verify it by",
} as const;

function resultText(file: string, { sizeBytes, treeHash, verifiedBy, resumedBytes }: DownloadResult): string {
  return listing({
    file,
    size: bytesExactly(sizeBytes),
    ...(treeHash !== null && { "tree hash": treeHash }),
    verified: provenBy[verifiedBy],
    ...(resumedBytes > 0 && { "fetched before": bytesExactly(resumedBytes) }),
  });
}
