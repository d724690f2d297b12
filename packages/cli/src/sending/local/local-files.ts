import type { Dirent, Stats } from "node:fs";
import { lstat, opendir, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { decodeUtf8 } from "../../names/encodings/base64-text.ts";
import type { FileRules } from "./file-rules.ts";
import type { FailedEntry, LocalEntry } from "./local-entry.ts";

/** Places to look at, and how. */
export interface Walk {
  /** The folder that paths are relative to. */
  readonly base: string;
  readonly rules: FileRules;
  readonly signal: AbortSignal;
}

/**
 * Yields a file, or all files below a folder, in the order in which the file system lists them; one folder's names at a time are in memory.
 * Links are not followed, but for one that the user has named. Whatever cannot be read is an entry, too.
 */
export async function* localEntries(
  file: string,
  { isNamed }: { readonly isNamed: boolean },
  walk: Walk,
): AsyncGenerator<LocalEntry, void, void> {
  const path = relative(walk.base, file).split(sep).join("/");
  if (path === ".." || path.startsWith("../") || path.startsWith("/")) {
    const reason = `it is not in the folder ${walk.base}, which paths are relative to: name another one with --base`;
    yield { kind: "failed", path: file, reason };
    return;
  }
  let stats: Stats;
  try {
    stats = await (isNamed ? stat(file) : lstat(file));
  } catch (error) {
    yield failed(path === "" ? file : path, error);
    return;
  }
  if (stats.isDirectory() && !walk.rules.own.has(file, stats)) {
    yield* entriesBelow(file, path, walk);
    return;
  }
  const entries = entriesAt({ file, path: path === "" ? file : path, stats }, walk);
  yield* isNamed ? [...entries].map(expected) : entries;
}

/** A file that the user has named has to be sent. */
const expected = (entry: LocalEntry): LocalEntry => (entry.kind === "left-out" ? { ...entry, kind: "failed" } : entry);

const entriesAt = (found: FoundFile, walk: Walk): Iterable<LocalEntry> =>
  walk.rules.own.has(found.file, found.stats)
    ? [{ kind: "left-out", path: found.path, reason: ownReason }]
    : entryOf(found, walk);

const ownReason = "it is of moraine itself, and changes while files are sent";

async function* entriesBelow(folder: string, path: string, walk: Walk): AsyncGenerator<LocalEntry, void, void> {
  try {
    // Node's types lack that names may be bytes, as `readdir` has them.
    const entries: unknown = await opendir(folder, { encoding: "buffer" as BufferEncoding });
    for await (const { name } of entries as AsyncIterable<Dirent<Buffer>>) {
      walk.signal.throwIfAborted();
      yield* entryBelow({ folder, path }, name, walk);
    }
  } catch (error) {
    walk.signal.throwIfAborted();
    yield failed(path === "" ? folder : path, error);
  }
}

async function* entryBelow(
  parent: { readonly folder: string; readonly path: string },
  bytes: Uint8Array,
  walk: Walk,
): AsyncGenerator<LocalEntry, void, void> {
  const name = decodeUtf8(bytes);
  const path = join(parent.path, name ?? Buffer.from(bytes).toString());
  if (name === null) {
    yield { kind: "failed", path, reason: "its name is not UTF-8: rename it" };
    return;
  }
  const file = join(parent.folder, name);
  try {
    const stats = await lstat(file);
    if (walk.rules.own.has(file, stats)) {
      yield* stats.isDirectory() ? [{ kind: "left-out", path, reason: ownReason } as const] : [];
    } else if (!stats.isDirectory()) {
      yield* entryOf({ file, path, stats }, walk);
    } else if (walk.rules.entersFolder(path)) {
      yield* entriesBelow(file, path, walk);
    }
  } catch (error) {
    walk.signal.throwIfAborted();
    yield failed(path, error);
  }
}

interface FoundFile {
  readonly file: string;
  readonly path: string;
  readonly stats: Stats;
}

function* entryOf({ file, path, stats }: FoundFile, { rules }: Walk): Generator<LocalEntry, void, void> {
  if (!rules.allowsPath(path)) {
    return;
  }
  if (!stats.isFile()) {
    const reason = stats.isSymbolicLink() ? "a symbolic link, which is not followed" : "no regular file";
    yield { kind: "left-out", path, reason };
    return;
  }
  const found = { file, path, sizeBytes: stats.size, modifiedAt: stats.mtime };
  if (rules.allows(found)) {
    yield stats.size === 0
      ? { kind: "left-out", path, reason: "an empty file, and an archive has at least one byte" }
      : { kind: "file", ...found, permissions: stats.mode & 0o777 };
  }
}

const failed = (path: string, error: unknown): FailedEntry => ({
  kind: "failed",
  path,
  reason: (error as Error).message,
});
