import { createReadStream } from "node:fs";
import { Command } from "commander";
import type { CommandContext } from "../context/tools.ts";
import { UsageError } from "../exit-codes.ts";
import { sumLine } from "../manifest/sum-line.ts";

/** Computes tree hashes, as sha256sum does SHA-256. */
export function treehashCommand(tools: CommandContext): Command {
  return new Command("treehash")
    .description("Print the tree hash of files, by which Glacier verifies an archive")
    .argument("<file...>", "paths; - is standard input")
    .addHelpText(
      "after",
      `
One line for each file, as sha256sum prints them; with --quiet, only hashes.
It makes no request.

Examples:
  moraine treehash holiday.tar
  tar c holiday | moraine treehash -`,
    )
    .action(async (files: string[]) => {
      const hashes: Hashed[] = [];
      const failures: string[] = [];
      for (const file of files) {
        try {
          hashes.push(await hashed(tools, file));
        } catch (error) {
          tools.signal.throwIfAborted();
          failures.push(`cannot read ${file}: ${(error as Error).message}`);
        }
      }
      tools.printResult(
        hashes,
        () => hashes.map(({ file, treeHash }) => sumLine(treeHash, file).slice(0, -1)).join("\n"),
        () => hashes.map(({ treeHash }) => treeHash).join("\n"),
      );
      if (failures.length > 0) {
        throw new UsageError(failures.join("; "));
      }
    });
}

interface Hashed {
  readonly file: string;
  readonly sizeBytes: number;
  readonly treeHash: string;
}

async function hashed({ stdin, pathOf, signal }: CommandContext, file: string): Promise<Hashed> {
  const { TreeHash } = await import("@moraine/client/node");
  const hash = new TreeHash();
  let sizeBytes = 0;
  // Pieces of a leaf's size are hashed without a copy.
  const bytes = file === "-" ? stdin() : createReadStream(pathOf(file), { highWaterMark: 1024 ** 2 });
  const stop = () => bytes.destroy();
  signal.addEventListener("abort", stop);
  try {
    for await (const piece of bytes as AsyncIterable<Uint8Array>) {
      sizeBytes += piece.length;
      await hash.update(piece);
    }
  } finally {
    signal.removeEventListener("abort", stop);
  }
  return { file, sizeBytes, treeHash: await hash.digest() };
}
