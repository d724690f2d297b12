import type { ArchiveFacts } from "../target.ts";

/** The service's limit is 2 KiB for all names and values; the others need less than 400 bytes. */
const descriptionBytesMax = 1500;

/**
 * Returns the metadata of an archive's object. `mtime` is that of rclone, seconds since 1970, so that it restores the time of files. The
 * description is percent-encoded where a header would not keep it; a longer one than fits is in the manifest alone.
 */
export function metadataOf({ archiveId, treeHash, modifiedAt, description }: ArchiveFacts): Record<string, string> {
  const encoded = encodeText(description);
  return {
    "moraine-tree-hash": treeHash,
    "moraine-archive-id": encodeText(archiveId),
    ...(modifiedAt !== null && { mtime: secondsOf(modifiedAt) }),
    ...(encoded !== "" && encoded.length <= descriptionBytesMax && { "moraine-description": encoded }),
  };
}

/** Whether the object was stored as a copy of that archive. */
export const isOfArchive = (
  metadata: Readonly<Record<string, string>> | undefined,
  { treeHash, archiveId }: ArchiveFacts,
): boolean => metadata?.["moraine-tree-hash"] === treeHash && metadata["moraine-archive-id"] === encodeText(archiveId);

/** Encodes all that is not printable ASCII, "%", and spaces that signatures and proxies change. */
function encodeText(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\x21-\x7e]|%/g, (found, at: number) => (isPlainSpace(text, at) ? found : encodeURIComponent(found)))
    .replace(/[^\x20-\x7e]+/gu, encodeURIComponent);
}

const isPlainSpace = (text: string, at: number): boolean =>
  text[at] === " " && /^[^ ]$/.test(text[at - 1] ?? " ") && /^[^ ]$/.test(text[at + 1] ?? " ");

const secondsOf = (date: Date): string => (date.getTime() / 1000).toFixed(3);
