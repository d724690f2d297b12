import { bodyFrom } from "../request-body.ts";
import type { S3Objects } from "../s3-objects.ts";
import type { S3Uploads } from "../s3-uploads.ts";
import { throughField } from "./document-pieces.ts";

const partBytes = 8 * 1024 ** 2;

/** Replaces a document: in one request, or in parts if it is large. */
export async function writeDocument(
  { objects, uploads }: { readonly objects: S3Objects; readonly uploads: S3Uploads },
  key: string,
  { bytes, through }: { readonly bytes: AsyncIterable<Uint8Array>; readonly through: number },
  signal: AbortSignal,
): Promise<void> {
  const metadata = { [throughField]: String(through) };
  let uploadId: string | null = null;
  const etags: string[] = [];
  try {
    for await (const { part, isLast } of inParts(bytes)) {
      if (isLast && uploadId === null) {
        await objects.put(key, part, signal, metadata);
        return;
      }
      uploadId ??= await uploads.begin(key, metadata, signal);
      etags.push(await uploads.putPart(key, { uploadId, number: etags.length + 1 }, bodyFrom(part), signal));
    }
    if (uploadId !== null) {
      await uploads.replace(key, uploadId, etags, signal);
    }
  } catch (error) {
    if (uploadId !== null) {
      await uploads.abort(key, uploadId, signal).catch(() => undefined);
    }
    throw error;
  }
}

interface Part {
  /** Its memory is used for another part once the next one is asked for. */
  readonly part: Buffer;
  readonly isLast: boolean;
}

/** Yields one part at least, which may be empty. Two buffers take turns, since what is dropped would be collected late. */
async function* inParts(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Part, void, void> {
  const buffers: Buffer[] = [];
  let turn = 0;
  let filled = 0;
  let previous: Buffer | null = null;
  const current = () => (buffers[turn] ??= Buffer.allocUnsafeSlow(partBytes));
  for await (const piece of bytes) {
    for (let from = 0; from < piece.length; ) {
      if (filled === partBytes) {
        if (previous !== null) {
          yield { part: previous, isLast: false };
        }
        previous = current();
        turn = 1 - turn;
        filled = 0;
      }
      const taken = piece.subarray(from, from + partBytes - filled);
      current().set(taken, filled);
      filled += taken.length;
      from += taken.length;
    }
  }
  if (previous !== null) {
    yield { part: previous, isLast: false };
  }
  yield { part: current().subarray(0, filled), isLast: true };
}
