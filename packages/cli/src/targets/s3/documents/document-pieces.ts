import type { S3Objects } from "../s3-objects.ts";

/** An object with a part of a document. */
export interface Piece {
  readonly key: string;
  readonly sizeBytes: number;
  /** 0 for the document's own object. */
  readonly number: number;
  /** The number of the last piece whose bytes are in the object: of the document's own, it may be greater than 0. */
  readonly throughNumber: number;
}

/** In the metadata of a document: the number of the last piece whose bytes it has. */
export const throughField = "moraine-through";

/** Returns the objects of a document in their order, none if there is no such document. */
export async function piecesOf(
  objects: S3Objects,
  { key, folder }: { readonly key: string; readonly folder: string },
  signal: AbortSignal,
): Promise<readonly Piece[]> {
  const head = await objects.head(key, signal);
  const through = Number(head?.Metadata?.[throughField] ?? 0);
  const own = head === null ? [] : [{ key, sizeBytes: head.ContentLength ?? 0, number: 0, throughNumber: through }];
  const pieces: Piece[] = [];
  for await (const listed of objects.list(folder, signal)) {
    const number = Number(listed.key.slice(folder.length));
    if (number > through) {
      pieces.push({ ...listed, number, throughNumber: number });
    }
  }
  return [...own, ...pieces];
}
