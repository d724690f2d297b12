import { type ByteRange, leafSizeBytes, rangeLength } from "@moraine/protocol";
import { GlacierConnectionError } from "../../../errors.ts";
import type { Bandwidth } from "../../bandwidth.ts";
import { LeafDigests } from "../../hashing/part-digest.ts";
import type { Progress } from "../../progress.ts";
import { asError, VerificationError } from "../../transfer-errors.ts";
import type { OutputFacts } from "../output-facts.ts";
import type { OutputSource } from "../output-source.ts";
import { isOutage, RangeRetries } from "./range-retries.ts";
import { firstRange } from "./ranges.ts";
import { ReceivedBytes } from "./received-bytes.ts";
import type { RequestSize } from "./request-size.ts";

export interface FetchContext {
  readonly source: OutputSource;
  readonly progress: Progress;
  readonly bandwidth: Bandwidth | undefined;
  readonly requestSize: RequestSize;
}

export interface FetchedRange {
  readonly treeHash: string;
  /** False if only the tree hash of the entire output can show whether the range is right. */
  readonly proven: boolean;
}

/**
 * Keeps bytes, from that offset in the range on. If `bytes` fails, it rejects with the same error, once all bytes received before are kept.
 */
export type Keep = (bytes: AsyncIterable<Uint8Array>, offset: number) => Promise<void>;

/**
 * Fetches a range until its bytes agree with the checksums that the server sent. After an interruption, only the missing bytes are
 * requested.
 */
export async function fetchRange(
  context: FetchContext,
  range: ByteRange,
  keep: Keep,
  signal: AbortSignal,
): Promise<FetchedRange> {
  return new RangeFetch(context, range, keep).run(signal);
}

/**
 * Fetches a range in pieces, one after the other. Pieces are nodes of the output's tree, so that each has a checksum of its own. A piece
 * whose connection broke is continued, and verified by the checksum of its first response.
 */
class RangeFetch {
  readonly #context: FetchContext;
  readonly #range: ByteRange;
  readonly #keep: Keep;
  readonly #retries: RangeRetries;
  readonly #leaves = new LeafDigests();
  readonly #received: ReceivedBytes;
  readonly #progressed = () => this.#retries.progressed();
  #piece: ByteRange;
  #checksum: string | null = null;
  #isProven = true;
  #canContinue = true;

  constructor(context: FetchContext, range: ByteRange, keep: Keep) {
    this.#context = context;
    this.#range = range;
    this.#keep = keep;
    this.#retries = new RangeRetries(context.source.retryForMilliseconds, context.progress);
    this.#received = new ReceivedBytes(range.firstByte);
    this.#piece = this.#pieceFrom(range.firstByte);
  }

  async run(signal: AbortSignal): Promise<FetchedRange> {
    for (;;) {
      try {
        await this.#fetchPiece(signal);
        if (this.#piece.lastByte === this.#range.lastByte) {
          return { treeHash: this.#leaves.treeHash(), proven: this.#isProven };
        }
        this.#retries.verified();
        this.#begin(this.#piece.lastByte + 1);
      } catch (error) {
        await this.#recover(asError(error), signal);
      }
    }
  }

  /** Pauses, then lets the piece continue, or start again if its bytes may be wrong. Throws the error when it is final. */
  async #recover(error: Error, signal: AbortSignal): Promise<void> {
    await this.#retries.prepareNext(this.#piece, error, signal);
    const isUseful = isOutage(error);
    if (!isUseful) {
      this.#received.distrust(this.#piece.firstByte);
    }
    if (!(isUseful && this.#canContinue) || this.#isAtStart) {
      this.#begin(this.#piece.firstByte);
    }
  }

  async #fetchPiece(signal: AbortSignal): Promise<void> {
    while (this.#received.position <= this.#piece.lastByte) {
      await this.#request(signal);
    }
    const { source, progress } = this.#context;
    const sent = { treeHash: this.#leaves.treeHash(this.#leafCountBefore(this.#piece)), checksum: this.#checksum };
    this.#isProven = judge(this.#piece, sent, source.facts, progress) && this.#isProven;
  }

  #begin(firstByte: number): void {
    this.#piece = this.#pieceFrom(firstByte);
    this.#received.moveTo(firstByte);
    this.#leaves.truncate(this.#leafCountBefore(this.#piece));
  }

  #pieceFrom(firstByte: number): ByteRange {
    const { requestSize, source } = this.#context;
    const rest = { firstByte, lastByte: this.#range.lastByte };
    const piece = firstRange(rest, source.facts.sizeBytes, requestSize.bytes);
    return rangeLength(piece) === rangeLength(this.#range) ? this.#range : piece;
  }

  /** Whether no byte of the piece has been received. */
  get #isAtStart(): boolean {
    return this.#received.position === this.#piece.firstByte;
  }

  /** Requests the missing bytes of the piece, or some of them. */
  async #request(signal: AbortSignal): Promise<void> {
    const { requestSize, source } = this.#context;
    const firstByte = this.#received.position;
    const lastByte = Math.min(this.#piece.lastByte, firstByte + requestSize.bytes - 1);
    const requestedBytes = lastByte - firstByte + 1;
    const ended = new AbortController();
    let hasBegun = false;
    try {
      const { checksum, bytes } = await source.open({ firstByte, lastByte }, AbortSignal.any([signal, ended.signal]));
      hasBegun = true;
      if (this.#isAtStart) {
        this.#checksum = checksum;
      }
      await this.#keep(this.#counted(bytes, signal), firstByte - this.#range.firstByte);
      requestSize.completed(requestedBytes);
    } catch (cause) {
      const error = asError(cause);
      // Some servers ignore ranges, which matters only when a piece is to be continued.
      this.#canContinue &&= hasBegun || this.#isAtStart || isOutage(error);
      if (hasBegun && error instanceof GlacierConnectionError) {
        requestSize.broke(requestedBytes);
      }
      throw error;
    } finally {
      ended.abort(); // Closes a response that was not read to its end.
    }
  }

  async *#counted(bytes: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
    const { bandwidth, progress } = this.#context;
    for await (const piece of bytes) {
      await bandwidth?.take(piece.length, signal);
      this.#leaves.update(piece);
      progress.moved(piece.length, this.#received.add(piece.length, this.#progressed));
      yield piece;
    }
  }

  /** Returns the number of leaves before the piece: all pieces but the last are whole mebibytes. */
  #leafCountBefore({ firstByte }: ByteRange): number {
    return (firstByte - this.#range.firstByte) / leafSizeBytes;
  }
}

/** Whether the range is verified. Throws VerificationError if it is wrong. */
function judge(
  range: ByteRange,
  { treeHash, checksum }: { treeHash: string; checksum: string | null },
  facts: OutputFacts,
  progress: Progress,
): boolean {
  const isWhole = rangeLength(range) === facts.sizeBytes;
  const expected = checksum ?? (isWhole ? facts.treeHash : null);
  if (expected === null || expected === treeHash) {
    return expected !== null;
  }
  if (!isWhole && (expected === facts.archiveTreeHash || expected === facts.treeHash)) {
    const message =
      "The server sent the entire archive's tree hash with a range; the range is verified with the entire archive";
    progress.emit({ kind: "warning", code: "whole-hash-on-range", range, message });
    return false;
  }
  const advice =
    "It was fetched several times; verified ranges are kept. Try again later, or ask the server's operator.";
  throw new VerificationError({ range, expected, computed: treeHash }, advice);
}
