import { sha256Of, treeHashOf } from "../../../../test/support/content.ts";
import type { ManifestEntry } from "../../src/manifest/manifest-entry.ts";

/** An entry whose copy has these bytes. */
export function entryFor(path: string, bytes: Uint8Array, given: Partial<ManifestEntry> = {}): ManifestEntry {
  return {
    archiveId: `id of ${path}`,
    path,
    location: path,
    description: `description of ${path}`,
    sizeBytes: bytes.length,
    treeHash: treeHashOf(bytes),
    sha256: sha256Of(bytes),
    modifiedAt: null,
    createdAt: new Date("2019-03-01T10:15:00.000Z"),
    verifiedAt: new Date("2026-11-30T12:00:00.000Z"),
    ...given,
  };
}

export async function* piecesOf(...texts: readonly string[]): AsyncGenerator<Uint8Array, void, void> {
  for (const text of texts) {
    yield Buffer.from(text);
  }
}

export async function textOf(bytes: AsyncIterable<Uint8Array> | null): Promise<string | null> {
  if (bytes === null) {
    return null;
  }
  const all: Uint8Array[] = [];
  for await (const piece of bytes) {
    all.push(Buffer.from(piece));
  }
  return Buffer.concat(all).toString();
}
