import { throughField } from "./document-pieces.ts";
import { bodyFrom } from "./request-body.ts";
import type { S3Objects } from "./s3-objects.ts";
import type { S3Uploads } from "./s3-uploads.ts";

const partBytes = 8 * 1024 ** 2;

/** Replaces a document: in one request, or in parts if it is large. */
export async function writeDocument(
  { objects, uploads }: { readonly objects: S3Objects; readonly uploads: S3Uploads },
  key: string,
  { bytes, through }: { readonly bytes: AsyncIterable<Uint8Array>; readonly through: number },
  signal: AbortSignal,
): Promise<void> {
  const metadata = { [throughField]: String(through) };
  const parts = inParts(bytes);
  const [first, second] = [await parts.next(), await parts.next()];
  if (second.done) {
    await objects.put(key, first.value ?? Buffer.alloc(0), signal, metadata);
    return;
  }
  const uploadId = await uploads.begin(key, metadata, signal);
  try {
    const etags: string[] = [];
    const send = async (part: Buffer) => {
      etags.push(await uploads.putPart(key, { uploadId, number: etags.length + 1 }, bodyFrom(part), signal));
    };
    await send(first.value ?? Buffer.alloc(0));
    await send(second.value);
    for await (const part of parts) {
      await send(part);
    }
    await uploads.replace(key, uploadId, etags, signal);
  } catch (error) {
    await uploads.abort(key, uploadId, signal).catch(() => undefined);
    throw error;
  }
}

async function* inParts(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void, void> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  for await (const piece of bytes) {
    held.push(piece);
    heldBytes += piece.length;
    if (heldBytes >= partBytes) {
      yield Buffer.concat(held);
      held = [];
      heldBytes = 0;
    }
  }
  if (heldBytes > 0) {
    yield Buffer.concat(held);
  }
}
