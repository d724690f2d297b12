import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { CorruptSegmentError } from "../../domain/segment.ts";
import type { BlobStore } from "../../domain/stores/blob-store.ts";
import { ifPresent } from "../../files/missing.ts";
import { openUnknownSegment } from "../../segments/open-unknown.ts";
import { isBlobName } from "../../storage/blobs/blob-key.ts";
import type { KnownRows } from "./known-rows.ts";
import type { SegmentIndex, UnknownFile } from "./segment-index.ts";

const folderPattern = /^[0-9a-f]{2}$/;
/** Footers that are read at a time. */
const atOnce = 16;

interface Scanned {
  readonly blobs: BlobStore;
  readonly rows: KnownRows;
  readonly index: SegmentIndex;
}

/** Reads the footer of each segment that the database does not know. Memory is needed for the names in one folder. */
export async function scan(folder: string, scanned: Scanned): Promise<void> {
  for (const outer of await foldersIn(folder, "", scanned)) {
    for (const shelf of await foldersIn(folder, outer, scanned)) {
      const names = await entriesOf(join(folder, shelf));
      for (let at = 0; at < names.length; at += atOnce) {
        await Promise.all(names.slice(at, at + atOnce).map((entry) => scanFile(entry, shelf, scanned)));
      }
    }
  }
}

async function foldersIn(folder: string, path: string, { index }: Scanned): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await entriesOf(join(folder, path))) {
    const below = path === "" ? entry.name : `${path}/${entry.name}`;
    if (entry.isDirectory() && folderPattern.test(entry.name)) {
      found.push(below);
    } else {
      index.addForeign(below);
    }
  }
  return found;
}

const entriesOf = async (folder: string): Promise<Dirent[]> =>
  (await ifPresent(readdir(folder, { withFileTypes: true }))) ?? [];

async function scanFile(entry: Dirent, shelf: string, { blobs, rows, index }: Scanned): Promise<void> {
  const key = `${shelf}/${entry.name}`;
  if (!entry.isFile() || !isBlobName(entry.name)) {
    index.addForeign(key);
  } else if (!rows.isKnown(key)) {
    index.add(await described(blobs, key, entry.name.slice(0, entry.name.lastIndexOf("."))));
  }
}

async function described(blobs: BlobStore, key: string, owner: string): Promise<UnknownFile> {
  try {
    const { segment, footer, close } = await openUnknownSegment(blobs, key);
    await close();
    return {
      key,
      owner,
      kind: footer.kind ?? null,
      first_byte: segment.firstByte,
      size_bytes: segment.sizeBytes,
      tree_hash: segment.treeHash,
      vault_arn: footer.vaultArn,
      description: footer.description,
      stored_at: footer.storedAt,
      problem: null,
    };
  } catch (error) {
    if (!(error instanceof CorruptSegmentError)) {
      throw error;
    }
    const nothing = { kind: null, first_byte: 0, size_bytes: 0, tree_hash: "", vault_arn: "", description: "" };
    return { key, owner, ...nothing, stored_at: 0, problem: error.reason };
  }
}
