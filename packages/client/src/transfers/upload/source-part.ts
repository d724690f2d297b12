import type { ByteRange } from "@moraine/protocol";
import type { PartDigest } from "../hashing/part-digest.ts";

/** A part of a source, sent in one request. */
export interface SourcePart extends ByteRange {
  readonly index: number;
  /** Whether a part that the service has of this range is taken for this one, unread. @default false */
  readonly mayBeKnown?: boolean | undefined;
  /** Computes both hashes in one pass over the part. */
  digest(): Promise<PartDigest>;
  /** Reads the part's bytes from their start. May be called repeatedly. */
  open(): AsyncIterable<Uint8Array>;
  /** Declares that the part is no longer needed, so that its memory may be reused. */
  release(): void;
}

/** An open source, which is read in parts. */
export interface OpenSource extends AsyncDisposable {
  /** Null if it is known only at the end. */
  readonly sizeBytes: number | null;
  /** The same as long as the source is unchanged; null for bytes that can be recognised only by reading them. */
  readonly identity: string | null;
  /** The tree hash that the archive must have, where it is known in advance. */
  readonly treeHash?: string | undefined;
  /** Yields the parts in order. Those of a stream are kept until they are released. */
  parts(partSizeBytes: number): AsyncIterable<SourcePart>;
  /** Throws SourceChangedError if the source is known to have changed. */
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
 * Starts to hash `ahead` parts beyond the one that is requested, so that sending waits less for hashes, and hashing less for parts. A part that
 * the service may have is not read in advance.
 */
export async function* hashedAhead(parts: AsyncIterable<SourcePart>, ahead: number): AsyncGenerator<SourcePart> {
  const started: SourcePart[] = [];
  for await (const part of parts) {
    started.push(part.mayBeKnown ? part : hashStarted(part));
    if (started.length > ahead) {
      yield* started.splice(0, 1);
    }
  }
  yield* started;
}

function hashStarted(part: SourcePart): SourcePart {
  let started: Promise<PartDigest> | null = part.digest();
  started.catch(() => undefined); // The call of `digest` throws its error.
  const digest = () => {
    const asked = started ?? part.digest();
    started = null; // A second call hashes again, to show whether the part has changed.
    return asked;
  };
  return { ...part, digest };
}
