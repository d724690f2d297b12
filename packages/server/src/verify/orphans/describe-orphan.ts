import { idLengths } from "@moraine/protocol";
import { CorruptSegmentError } from "../../domain/segment.ts";
import { BlobMissingError, type BlobStore, NotRestoredYetError } from "../../domain/stores/blob-store.ts";
import type { Footer } from "../../segments/footer.ts";
import { openUnknownSegment } from "../../segments/open-unknown.ts";
import type { Finding } from "../finding.ts";
import type { Orphan } from "./reconcile.ts";

/** The end of an orphan's object. */
export type OrphanFooter = { readonly footer: Omit<Footer, "leaves"> } | { readonly problem: string };

const kinds = {
  archive: "an archive",
  part: "a part of an archive",
  manifest: "a list of an archive's parts",
  inventory: "an inventory",
} as const;

/** Null when there is no such object any more. */
export async function readOrphanFooter(blobs: Pick<BlobStore, "open">, key: string): Promise<OrphanFooter | null> {
  try {
    const { footer, close } = await openUnknownSegment(blobs, key);
    await close();
    const { leaves: _, ...described } = footer;
    return { footer: described };
  } catch (error) {
    if (error instanceof NotRestoredYetError) {
      return { problem: "it has to be restored before it can be read" };
    }
    if (!(error instanceof CorruptSegmentError)) {
      throw error;
    }
    return error.cause instanceof BlobMissingError ? null : { problem: error.reason };
  }
}

/** Says what an orphan holds, for people. */
export function describeOrphan({ sizeBytes, otherKey }: Orphan, end: OrphanFooter): string {
  const row = otherKey === null ? "no row knows the object" : "the row of the object's name has another owner";
  if ("problem" in end) {
    return `${row}; ${end.problem}; ${sizeBytes} bytes`;
  }
  const { kind, sizeBytes: contentBytes, storedAt, description } = end.footer;
  const what = kind === undefined ? "bytes of an archive" : (kinds[kind] ?? "bytes of an unknown kind");
  const name = description === "" ? "" : `, ${JSON.stringify(description)}`;
  return `${row}; it ends as ${what} of ${contentBytes} bytes${name}, written ${new Date(storedAt).toISOString()}`;
}

/** The owner that the key names. */
export const ownerOfKey = (key: string): string => key.slice("ab/cd/".length, key.lastIndexOf("."));

/** The things that concern an orphan, for a report. */
export function subjectOf(
  { key }: Pick<Orphan, "key">,
  end: OrphanFooter,
): Pick<Finding, "vault" | "archive" | "object"> {
  const owner = ownerOfKey(key);
  return {
    vault: "footer" in end ? end.footer.vaultArn : undefined,
    archive: owner.length === idLengths.archive ? owner : undefined,
    object: `segments/${key}`,
  };
}
