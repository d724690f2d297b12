import { WrongResponseError } from "./calls.ts";

/** The place of a response's first byte in its object, and the object's size. */
export function contentPlace({
  ContentRange,
  ContentLength,
}: {
  readonly ContentRange?: string | undefined;
  readonly ContentLength?: number | undefined;
}): { readonly start: number; readonly sizeBytes: number } {
  if (ContentRange === undefined && ContentLength !== undefined) {
    // All of the object: the range was longer, or the store knows none.
    return { start: 0, sizeBytes: ContentLength };
  }
  const [, start, sizeBytes] = /^bytes (\d+)-\d+\/(\d+)$/.exec(ContentRange ?? "") ?? [];
  if (start === undefined || sizeBytes === undefined) {
    throw new WrongResponseError(`The content range "${ContentRange}" was returned`);
  }
  return { start: Number(start), sizeBytes: Number(sizeBytes) };
}

/** Fills `into` with the bytes of a response. Rejects unless it has exactly these many. */
export async function fill(
  into: Buffer,
  body: AsyncIterable<Uint8Array>,
  onFilled: (sizeBytes: number) => void = () => undefined,
): Promise<void> {
  let done = 0;
  for await (const piece of body) {
    if (done + piece.length > into.length) {
      throw new WrongResponseError(`More than ${into.length} bytes were returned`);
    }
    into.set(piece, done);
    done += piece.length;
    onFilled(piece.length);
  }
  if (done < into.length) {
    throw new WrongResponseError(`The response ended after ${done} of ${into.length} bytes`);
  }
}

/** A body without its first bytes. */
export async function* skipped(body: AsyncIterable<Uint8Array>, sizeBytes: number): AsyncGenerator<Uint8Array> {
  let left = sizeBytes;
  for await (const piece of body) {
    if (left < piece.length) {
      yield piece.subarray(left);
    }
    left = Math.max(0, left - piece.length);
  }
}
