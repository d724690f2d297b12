import type { DigestPool } from "@moraine/client/node";
import type { CatalogArchive } from "../../catalog/archives/archive-row.ts";
import { hashesOf, openForReading } from "../../targets/folder/file-hashes.ts";
import type { LocalFile } from "./local-entry.ts";

/** How files are compared with archives. */
export interface Comparison {
  readonly pool: DigestPool;
  /** Takes the same size and modification time for the same content, and reads no file. */
  readonly isQuick: boolean;
}

/** The content of a file. It is read once, when it is first compared with an archive of its size. */
export class FileContent {
  readonly #comparison: Comparison;
  readonly #file: LocalFile;
  readonly #signal: AbortSignal;
  #treeHash: string | null = null;

  constructor(comparison: Comparison, file: LocalFile, signal: AbortSignal) {
    this.#comparison = comparison;
    this.#file = file;
    this.#signal = signal;
  }

  /** Whether an archive has the same content. Throws the file system's errors. */
  async isOf({ sizeBytes, modifiedAt, treeHash }: CatalogArchive): Promise<boolean> {
    const { pool, isQuick } = this.#comparison;
    if (sizeBytes !== this.#file.sizeBytes) {
      return false;
    }
    if (isQuick && isSameTime(modifiedAt, this.#file.modifiedAt)) {
      return true;
    }
    this.#treeHash ??= await treeHashOf(this.#file, pool, this.#signal);
    return treeHash === this.#treeHash;
  }
}

/** Computes the tree hash of a file. Throws if the file changes meanwhile. */
async function treeHashOf(
  { file, sizeBytes, modifiedAt }: LocalFile,
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
