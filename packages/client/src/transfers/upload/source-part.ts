import type { ByteRange } from "@moraine/protocol";
import type { PartDigest } from "../hashing/part-digest.ts";

/** What is sent as one. */
export interface SourcePart extends ByteRange {
  readonly index: number;
  /** Both hashes, in one pass over the part. */
  digest(): Promise<PartDigest>;
  /** The part's bytes from its start, however often. */
  open(): AsyncIterable<Uint8Array>;
  /** The part is needed no more, and its memory may be used again. */
  release(): void;
}

/** A source, taken apart. */
export interface OpenSource extends AsyncDisposable {
  /** Null when only the end will tell. */
  readonly sizeBytes: number | null;
  /** The same as long as the source is; null for bytes that nobody can recognise but by reading them. */
  readonly identity: string | null;
  /** In order; of a stream, each is kept until it is released. */
  parts(partSizeBytes: number): AsyncIterable<SourcePart>;
  /** Throws SourceChangedError if the source is known not to be what it was. */
  assertUnchanged(): Promise<void>;
}

/** Divides a known size into parts. */
export function* partRanges(
  sizeBytes: number,
  partSizeBytes: number,
): Generator<ByteRange & { readonly index: number }> {
  for (let firstByte = 0; firstByte < sizeBytes; firstByte += partSizeBytes) {
    const lastByte = Math.min(firstByte + partSizeBytes, sizeBytes) - 1;
    yield { index: firstByte / partSizeBytes, firstByte, lastByte };
  }
}

/**
 * Has parts hashed before their turn to be sent comes, as many as `ahead` beyond the one that is asked for: so whoever sends
 * waits less for hashes, and whoever hashes less for parts.
 */
export async function* hashedAhead(parts: AsyncIterable<SourcePart>, ahead: number): AsyncGenerator<SourcePart> {
  const begun: SourcePart[] = [];
  for await (const part of parts) {
    begun.push(hashBegun(part));
    if (begun.length > ahead) {
      yield* begun.splice(0, 1);
    }
  }
  yield* begun;
}

function hashBegun(part: SourcePart): SourcePart {
  let begun: Promise<PartDigest> | null = part.digest();
  begun.catch(() => undefined); // Whoever asks for it hears of it.
  const digest = () => {
    const asked = begun ?? part.digest();
    begun = null; // Whoever asks again wants to know whether the part has changed.
    return asked;
  };
  return { ...part, digest };
}
