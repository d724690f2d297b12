import { rm } from "node:fs/promises";
import { join } from "node:path";
import { downloadFrom } from "@moraine/client/node";
import { byteCounter } from "../byte-counter.ts";
import {
  type ArchiveFacts,
  type ArchiveOutput,
  type StoredCopy,
  type StoreOptions,
  TargetFullError,
} from "../target.ts";
import { hashesOf, openForReading } from "./file-hashes.ts";
import type { FolderParts } from "./folder-parts.ts";
import { partialFolder, partialName } from "./partial-folder.ts";
import { publish } from "./publish.ts";
import { setModified } from "./store-small.ts";

/**
 * Stores an archive that is fetched in ranges, several at once, and resumed after an interruption. Then it is read back: its SHA-256 can only
 * be computed in order, and the disk's own bytes are verified that way.
 */
export async function storeLarge(
  parts: FolderParts,
  archive: ArchiveFacts,
  output: ArchiveOutput,
  options: StoreOptions,
): Promise<StoredCopy> {
  return parts.folders.within(partialFolder, async (folder) => {
    const name = partialName(archive.archiveId);
    const { signal } = options;
    let sha256 = await readBack(parts, folder.entry(name), archive, signal);
    if (sha256 === null) {
      await download(join(parts.root, partialFolder, name), archive, output, options);
      sha256 = await readBack(parts, folder.entry(name), archive, signal);
    }
    if (sha256 === null) {
      throw new Error(`${archive.path}: the file has other bytes on the disk than were received`);
    }
    await publish(parts, archive, { folder, name }, signal);
    return { location: archive.path, sha256 };
  });
}

async function download(
  target: string,
  { sizeBytes, treeHash }: ArchiveFacts,
  output: ArchiveOutput,
  { signal, bandwidth, onBytes }: StoreOptions,
): Promise<void> {
  try {
    await downloadFrom(output, output, { target, treeHash, signal, bandwidth, onEvent: byteCounter(onBytes) });
  } catch (error) {
    // The library compares the free space with the size before it starts.
    const isRoom = error instanceof Error && error.name === "LocalFileError" && error.cause === undefined;
    throw isRoom ? new TargetFullError(`No room for ${sizeBytes} bytes: ${error.message}`, { cause: error }) : error;
  }
}

/** Reads a downloaded file, and gives it its time. Null if it does not exist; one with other content is removed. */
async function readBack(
  { pool }: FolderParts,
  entry: string,
  archive: ArchiveFacts,
  signal: AbortSignal,
): Promise<string | null> {
  const opened = await openForReading(entry).catch(() => null);
  if (opened === null) {
    return null;
  }
  await using file = opened;
  const { size } = await file.stat();
  const digest = size === archive.sizeBytes ? await hashesOf(file, size, pool, signal) : null;
  if (digest?.treeHash !== archive.treeHash) {
    await rm(entry, { force: true });
    return null;
  }
  await setModified(file, archive);
  await file.sync();
  return digest.sha256;
}
