import { createHash } from "node:crypto";
import { type FileHandle, open, rm } from "node:fs/promises";
import { streamFrom } from "@moraine/client/node";
import { byteCounter } from "../byte-counter.ts";
import type { ArchiveFacts, ArchiveOutput, StoredCopy, StoreOptions } from "../target.ts";
import type { FolderParts } from "./folder-parts.ts";
import { draftSuffix, partialFolder, partialName } from "./partial-folder.ts";
import { publish } from "./publish.ts";

/** Up to this size, an archive is one request, and is in memory until it is verified. */
const pieceBytes = 4 * 1024 ** 2;

/**
 * Stores an archive that is fetched in order. Its pieces are verified before they are written, and both hashes are computed on the way.
 * Nothing of it is kept when it fails.
 */
export async function storeSmall(
  parts: FolderParts,
  archive: ArchiveFacts,
  output: ArchiveOutput,
  options: StoreOptions,
): Promise<StoredCopy> {
  return parts.folders.within(partialFolder, async (folder) => {
    const name = `${partialName(archive.archiveId)}${draftSuffix}`;
    await rm(folder.entry(name), { force: true });
    try {
      const sha256 = await writeDraft(folder.entry(name), archive, output, options);
      await publish(parts, archive, { folder, name }, options.signal);
      return { location: archive.path, sha256 };
    } catch (error) {
      await rm(folder.entry(name), { force: true }).catch(() => undefined);
      throw error;
    }
  });
}

async function writeDraft(
  entry: string,
  archive: ArchiveFacts,
  output: ArchiveOutput,
  options: StoreOptions,
): Promise<string> {
  await using file = await open(entry, "wx", 0o666);
  const sha256 = createHash("sha256");
  for await (const piece of verified(archive, output, options)) {
    sha256.update(piece);
    await file.appendFile(piece);
  }
  await setModified(file, archive);
  await file.sync();
  return sha256.digest("hex");
}

function verified(
  { sizeBytes, treeHash }: ArchiveFacts,
  output: ArchiveOutput,
  { signal, bandwidth, onBytes }: StoreOptions,
): AsyncIterable<Uint8Array> {
  return streamFrom(output, {
    treeHash,
    signal,
    bandwidth,
    concurrency: sizeBytes <= pieceBytes ? 1 : 2,
    rangeSizeBytes: pieceBytes,
    reuseBuffers: true,
    onEvent: byteCounter(onBytes),
  });
}

/** Gives the file the archive's time and permissions, if they are known and can be those of a file. */
export async function setModified(file: FileHandle, { modifiedAt, permissions = null }: ArchiveFacts): Promise<void> {
  if (permissions !== null) {
    await file.chmod(permissions & 0o777).catch(() => undefined);
  }
  if (modifiedAt !== null) {
    await file.utimes(modifiedAt, modifiedAt).catch(() => undefined);
  }
}
