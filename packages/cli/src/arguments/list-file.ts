import { constants, createReadStream } from "node:fs";
import { access, stat } from "node:fs/promises";
import type { CommandContext } from "../context/tools.ts";
import { UsageError } from "../exit-codes.ts";

/** A list of names or ids that the user names: a file, a pipe, or with `-` standard input. */
export interface ListFile {
  /** As the user has given it. */
  readonly name: string;
  /** Whether it can be read repeatedly: a pipe has its bytes only once. */
  readonly isRepeatable: boolean;
  /** Opens it, from its first byte on. Called once unless it is repeatable. */
  bytes(): AsyncIterable<Uint8Array>;
}

/** Throws UsageError for a list that cannot be read, before anything is done. */
export async function findList(
  { pathOf, stdin }: Pick<CommandContext, "pathOf" | "stdin">,
  name: string,
): Promise<ListFile> {
  if (name === "-") {
    return { name: "standard input", isRepeatable: false, bytes: stdin };
  }
  const path = pathOf(name);
  const found = await stat(path).catch((cause: Error) => {
    throw unreadable(name, cause);
  });
  if (found.isDirectory()) {
    throw new UsageError(`cannot read ${name}: it is a folder, expected a list`);
  }
  await access(path, constants.R_OK).catch((cause: Error) => {
    throw unreadable(name, cause);
  });
  // Two readers of a pipe would each get a part of its bytes.
  return { name, isRepeatable: found.isFile(), bytes: () => createReadStream(path) };
}

/** Returns the error for a list that cannot be read. */
export const unreadable = (name: string, cause: unknown): UsageError =>
  new UsageError(`cannot read ${name}: ${(cause as Error).message}`, { cause });
