import type { DigestPool } from "@moraine/client/node";
import type { CatalogArchive } from "../catalog/archive-row.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { hashesOf, openForReading } from "../targets/folder/file-hashes.ts";
import type { LocalFile } from "./local-entry.ts";

/** How files are compared with the catalogue. */
export interface Comparison {
  readonly catalog: Catalog;
  readonly pool: DigestPool;
  readonly isQuick: boolean;
}

/**
 * Finds an archive of the catalogue with the path, size and tree hash of a file; a quick comparison does not read the file, and takes the same
 * modification time for the same content. Only a file whose path and size are known is read. Throws the file system's errors.
 */
export async function findKnown(
  { catalog, pool, isQuick }: Comparison,
  file: LocalFile,
  path: string,
  signal: AbortSignal,
): Promise<CatalogArchive | null> {
  let treeHash: string | null = null;
  const { sizeBytes } = file;
  for await (const batch of catalog.archives.atPath(path, { sizeBytesMin: sizeBytes, sizeBytesMax: sizeBytes })) {
    const quick = isQuick ? batch.find(({ modifiedAt }) => isSameTime(modifiedAt, file.modifiedAt)) : undefined;
    if (quick !== undefined) {
      return quick;
    }
    treeHash ??= await treeHashOf(file, pool, signal);
    const same = batch.find((archive) => archive.treeHash === treeHash);
    if (same !== undefined) {
      return same;
    }
  }
  return null;
}

/** Computes the tree hash of a file. Throws if the file changes meanwhile. */
export async function treeHashOf(
  { file, sizeBytes, modifiedAt }: Pick<LocalFile, "file" | "sizeBytes" | "modifiedAt">,
  pool: DigestPool,
  signal: AbortSignal,
): Promise<string> {
  const { SourceChangedError } = await import("@moraine/client/node");
  await using opened = await openForReading(file);
  const assertSame = async () => {
    const { size, mtime } = await opened.stat();
    if (size !== sizeBytes || mtime.getTime() !== modifiedAt.getTime()) {
      throw new SourceChangedError("it changed while it was read");
    }
  };
  await assertSame();
  try {
    return (await hashesOf(opened, sizeBytes, pool, signal)).treeHash;
  } finally {
    await assertSame();
  }
}

/** A description in `mt2` has whole seconds. */
function isSameTime(recorded: Date | null, modifiedAt: Date): boolean {
  const time = recorded?.getTime();
  const exact = modifiedAt.getTime();
  return time !== undefined && (time === exact || (time % 1000 === 0 && time === Math.floor(exact / 1000) * 1000));
}
