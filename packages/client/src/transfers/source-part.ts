import type { ByteRange } from "@moraine/protocol";
import type { PartDigest } from "./part-digest.ts";

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
