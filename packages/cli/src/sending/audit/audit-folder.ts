import { lstat } from "node:fs/promises";
import { join } from "node:path";
import type { DigestPool } from "@moraine/client/node";
import type { CatalogArchive } from "../../catalog/archives/archive-row.ts";
import type { Catalog } from "../../catalog/catalog.ts";
import { messageOf } from "../../exit-codes.ts";
import { type FetchedFiles, fetchedNames, newestOfPaths } from "../fetching/fetched-files.ts";
import { inOrder } from "../in-order.ts";
import { FileContent } from "../local/file-content.ts";
import { isOfOneFile } from "../local/file-failure.ts";
import { fileRules } from "../local/file-rules.ts";
import type { LocalEntry, LocalFile } from "../local/local-entry.ts";
import { localEntries } from "../local/local-files.ts";
import type { OwnFiles } from "../local/own-files.ts";
import type { Difference } from "./difference.ts";

export interface FolderAudit {
  readonly catalog: Catalog;
  readonly folder: string;
  readonly own: OwnFiles;
  readonly fetched: FetchedFiles;
  readonly pool: DigestPool;
  /** Compares sizes and times, and reads no file. */
  readonly isQuick: boolean;
  /** Files at the same time. */
  readonly concurrency: number;
  readonly signal: AbortSignal;
}

/** Files of a fetch that runs, or was interrupted. */
const filesOfFetches = [".moraine/lock", ".moraine/partial", ".moraine/probe"];

/** Compares each file of a folder with the archives of its path. */
export async function* compareFiles(
  audit: FolderAudit,
  counts: { files: number },
): AsyncGenerator<readonly Difference[], void, void> {
  const { folder, signal, concurrency } = audit;
  const rules = fileRules({ exclude: filesOfFetches }, audit.own);
  const entries = localEntries(folder, { isNamed: true }, { base: folder, rules, signal });
  for await (const difference of inOrder(entries, concurrency, (entry) => compareEntry(audit, entry))) {
    counts.files += 1;
    yield difference === null ? [] : [difference];
  }
}

async function compareEntry(audit: FolderAudit, entry: LocalEntry): Promise<Difference | null> {
  const { path } = entry;
  if (entry.kind !== "file") {
    // A link, a device or an empty file is in no vault.
    return entry.kind === "failed" ? { kind: "unreadable", path, archiveId: null, details: entry.reason } : null;
  }
  try {
    return await compareFile(audit, entry);
  } catch (error) {
    audit.signal.throwIfAborted();
    if (!isOfOneFile(error)) {
      throw error;
    }
    return { kind: "unreadable", path, archiveId: null, details: messageOf(error) };
  }
}

async function compareFile(audit: FolderAudit, file: LocalFile): Promise<Difference | null> {
  const { catalog, signal, fetched } = audit;
  const { path } = file;
  const archives = await fetched.at(path);
  const [newest] = archives;
  if (newest === undefined) {
    return { kind: "unknown-in-folder", path, archiveId: null, details: null };
  }
  const { archiveId, sizeBytes } = newest;
  const content = new FileContent(audit, file, signal);
  for (const archive of archives) {
    if (await content.isOf(archive)) {
      return null;
    }
  }
  if (await isOlderVersion(catalog, newest.path, content)) {
    return { kind: "older-in-folder", path, archiveId, details: null };
  }
  const details = sizeBytes === file.sizeBytes ? "other content" : `${file.sizeBytes} bytes, not ${sizeBytes}`;
  return { kind: "different-in-folder", path, archiveId, details };
}

async function isOlderVersion({ archives }: Catalog, path: string, content: FileContent): Promise<boolean> {
  for await (const batch of archives.atPath(path)) {
    for (const archive of batch) {
      if (await content.isOf(archive)) {
        return true;
      }
    }
  }
  return false;
}

/** Looks for a file of each path that the catalogue has. An archive without a path is no file. */
export async function* compareCatalog(audit: FolderAudit): AsyncGenerator<readonly Difference[], void, void> {
  const { catalog, concurrency } = audit;
  const archives = newestOfPaths(catalog);
  for await (const difference of inOrder(archives, concurrency, (archive) => missingFile(audit, archive))) {
    yield difference === null ? [] : [difference];
  }
}

/** The path itself is looked for only if it stays in the folder; a file that was fetched has a safe one. */
async function missingFile(audit: FolderAudit, archive: CatalogArchive): Promise<Difference | null> {
  const { folder, fetched, signal } = audit;
  const { path, archiveId } = archive;
  const isInner = path.split("/").every((name) => !["", ".", ".."].includes(name) && !name.includes("\0"));
  const names = new Set([...(isInner ? [path] : []), ...fetchedNames(archive)]);
  for (const name of names) {
    const file = join(folder, name);
    const found = await lstat(file).catch(() => null);
    if (!found?.isFile()) {
      continue;
    }
    const local: LocalFile = {
      kind: "file",
      file,
      path: name,
      sizeBytes: found.size,
      modifiedAt: found.mtime,
      permissions: found.mode & 0o777,
    };
    // One of two that want the same name has it.
    if (!(await fetched.isShared(archive)) || (await new FileContent(audit, local, signal).isOf(archive))) {
      return null;
    }
  }
  return { kind: "missing-in-folder", path, archiveId, details: null };
}
