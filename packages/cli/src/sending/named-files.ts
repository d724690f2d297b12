import { createReadStream } from "node:fs";
import type { CommandContext } from "../context/tools.ts";
import { UsageError } from "../exit-codes.ts";

/** A list of files is read in pieces; a name is much shorter than this. */
const nameBytesMax = 64 * 1024;

/**
 * Yields the names in a list, from a file or with `-` from standard input: one a line, or with a NUL after each as `find -print0` writes them,
 * if its first piece has one. Throws UsageError when it cannot be read.
 */
export async function* namesIn(
  { pathOf, stdin }: Pick<CommandContext, "pathOf" | "stdin">,
  list: string,
): AsyncGenerator<string, void, void> {
  const bytes: AsyncIterable<Uint8Array> = list === "-" ? stdin() : createReadStream(pathOf(list));
  const decoder = new TextDecoder();
  let rest = "";
  let end: string | null = null;
  try {
    for await (const piece of bytes) {
      const text = decoder.decode(piece, { stream: true });
      end ??= text.includes("\0") ? "\0" : "\n";
      const names = (rest + text).split(end);
      rest = names.pop() ?? "";
      if (rest.length > nameBytesMax) {
        throw new Error("it has a name that is too long: expected one name a line, or a NUL after each");
      }
      yield* names.filter(Boolean);
    }
  } catch (error) {
    throw new UsageError(`cannot read ${list}: ${(error as Error).message}`, { cause: error });
  }
  if (rest !== "") {
    yield rest;
  }
}
